//! Killed at any instant, started again, no hand moved: one pool per object.

use std::time::{Duration, Instant};

use identity_pool_operator::api::IdentityPoolSpec;

use crate::rig::{Rig, Setup, pool_id};

/// Objects of one round, as the promise names them.
const OBJECTS: usize = 100;
/// Kills in all: half swept over the instants of a creation, half at random.
const KILLS: u32 = 200;
/// Kills of one round.
const KILLS_A_ROUND: u32 = 25;

fn hasty() -> Setup {
    Setup { settle_window: Duration::from_secs(3), ..Setup::default() }
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_kills_during_the_creation_of_a_hundred_objects_leave_one_pool_each() {
    let seed = fastrand::u64(..);
    println!("seed of the random instants: {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let begun = Instant::now();
    for round in 0..KILLS / KILLS_A_ROUND {
        let rig = slow_rig("kills").await;
        for n in 0..OBJECTS {
            rig.create(&format!("app-{n}"), IdentityPoolSpec::default()).await;
        }
        for kill in 0..KILLS_A_ROUND {
            let operator = rig.operator_with(hasty()).await;
            // Alive after about 60 ms; from there on, swept or at random.
            let instant = if kill % 2 == 0 { 60 + u64::from(kill) * 6 } else { random.u64(40..240) };
            tokio::time::sleep(Duration::from_millis(instant)).await;
            operator.kill();
        }
        let _operator = rig.operator_with(hasty()).await;
        for n in 0..OBJECTS {
            let object = rig.until_ready(&format!("app-{n}")).await;
            assert_eq!(rig.pools_owned_by(&object), [pool_id(&object)]);
        }
        assert_eq!(rig.fake.pools().len(), OBJECTS);
        rig.fake.assert_sound();
        let sent = rig.fake.count("CreateIdentityPool");
        println!("round {round}: {sent} calls for {OBJECTS} pools, {:.0?} in all", begun.elapsed());
    }
}

#[tokio::test]
async fn new_objects_survive_a_kill_between_any_two_steps() {
    let rig = slow_rig("steps").await;
    for step in 0..40_u64 {
        let name = format!("app-{step}");
        let operator = rig.operator_with(hasty()).await;
        let listed = async {
            while !operator.telemetry.health.report().1.contains("objects-listed: ok") {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), listed).await.expect("the list is read");
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
