//! The operator dies at every call that a workload takes: before it, with it under way, without its
//! answer, and after it. Another one finishes the work.

use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::seam::{POINTS, Point};

use crate::case::{Case, Played};
use crate::reference::{Reference, begin};
use crate::run::Run;
use crate::world::{Stage, World};

const KIND: &str = "crash";

/// For so long an operator may make something of the last answer that it gets.
const LAST_THOUGHT: Duration = Duration::from_millis(10);

/// Every call of every workload, and every point of it.
pub(crate) fn cases(references: &[Arc<Reference>]) -> Vec<Case> {
    let mut cases = Vec::new();
    for reference in references {
        for call in &reference.calls {
            for point in POINTS.iter().filter(|point| is_another(call, **point)) {
                let name = format!("{KIND}/{}/{call}/{point}", reference.workload.name);
                let (reference, call, point) = (Arc::clone(reference), call.clone(), *point);
                let stage = Stage {
                    late: point == Point::Late,
                    ..Stage::QUICK
                };
                cases.push(Case::new(KIND, name, stage, move |world| {
                    crash(world, reference, call, point)
                }));
            }
        }
    }
    cases
}

/// A read that comes late is as one that never came.
fn is_another(call: &str, point: Point) -> bool {
    let reads = ["Describe", "List", "Get", "get:", "list:", "watch:"];
    point != Point::Late || !reads.iter().any(|read| call.starts_with(read))
}

/// Ends the operator at one point of a call, and has another one finish.
pub(crate) async fn crash(
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
        if point == Point::Answered {
            tokio::time::sleep(LAST_THOUGHT).await;
        }
        world.kill();
        world.seam.forget();
        world.start().await;
        world.seam.release();
    }
    run.finish().await;
    reference.expect_end(&world, 1).await;
    Played {
        recovered: begun.elapsed(),
        met,
    }
}
