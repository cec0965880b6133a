//! What a hostile reviewer thought of: clocks, restores, forgeries and edits at bad
//! moments, each of which once led somewhere.

use std::sync::Arc;
use std::time::Duration;

use identity_pool_operator::api::names::CLAIM_TAG;
use identity_pool_operator::api::{DeletionPolicy, DriftPolicy, IdentityPoolSpec};
use identity_pool_operator::pool::call::{Call, FailureKind, Operation};
use identity_pool_operator::pool::memory::Memory;
use identity_pool_operator::pool::{Facts, Move, Seen, next};
use jiff::SignedDuration;

use crate::budget::TRIES;
use crate::world::{Fate, SETTLE, World, failure, operator, signed_at};

const CREATE: Operation = Operation::CreateIdentityPool;
const UPDATE: Operation = Operation::UpdateIdentityPool;
const DESCRIBE: Operation = Operation::DescribeIdentityPool;
const HOUR: Duration = Duration::from_secs(3600);

fn world() -> World {
    World::new(IdentityPoolSpec::default())
}

fn deletable() -> World {
    World::new(IdentityPoolSpec {
        deletion_policy: Some(DeletionPolicy::Delete),
        ..Default::default()
    })
}

fn begin(world: &mut World) -> Facts {
    let object = Arc::new(world.object().clone());
    Facts::begin(operator(), world.moment(), object, world.memory.clone())
}

/// A world whose create call was refused, and what it looked like then.
fn refused_then_made_by_another(mut world: World) -> (World, Memory) {
    world
        .fates
        .push_back((CREATE, Fate::Refused(FailureKind::Quota)));
    world.pass();
    let (backup, mut memory) = (world.object.clone(), world.memory.clone());
    // The other replica goes on.
    world.restart();
    world.run(HOUR);
    assert_eq!(world.owned().len(), 1);
    world.wait(24 * HOUR);
    // etcd is restored under the first, whose watch lists anew.
    world.object = backup;
    world.touch();
    memory.relisted();
    (world, memory)
}

#[test]
fn a_region_edited_while_the_claim_is_written_is_not_mixed_up() {
    let mut world = world();
    let mut facts = begin(&mut world);
    let mut edited = false;
    for _ in 0..80 {
        facts.moment = world.moment();
        let mv = next(&facts);
        match &mv {
            Move::Rest(rest) => {
                assert!(
                    rest.after
                        .is_some_and(|after| after < Duration::from_secs(1))
                );
                assert!(world.pools.is_empty());
                return;
            }
            Move::WriteClaim(_) if !edited => {
                edited = true;
                world.edit(|spec| spec.region = Some("us-east-1".into()));
            }
            Move::WriteClaim(claim) => panic!("a claim for {}", claim.region),
            _ => {}
        }
        let seen = world.carry_out(mv, &facts);
        facts.learn(seen, world.now);
    }
    panic!("no end");
}

#[test]
fn status_names_the_region_of_the_claim_not_of_a_later_edit() {
    let mut world = world();
    world.meanwhile = Some((CREATE, |world| {
        world.edit(|spec| spec.region = Some("us-east-1".into()));
    }));
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/AccountMismatch");
    assert_eq!(world.status().region.as_deref(), Some("eu-west-1"));
    assert!(
        world
            .status()
            .identity_pool_arn
            .is_some_and(|arn| arn.contains(":eu-west-1:"))
    );
}

#[test]
fn a_void_claim_brought_back_by_a_restore_is_searched_for() {
    let (mut world, memory) = refused_then_made_by_another(world());
    world.memory = memory;
    world.run(HOUR);
    assert_eq!(world.owned().len(), 1);
    assert_eq!(world.condition("Ready"), "True/InSync");
}

