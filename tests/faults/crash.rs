//! The operator dies at every call that a workload takes: before it, with it under way, without its
//! answer, and after it. Another one finishes the work.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::seam::{POINTS, Point};

use crate::case::{Case, Played};
use crate::reference::{Reference, begin};
use crate::workloads;
use crate::world::World;

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
                cases.push(Case::new(KIND, name, workloads::setup(), move |world| {
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

async fn crash(world: Arc<World>, reference: Arc<Reference>, call: String, point: Point) -> Played {
    begin(&world, reference.workload).await;
    world.seam.stop_at(&call, point);
    let mut act = tokio::spawn((reference.workload.act)(Arc::clone(&world)));
    let ended = tokio::select! {
        biased;
        () = world.seam.stopped() => None,
        ended = &mut act => Some(ended),
    };
    if ended.is_some() {
        // What it has to tell afterwards can go wrong as well.
        world.rest().await;
    }
    let begun = Instant::now();
    let met = world.seam.has_stopped();
    if met {
        if point == Point::Answered {
            tokio::time::sleep(LAST_THOUGHT).await;
        }
        world.kill();
        world.seam.forget();
        world.start().await;
        world.seam.release();
    }
    let ended = match ended {
        Some(ended) => ended,
        None => act.await,
    };
    if let Err(error) = ended {
        resume_unwind(error.into_panic());
    }
    reference.expect_end(&world, 1).await;
    Played {
        recovered: begun.elapsed(),
        met,
    }
}
