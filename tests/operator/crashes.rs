//! Killed at any instant, started again, no hand moved: one pool per object.

use std::time::{Duration, Instant};

use identity_pool_operator::api::names::CLAIM_ANNOTATION;
use identity_pool_operator::api::{IdentityPool, IdentityPoolSpec};
use kube::ResourceExt;
use kube::api::ListParams;

use crate::rig::{Rig, Setup, pool_id};

/// Objects of one round, as the promise names them.
const OBJECTS: usize = 100;
/// Kills in all: half swept over the instants of a creation, half at random.
const KILLS: u32 = 200;
/// Kills of one round.
const KILLS_A_ROUND: u32 = 25;

fn hasty() -> Setup {
    Setup {
        settle_window: Duration::from_secs(3),
        ..Setup::default()
    }
}

/// Calls take as long as the steps around them, so that a kill hits each alike.
async fn slow_rig(prefix: &str) -> Rig {
    let rig = Rig::new(prefix).await;
    rig.fake.configure(|settings| {
        settings.latency = Duration::from_millis(8);
        settings.signature_window = Duration::from_secs(2);
    });
    rig
}

/// Objects with a claim and without a record: a creation that the kill left in doubt.
async fn unrecorded(rig: &Rig) -> usize {
    let objects = rig
        .pools
        .list(&ListParams::default())
        .await
        .expect("a list");
    let in_doubt = |object: &&IdentityPool| {
        let recorded = object
            .status
            .as_ref()
            .and_then(|status| status.identity_pool_id.as_ref());
        object.annotations().contains_key(CLAIM_ANNOTATION) && recorded.is_none()
    };
    objects.items.iter().filter(in_doubt).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_kills_during_the_creation_of_a_hundred_objects_leave_one_pool_each() {
    let seed = fastrand::u64(..);
    println!("seed of the random instants: {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let begun = Instant::now();
    let mut in_doubt = 0;
    for round in 0..KILLS / KILLS_A_ROUND {
        let rig = slow_rig("kills").await;
        for n in 0..OBJECTS {
            rig.create(&format!("app-{n}"), IdentityPoolSpec::default())
                .await;
        }
        for kill in 0..KILLS_A_ROUND {
            let operator = rig.operator_with(hasty()).await;
            // Alive after about 60 ms; from there on, swept or at random.
            let instant = if kill % 2 == 0 {
                60 + u64::from(kill) * 6
            } else {
                random.u64(40..240)
            };
            tokio::time::sleep(Duration::from_millis(instant)).await;
            operator.kill();
            in_doubt += unrecorded(&rig).await;
        }
        let _operator = rig.operator_with(hasty()).await;
        for n in 0..OBJECTS {
            let object = rig.until_ready(&format!("app-{n}")).await;
            assert_eq!(rig.pools_owned_by(&object), [pool_id(&object)]);
        }
        assert_eq!(rig.fake.pools().len(), OBJECTS);
        rig.fake.assert_sound();
        let sent = rig.fake.count("CreateIdentityPool");
        println!(
            "round {round}: {sent} calls for {OBJECTS} pools, {in_doubt} creations in doubt so far, {:.0?}",
            begun.elapsed()
        );
    }
    assert!(
        in_doubt >= KILLS as usize / 4,
        "only {in_doubt} kills hit a creation under way"
    );
}

#[tokio::test]
async fn new_objects_survive_a_kill_between_any_two_steps() {
    let rig = slow_rig("steps").await;
    for step in 0..40_u64 {
        let name = format!("app-{step}");
        let operator = rig.operator_with(hasty()).await;
        operator.listed().await;
        rig.create(&name, IdentityPoolSpec::default()).await;
        tokio::time::sleep(Duration::from_millis(step)).await;
        operator.kill();
    }
    let _operator = rig.operator_with(hasty()).await;
    for step in 0..40 {
        let object = rig.until_ready(&format!("app-{step}")).await;
        assert_eq!(rig.pools_owned_by(&object), [pool_id(&object)]);
    }
    assert_eq!(rig.fake.pools().len(), 40);
    rig.fake.assert_sound();
}
