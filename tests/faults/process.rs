//! The binary itself under real signals: SIGKILL at a call, and SIGSTOP for seconds while another
//! operator works.

use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::operator::Signal;
use harness::seam::{POINTS, Point};

use crate::case::{Case, Played};
use crate::reference::{Reference, begin};
use crate::run::Run;
use crate::world::{Stage, World};

const KILL: &str = "sigkill";
const STOP: &str = "sigstop";

/// How long the process stands still, in seconds: around the settle window of these cases.
const PAUSES: [u64; 4] = [1, 2, 4, 5];

/// Around the operator's windows, in seconds: within the fence, beyond it, and beyond the minute in
/// which a pool may not be visible yet.
const LONG_PAUSES: [u64; 3] = [10, 30, 60];

/// The workloads in which it matters most what a process does that wakes up late.
const SLEPT_THROUGH: [&str; 3] = ["create", "update", "delete-and-again"];

/// Writes to the object, and changes in AWS: a process that stands still at the first of each may
/// wake up with a claim and no call, or with a call and no record.
const TURNS: [&[&str]; 2] = [&["patch:identitypools"], &["Create", "Update", "Delete"]];

/// Two calls of each workload are a sample of the calls; the operator within this process dies at
/// all of them.
pub(crate) fn cases(references: &[Arc<Reference>]) -> Vec<Case> {
    let mut cases = Vec::new();
    for (place, reference) in references.iter().enumerate() {
        let changes = |call: &&String| call.contains("patch:identitypools") || !call.contains(':');
        let calls: Vec<&String> = reference.calls.iter().filter(changes).collect();
        for (turn, point) in [place, place + 2].into_iter().enumerate() {
            let Some(call) = calls.get((place + turn * 3) % calls.len().max(1)) else {
                continue;
            };
            let point = POINTS[point % POINTS.len()];
            cases.push(kill(reference, call, point));
        }
        if let Some(call) = calls.last() {
            let seconds = PAUSES[place % PAUSES.len()];
            cases.push(stop(reference, call, Duration::from_secs(seconds)));
        }
    }
    cases
}

/// The process stands still for long. These cases take a minute and no work: they had best begin
/// first.
pub(crate) fn long_cases(references: &[Arc<Reference>]) -> Vec<Case> {
    let slept = |reference: &&Arc<Reference>| SLEPT_THROUGH.contains(&reference.workload.name);
    let mut cases = Vec::new();
    for reference in references.iter().filter(slept) {
        let first = |verbs: &&[&str]| {
            let is_one = |call: &&String| verbs.iter().any(|verb| call.starts_with(verb));
            reference.calls.iter().find(is_one)
        };
        for call in TURNS.iter().filter_map(first) {
            let pause = |seconds| stop(reference, call, Duration::from_secs(seconds));
            cases.extend(LONG_PAUSES.map(pause));
        }
    }
    cases
}

fn kill(reference: &Arc<Reference>, call: &str, point: Point) -> Case {
    let name = format!("{KILL}/{}/{call}/{point}", reference.workload.name);
    let (reference, call) = (Arc::clone(reference), call.to_owned());
    Case::new(KILL, name, Stage::PROCESS, move |world| {
        crate::crash::crash(world, reference, call, point)
    })
}

fn stop(reference: &Arc<Reference>, call: &str, pause: Duration) -> Case {
    let seconds = pause.as_secs();
    let name = format!("{STOP}/{}/{call}/{seconds}s", reference.workload.name);
    let (reference, call) = (Arc::clone(reference), call.to_owned());
    Case::new(STOP, name, Stage::PROCESS, move |world| {
        stand_still(world, reference, call, pause)
    })
}

async fn stand_still(
    world: Arc<World>,
    reference: Arc<Reference>,
    call: String,
    pause: Duration,
) -> Played {
    begin(&world, reference.workload).await;
    world.seam.stop_at(&call, Point::Before);
    let mut run = Run::of(reference.workload, &world);
    let met = run.until_stopped(&world).await;
    let begun = Instant::now();
    if met {
        // What it has sent is on its way; what it has not sent, it sends when it wakes up.
        world.signal(Signal::STOP);
        world.seam.resume();
        world.start_ally().await;
        tokio::time::sleep(pause.saturating_sub(begun.elapsed())).await;
        world.signal(Signal::CONT);
    }
    run.finish().await;
    world.rest().await;
    reference.expect_end(&world, 2).await;
    Played {
        recovered: begun.elapsed(),
        met,
    }
}
