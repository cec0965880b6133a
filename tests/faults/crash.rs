//! The operator dies at every call that a workload takes: before it, with it under way, without its
//! answer, and after it. Another one finishes the work.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt};
use harness::seam::{POINTS, Point};

use crate::case::{Case, Played, is_chosen};
use crate::snapshot;
use crate::table::LOST;
use crate::workloads::{self, WORKLOADS, Workload};
use crate::world::World;

const KIND: &str = "crash";

/// For so long an operator may make something of the last answer that it gets.
const LAST_THOUGHT: Duration = Duration::from_millis(10);

/// A workload as it goes when nothing goes wrong.
pub(crate) struct Reference {
    pub(crate) workload: Workload,
    /// Every call that the operator made.
    pub(crate) calls: Vec<String>,
    end: String,
    changes: BTreeMap<String, usize>,
}

/// Plays the workloads once without faults, those whose cases may be chosen.
pub(crate) async fn references(kind: &str, chosen: Option<&str>) -> Vec<Arc<Reference>> {
    let named = |workload: &&Workload| is_chosen(chosen, &format!("{kind}/{}/", workload.name));
    stream::iter(WORKLOADS.iter().filter(named))
        .map(|workload| record(*workload))
        .buffered(WORKLOADS.len())
        .collect()
        .await
}

async fn record(workload: Workload) -> Arc<Reference> {
    let world = World::new(workloads::setup()).await;
    begin(&world, workload).await;
    (workload.act)(Arc::clone(&world)).await;
    world.rest().await;
    let broken = [world.rig.fake.violations(), world.oracle.broken()].concat();
    assert!(broken.is_empty(), "{}: {broken:?}", workload.name);
    Arc::new(Reference {
        workload,
        calls: world.seam.calls(),
        end: snapshot::of(&world).await,
        changes: changes(&world),
    })
}

/// Gets a world ready, and counts from there on.
pub(crate) async fn begin(world: &Arc<World>, workload: Workload) {
    (workload.prepare)(Arc::clone(world)).await;
    world.rest().await;
    world.seam.count_anew();
    world.proxy.reset_journal();
    world.rig.fake.reset_journal();
}

/// Calls that changed something in AWS, by name.
fn changes(world: &World) -> BTreeMap<String, usize> {
    let mut changes = BTreeMap::new();
    for call in world.rig.fake.calls() {
        let reads = ["Describe", "List", "Get"];
        if call.executed && !reads.iter().any(|read| call.operation.starts_with(read)) {
            *changes.entry(call.operation).or_default() += 1;
        }
    }
    changes
}

impl Reference {
    /// The end is that of the run without faults, and nothing was changed more often than the
    /// faults explain: each can have one change of a kind repeated, and no creation at all.
    pub(crate) async fn expect_end(&self, world: &World, faults: usize) {
        let begun = Instant::now();
        let mut end = snapshot::of(world).await;
        while end != self.end && begun.elapsed() < Duration::from_secs(10) {
            tokio::time::sleep(Duration::from_millis(50)).await;
            end = snapshot::of(world).await;
        }
        let pools = |text: &str| text.matches(r#""pool":{"#).count();
        let lost = if pools(&end) < pools(&self.end) { LOST } else { "the end differs" };
        assert!(
            end == self.end,
            "{lost}\n  without faults:\n    {}\n  now:\n    {}",
            snapshot::difference(&self.end, &end),
            snapshot::difference(&end, &self.end)
        );
        for (operation, times) in changes(world) {
            let expected = self.changes.get(&operation).copied().unwrap_or(0);
            let most = match operation.as_str() {
                "CreateIdentityPool" | "DeleteIdentityPool" => expected,
                _ => expected + faults,
            };
            assert!(times <= most, "{operation} was executed {times} times instead of {expected}");
        }
    }
}

/// Every call of every workload, and every point of it.
pub(crate) async fn cases(chosen: Option<&str>) -> Vec<Case> {
    let mut cases = Vec::new();
    for reference in references(KIND, chosen).await {
        for call in &reference.calls {
            for point in POINTS.iter().filter(|point| is_another(call, **point)) {
                let name = format!("{KIND}/{}/{call}/{point}", reference.workload.name);
                let (reference, call, point) = (Arc::clone(&reference), call.clone(), *point);
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
