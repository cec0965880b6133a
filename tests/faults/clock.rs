//! AWS's clock and the operator's are apart: within bounds nobody notices, beyond them nothing is
//! created, and once they agree again everything is as it would have been.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::SignedDuration;

use crate::case::{Case, Played};
use crate::reference::{Reference, begin};
use crate::rig::condition;
use crate::run::Run;
use crate::world::{Stage, World};

const KIND: &str = "clock";

/// Seconds by which AWS is ahead. Beyond 30 no pool is made (`docs/creating-once.md`), beyond 300
/// AWS refuses every signature.
const OFFSETS: [i64; 10] = [-400, -200, -60, -35, -25, 25, 35, 60, 200, 400];
const TOLERATED: i64 = 30;

/// A workload that no skew stops has ended by then.
const LONG_ENOUGH: Duration = Duration::from_secs(3);

pub(crate) fn cases(references: &[Arc<Reference>]) -> Vec<Case> {
    let mut cases = Vec::new();
    for reference in references {
        for offset in OFFSETS {
            let name = format!("{KIND}/{}/{offset}s", reference.workload.name);
            let reference = Arc::clone(reference);
            cases.push(Case::new(KIND, name, Stage::QUICK, move |world| {
                apart(world, reference, offset)
            }));
        }
    }
    cases
}

async fn apart(world: Arc<World>, reference: Arc<Reference>, offset: i64) -> Played {
    begin(&world, reference.workload).await;
    let set = |seconds| {
        world
            .rig
            .fake
            .configure(|settings| settings.date_offset = SignedDuration::from_secs(seconds));
    };
    set(offset);
    let mut run = Run::of(reference.workload, &world);
    let tolerated = offset.abs() <= TOLERATED;
    if !tolerated {
        run.until(noticed(&world)).await;
        let created = world.rig.fake.executed("CreateIdentityPool");
        assert_eq!(
            created, 0,
            "a pool was made by a clock that is {offset} s off"
        );
    }
    let begun = Instant::now();
    if !tolerated {
        set(0);
        world.ask_all().await;
    }
    run.finish().await;
    reference.expect_end(&world, 1).await;
    Played {
        recovered: begun.elapsed(),
        met: true,
    }
}

/// The operator has said that something is amiss, or had the time to.
async fn noticed(world: &World) {
    let says_so = async {
        loop {
            for object in world.objects().await {
                let status = object.status.unwrap_or_default();
                let (stalled, waits) = (
                    condition(&status, "Stalled"),
                    condition(&status, "Reconciling"),
                );
                if stalled.starts_with("True") || waits == "True/AwsUnavailable" {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let _ = tokio::time::timeout(LONG_ENOUGH, says_so).await;
}
