//! The operator stands still, as a process does that gets no time, and another one works meanwhile;
//! then it goes on where it was. And two that work at once from the start.

use std::sync::Arc;
use std::time::Instant;

use harness::seam::Point;

use crate::case::{Case, Played};
use crate::reference::{Reference, begin};
use crate::run::Run;
use crate::world::{Stage, World};

const PAUSE: &str = "pause";
const LEADERS: &str = "two-leaders";

/// Two operators race: each round meets in another order.
const ROUNDS: usize = 3;

/// The operator stands still before each call that a workload takes, and before each answer.
pub(crate) fn cases(references: &[Arc<Reference>]) -> Vec<Case> {
    let mut cases = Vec::new();
    for reference in references {
        for call in &reference.calls {
            for point in [Point::Before, Point::Unanswered] {
                let name = format!("{PAUSE}/{}/{call}/{point}", reference.workload.name);
                let (reference, call) = (Arc::clone(reference), call.clone());
                cases.push(Case::new(PAUSE, name, Stage::LATE, move |world| {
                    stand_still(world, reference, call, point)
                }));
            }
        }
        for round in 1..=ROUNDS {
            let name = format!("{LEADERS}/{}/round-{round}", reference.workload.name);
            let reference = Arc::clone(reference);
            cases.push(Case::new(LEADERS, name, Stage::LATE, move |world| {
                both_at_once(world, reference)
            }));
        }
    }
    cases
}

async fn stand_still(
    world: Arc<World>,
    reference: Arc<Reference>,
    call: String,
    point: Point,
) -> Played {
    begin(&world, reference.workload).await;
    world.seam.stop_at(&call, point);
    let mut run = Run::of(reference.workload, &world);
    let met = run.until_stopped(&world).await;
    let begun = Instant::now();
    if met {
        world.start_ally().await;
    }
    run.finish().await;
    world.seam.resume();
    reference.expect_end(&world, 2).await;
    world.rest().await;
    reference.expect_end(&world, 2).await;
    Played {
        recovered: begun.elapsed(),
        met,
    }
}

async fn both_at_once(world: Arc<World>, reference: Arc<Reference>) -> Played {
    begin(&world, reference.workload).await;
    world.start_ally().await;
    let begun = Instant::now();
    Run::of(reference.workload, &world).finish().await;
    world.rest().await;
    reference.expect_end(&world, 2).await;
    Played {
        recovered: begun.elapsed(),
        met: true,
    }
}
