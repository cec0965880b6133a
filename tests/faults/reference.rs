//! A workload as it goes when nothing goes wrong, and what a run with faults may differ by.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt};

use crate::rig::PATIENCE;
use crate::snapshot;
use crate::table::LOST;
use crate::workloads::{WORKLOADS, Workload};
use crate::world::{Stage, World};

/// A workload as it goes when nothing goes wrong.
pub(crate) struct Reference {
    pub(crate) workload: Workload,
    /// Every call that the operator made.
    pub(crate) calls: Vec<String>,
    end: String,
    changes: BTreeMap<String, usize>,
}

/// Plays the workloads once without faults.
pub(crate) async fn references(workloads: Vec<Workload>) -> Vec<Arc<Reference>> {
    stream::iter(workloads)
        .map(record)
        .buffered(WORKLOADS.len())
        .collect()
        .await
}

async fn record(workload: Workload) -> Arc<Reference> {
    let world = World::new(Stage::QUICK).await;
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
        // What came of the last call may not be seen to yet: on a busy machine AWS may have refused
        // a signature as too old, where the window for that is short.
        let begun = Instant::now();
        let mut end = snapshot::of(world).await;
        while end != self.end && begun.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(50)).await;
            end = snapshot::of(world).await;
        }
        let pools = |text: &str| text.matches(r#""pool":{"#).count();
        let lost = if pools(&end) < pools(&self.end) {
            LOST
        } else {
            "the end differs"
        };
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
            assert!(
                times <= most,
                "{operation} was executed {times} times instead of {expected}"
            );
        }
    }
}
