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

/// How long the process stands still: around the settle window of these cases.
const PAUSES: [u64; 4] = [1, 2, 4, 5];

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