#[test]
fn a_void_claim_brought_back_by_a_restore_drops_no_finalizer() {
    let (mut world, memory) = refused_then_made_by_another(deletable());
    world.memory = memory;
    world.delete();
    world.run(HOUR);
    assert!(
        world.object.is_none() && world.owned().is_empty(),
        "{:?}",
        world.owned()
    );
}

#[test]
fn no_finalizer_goes_by_a_clock_that_is_known_to_be_off() {
    let mut world = deletable();
    world.fates.push_back((CREATE, Fate::Late));
    world.pass();
    let sent = world.now;
    world.delete();
    world.pass();
    // The node's clock jumps, and every answer of AWS says so.
    world.wait(SETTLE + Duration::from_secs(60));
    world.clock_offset = Some(SignedDuration::from_secs(-470));
    world.run(Duration::from_secs(30));
    assert!(world.object.is_some());
    assert_eq!(world.condition("Stalled"), "True/ClockSkew");
    world.now = sent + SignedDuration::from_secs(60);
    let call = world.wire.pop().expect("under way");
    world.deliver(call);
    world.clock_offset = None;
    world.run(HOUR);
    assert!(world.object.is_none() && world.pools.is_empty());
}

#[test]
fn a_recorded_id_that_is_gone_settles_no_other_claim() {
    let mut world = deletable();
    world.fates.push_back((CREATE, Fate::Late));
    world.pass();
    world.wait(Duration::from_secs(70));
    world.forge("eu-west-1:99999999");
    world.delete();
    world.run(Duration::from_secs(60));
    assert!(
        world.object.is_some(),
        "the finalizer waits for the call under way"
    );
    let call = world.wire.pop().expect("under way");
    world.deliver(call);
    world.run(HOUR);
    assert!(world.object.is_none() && world.pools.is_empty());
}

#[test]
fn a_lost_claim_tag_is_put_back_where_updates_ignore_tags() {
    let mut world = world();
    world.pass();
    world.count_anew();
    world.update_ignores_tags = true;
    let tags = |world: &mut World| world.pools.values_mut().next().expect("one").tags.clone();
    let before = tags(&mut world);
    world
        .pools
        .values_mut()
        .next()
        .expect("one")
        .tags
        .remove(CLAIM_TAG);
    world.wait(Duration::from_secs(2000));
    world.pass();
    assert_eq!(
        world.calls.iter().filter(|call| **call == UPDATE).count(),
        1
    );
    assert_eq!(tags(&mut world), before);
}

#[test]
fn a_lost_claim_tag_is_reported_once() {
    let mut world = World::new(IdentityPoolSpec {
        drift_policy: Some(DriftPolicy::Report),
        ..Default::default()
    });
    world.pass();
    world.count_anew();
    world
        .pools
        .values_mut()
        .next()
        .expect("one")
        .tags
        .remove(CLAIM_TAG);
    world.wait(Duration::from_secs(2000));
    world.pass();
    assert_eq!(world.writes.len(), 1);
}

#[test]
fn a_deletion_gets_through_where_every_call_waits_for_its_turn() {
    let mut world = deletable();
    world.pass();
    world.count_anew();
    world.wait(Duration::from_secs(120));
    world.delete();
    let mut facts = begin(&mut world);
    loop {
        facts.moment = world.moment();
        let mv = next(&facts);
        if matches!(mv, Move::Rest(_)) {
            break;
        }
        let deletes = matches!(mv, Move::Call(Call::DeleteIdentityPool { .. }));
        if matches!(mv, Move::Reserve | Move::Call(_)) && !deletes {
            // The line before the budget.
            world.wait(Duration::from_secs(21));
        }
        let seen = world.carry_out(mv, &facts);
        facts.learn(seen, world.now);
    }
    let looks = world.calls.iter().filter(|call| **call == DESCRIBE).count();
    assert!(world.pools.is_empty() && looks <= 3, "{looks} looks");
}

