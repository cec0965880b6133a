//! Workloads at random, with several things at random that go wrong in each, one after the other.
//!
//! A seed names a case: what goes wrong, and in which order, follows from it alone.

use std::env;
use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::cognito::{Fault, FaultKind};
use harness::seam::{POINTS, Point};

use crate::aws;
use crate::case::{Case, Played};
use crate::reference::{Reference, begin};
use crate::run::Run;
use crate::world::{Stage, World};

pub(crate) const KIND: &str = "soak";

/// Cases when neither their number nor a time is given.
const CASES: u64 = 40_000;

/// Mishaps of one case, at most.
const MISHAPS: usize = 4;

/// Calls after the last mishap within which the next one comes.
const NEAR: u64 = 8;

/// What goes wrong.
enum Mishap {
    /// The operator dies at a point of one of its next calls.
    Crash(u64, Point),
    /// The operator stands still at one of its next calls while another one begins to work.
    Pause(u64, Point),
    /// One of the next calls to AWS fails.
    Aws(u64, FaultKind),
}

/// How long to go on, and with which seeds.
pub(crate) struct Plan {
    first: u64,
    cases: u64,
    until: Option<Instant>,
}

impl Plan {
    /// `SOAK_SEED` is the first seed, drawn where none is given; `SOAK_CASES` the number of cases
    /// or `SOAK_SECONDS` the time.
    pub(crate) fn of_environment() -> Self {
        let number = |name| {
            env::var(name)
                .ok()
                .and_then(|text| text.parse::<u64>().ok())
        };
        let seconds = number("SOAK_SECONDS");
        let until = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        let unbounded = if until.is_some() { u64::MAX } else { CASES };
        Self {
            first: number("SOAK_SEED").unwrap_or_else(|| u64::from(fastrand::u32(..))),
            cases: number("SOAK_CASES").unwrap_or(unbounded),
            until,
        }
    }

    /// The cases, one after the other; none begins once the time is over.
    pub(crate) fn cases(self, references: Vec<Arc<Reference>>) -> impl Iterator<Item = Case> {
        println!("first seed: {}", self.first);
        let seeds = self.first..self.first.saturating_add(self.cases);
        let until = self.until;
        seeds
            .take_while(move |_| until.is_none_or(|until| Instant::now() < until))
            .map(move |seed| case(&references, seed))
    }
}

/// The seed in the name of a case, for whoever repeats it.
pub(crate) fn seed(name: &str) -> Option<u64> {
    name.strip_prefix(KIND)?.strip_prefix('/')?.parse().ok()
}

/// The case of a seed.
pub(crate) fn case(references: &[Arc<Reference>], seed: u64) -> Case {
    let mut random = fastrand::Rng::with_seed(seed);
    let reference = Arc::clone(&references[random.usize(..references.len())]);
    let mishaps = (0..random.usize(1..=MISHAPS)).map(|_| mishap(&mut random));
    let mishaps: Vec<Mishap> = mishaps.collect();
    let name = format!("{KIND}/{seed}");
    Case::new(KIND, name, Stage::LATE, move |world| {
        play(world, reference, mishaps)
    })
}

fn mishap(random: &mut fastrand::Rng) -> Mishap {
    let call = random.u64(1..=NEAR);
    match random.u8(..5) {
        0 | 1 => Mishap::Crash(call, POINTS[random.usize(..POINTS.len())]),
        2 => Mishap::Pause(call, [Point::Before, Point::Unanswered][random.usize(..2)]),
        _ => {
            let passing = aws::passing();
            let kind = passing[random.usize(..passing.len())].clone();
            Mishap::Aws(random.u64(0..4), kind)
        }
    }
}

async fn play(world: Arc<World>, reference: Arc<Reference>, mishaps: Vec<Mishap>) -> Played {
    begin(&world, reference.workload).await;
    let mut run = Run::of(reference.workload, &world);
    let (count, mut met) = (mishaps.len(), false);
    let mut begun = Instant::now();
    for mishap in mishaps {
        met |= befall(&world, &mut run, mishap).await;
        begun = Instant::now();
    }
    run.finish().await;
    world.seam.resume();
    world.seam.release();
    world.rest().await;
    // Each pause brings another operator with it, which does its part once more.
    reference.expect_end(&world, 2 * count + 1).await;
    Played {
        recovered: begun.elapsed(),
        met,
    }
}

async fn befall(world: &Arc<World>, run: &mut Run, mishap: Mishap) -> bool {
    let nth = |call: u64| format!("#{}", world.seam.calls().len() as u64 + call);
    match mishap {
        Mishap::Crash(call, point) => {
            world.seam.stop_at(&nth(call), point);
            let met = run.until_stopped(world).await;
            if met {
                world.kill();
                world.seam.forget();
                world.start().await;
                world.seam.release();
            }
            met
        }
        Mishap::Pause(call, point) => {
            world.seam.stop_at(&nth(call), point);
            let met = run.until_stopped(world).await;
            if met {
                world.start_ally().await;
                world.rest().await;
                world.seam.resume();
            }
            met
        }
        Mishap::Aws(skip, kind) => {
            let skip = usize::try_from(skip).unwrap_or_default();
            world.rig.fake.inject(Fault::on("*", kind).skip(skip));
            true
        }
    }
}