#[test]
fn a_claim_from_a_clock_that_was_ahead_is_settled_from_its_own_time() {
    let mut world = world();
    let right = world.now;
    // This node's clock has just jumped ahead by 290 s, still within AWS's tolerance.
    world.wait(Duration::from_secs(290));
    world.fates.push_back((CREATE, Fate::Late));
    world.pass();
    world.restart();
    world.now = right + SignedDuration::from_secs(5);
    world.run(SETTLE + Duration::from_secs(60));
    let call = world.wire.pop().expect("under way");
    let last = signed_at(&call).expect("signed") + SignedDuration::from_secs(299);
    assert!(world.now < last);
    world.deliver(call);
    assert_eq!(world.owned().len(), 1);
}

#[test]
fn a_recorded_id_of_the_wrong_form_is_healed() {
    let mut world = world();
    world.pass();
    world.wait(Duration::from_secs(120));
    world.forge("nonsense");
    world
        .fates
        .push_back((DESCRIBE, Fate::Refused(FailureKind::Invalid)));
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert_eq!(
        world.status().identity_pool_id.as_deref(),
        Some(world.owned()[0].as_str())
    );
}

#[test]
fn a_pause_does_not_outlast_a_clock_that_was_set_back() {
    let mut world = world();
    for _ in 0..TRIES {
        world
            .fates
            .push_back((CREATE, Fate::Refused(FailureKind::Throttled)));
    }
    world.wait(24 * HOUR);
    world.pass();
    world.now -= SignedDuration::from_hours(24);
    world.run(HOUR);
    assert_eq!(world.condition("Ready"), "True/InSync");
}

#[test]
fn a_repeat_with_a_time_in_its_message_writes_nothing() {
    let mut world = world();
    let refused = |world: &mut World, message: &str| {
        world.wait(Duration::from_secs(400));
        let mut facts = begin(world);
        loop {
            facts.moment = world.moment();
            match next(&facts) {
                Move::Rest(rest) => {
                    world.memory = rest.memory.expect("memory");
                    return;
                }
                Move::Call(call) if call.operation() == CREATE => {
                    let mut failure = failure(CREATE, FailureKind::Credentials);
                    failure.message = message.into();
                    facts.learn(Seen::Answered(Box::new(call), Err(failure)), world.now);
                }
                other => {
                    let seen = world.carry_out(other, &facts);
                    facts.learn(seen, world.now);
                }
            }
        }
    };
    refused(
        &mut world,
        "Token expired: current time 1795514400 must be before 1795514000",
    );
    world.count_anew();
    refused(
        &mut world,
        "Token expired: current time 1795514800 must be before 1795514000",
    );
    assert!(!world.writes.contains(&"status"), "{:?}", world.writes);
}

#[test]
fn a_call_under_way_is_remembered_when_its_object_goes_and_comes_back() {
    let mut world = world();
    let backup = world.object.clone();
    world.fates.push_back((CREATE, Fate::Late));
    // Somebody takes the finalizer away and deletes the object while the call is under way.
    world.meanwhile = Some((CREATE, |world| world.object = None));
    world.pass();
    world.object = backup;
    world.touch();
    world.pass();
    let call = world.wire.pop().expect("under way");
    world.deliver(call);
    world.run(HOUR);
    assert_eq!(world.owned().len(), 1);
    assert_eq!(world.condition("Ready"), "True/InSync");
}

#[test]
fn an_update_that_may_come_late_is_looked_after() {
    let mut world = world();
    world.pass();
    world.edit(|spec| spec.identity_pool_name = Some("one".into()));
    world.fates.push_back((UPDATE, Fate::Late));
    world.pass();
    world.wait(Duration::from_secs(3));
    world.edit(|spec| spec.identity_pool_name = Some("two".into()));
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    world.wait(Duration::from_secs(200));
    let late = world.wire.pop().expect("under way");
    world.deliver(late);
    world.run(Duration::from_secs(400));
    let pool = world.pools.values().next().expect("one");
    assert_eq!(pool.settings.identity_pool_name, "two");
}
