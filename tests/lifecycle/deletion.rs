//! Nothing is lost and nothing is left behind when an object goes.

use std::time::Duration;

use identity_pool_operator::api::names::OWNER_TAG;
use identity_pool_operator::api::{DeletionPolicy, IdentityPoolSpec, ManagementPolicy};
use identity_pool_operator::pool::call::{FailureKind, Operation};
use identity_pool_operator::pool::notes::Weight;
use identity_pool_operator::pool::rest::{Outcome, Rest};

use crate::world::{Fate, SETTLE, World};

const DELETE: Operation = Operation::DeleteIdentityPool;
const HOUR: Duration = Duration::from_secs(3600);

fn ready(policy: Option<DeletionPolicy>) -> World {
    let mut world = World::new(IdentityPoolSpec {
        deletion_policy: policy,
        ..Default::default()
    });
    world.pass();
    world.count_anew();
    world
}

#[test]
fn an_empty_pool_goes_with_its_object() {
    let mut world = ready(None);
    assert_eq!(
        world.status().deletion_policy,
        Some(DeletionPolicy::DeleteIfEmpty)
    );
    world.delete();
    world.pass();
    assert!(world.pools.is_empty() && world.object.is_none());
    assert_eq!(world.writes, ["finalizer"]);
}

#[test]
fn a_pool_with_identities_stays_until_a_person_decides() {
    let mut world = ready(None);
    world.identities = true;
    world.delete();
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/PoolNotEmpty");
    assert!(!world.calls.contains(&DELETE));
    world.edit(|spec| spec.deletion_policy = Some(DeletionPolicy::Delete));
    world.pass();
    assert!(world.pools.is_empty() && world.object.is_none());
}

#[test]
fn retain_lets_go_whatever_state_aws_is_in() {
    let mut world = ready(None);
    world.delete();
    world.fates.push_back((
        Operation::DescribeIdentityPool,
        Fate::Refused(FailureKind::Denied),
    ));
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/AccessDenied");
    world.count_anew();
    world.edit(|spec| spec.deletion_policy = Some(DeletionPolicy::Retain));
    world.pass();
    assert!(world.object.is_none());
    assert_eq!((world.calls.len(), world.pools.len()), (0, 1));
}

#[test]
fn a_pool_that_is_gone_already_holds_up_nothing() {
    let mut world = ready(Some(DeletionPolicy::Delete));
    world.wait(Duration::from_secs(120));
    world.pools.clear();
    world.delete();
    world.pass();
    assert!(world.object.is_none());
}

#[test]
fn a_foreign_pool_is_not_deleted() {
    let mut world = ready(Some(DeletionPolicy::Delete));
    let id = world.owned()[0].clone();
    world
        .pools
        .get_mut(&id)
        .expect("there")
        .tags
        .insert(OWNER_TAG.into(), "other/1".into());
    world.delete();
    world.run(HOUR);
    assert_eq!(world.condition("Stalled"), "True/ForeignOwner");
    assert!(!world.calls.contains(&DELETE));
    assert!(world.pools.contains_key(&id));
}

#[test]
fn a_creation_in_doubt_is_settled_before_the_finalizer_goes() {
    let mut world = World::new(IdentityPoolSpec::default());
    world
        .fates
        .push_back((Operation::CreateIdentityPool, Fate::Lost));
    world.pass();
    world.delete();
    world.run(SETTLE.saturating_sub(Duration::from_secs(10)));
    assert!(world.object.is_some());
    assert_eq!(world.condition("Reconciling"), "True/Settling");
    world.run(HOUR);
    assert!(world.object.is_none());
}

#[test]
fn a_pool_whose_record_was_lost_is_deleted_too() {
    let mut world = World::new(IdentityPoolSpec::default());
    world.claim_then_crash();
    world.restart();
    assert_eq!(world.owned().len(), 1);
    world.delete();
    world.run(HOUR);
    assert!(world.object.is_none() && world.pools.is_empty());
}

#[test]
fn a_refused_creation_does_not_hold_up_the_deletion() {
    let mut world = World::new(IdentityPoolSpec::default());
    world.fates.push_back((
        Operation::CreateIdentityPool,
        Fate::Refused(FailureKind::Invalid),
    ));
    world.pass();
    world.delete();
    world.pass();
    assert!(world.object.is_none());
}

/// The apiserver lets an object go although a finalizer came while it was deleted.
fn vanished(spec: IdentityPoolSpec, fate: Option<Fate>) -> (World, Rest) {
    let mut world = World::new(spec);
    world
        .fates
        .extend(fate.map(|fate| (Operation::CreateIdentityPool, fate)));
    world.meanwhile = Some((Operation::CreateIdentityPool, |world| world.object = None));
    let rest = world.pass();
    (world, rest)
}

#[test]
fn a_pool_whose_object_vanished_while_it_was_made_goes_unless_it_is_to_be_kept() {
    for fate in [None, Some(Fate::ReplyLost)] {
        let (world, rest) = vanished(IdentityPoolSpec::default(), fate);
        assert!(world.pools.is_empty(), "{fate:?}");
        assert_eq!((rest.outcome, rest.detail), (Outcome::Released, None));
        let retained = IdentityPoolSpec {
            deletion_policy: Some(DeletionPolicy::Retain),
            ..Default::default()
        };
        let (world, rest) = vanished(retained, fate);
        assert_eq!(world.pools.len(), 1, "{fate:?}");
        assert_eq!(rest.weight, Weight::Warning, "somebody is told");
    }
}

#[test]
fn identities_keep_a_pool_whose_object_vanished_unless_they_may_be_lost() {
    for (policy, pools, looks) in [
        (None, 1, 1),
        (Some(DeletionPolicy::DeleteIfEmpty), 1, 1),
        (Some(DeletionPolicy::Delete), 0, 0),
    ] {
        let mut world = World::new(IdentityPoolSpec {
            deletion_policy: policy,
            ..Default::default()
        });
        world.identities = true;
        world.meanwhile = Some((Operation::CreateIdentityPool, |world| world.object = None));
        world.pass();
        assert_eq!(world.pools.len(), pools, "{policy:?}");
        let asked = world.calls.iter();
        let asked = asked.filter(|call| **call == Operation::ListIdentities);
        assert_eq!(asked.count(), looks, "{policy:?}");
    }
}

#[test]
fn a_pool_that_was_on_record_stays_when_its_object_vanishes() {
    let mut world = World::new(IdentityPoolSpec::default());
    world.pass();
    world.edit(|spec| spec.allow_classic_flow = true);
    world.meanwhile = Some((Operation::UpdateIdentityPool, |world| world.object = None));
    world.pass();
    assert_eq!(world.pools.len(), 1);
    assert!(!world.calls.contains(&DELETE));
}

#[test]
fn a_lost_reply_to_the_deletion_is_looked_into() {
    let mut world = ready(Some(DeletionPolicy::Delete));
    world.wait(Duration::from_secs(120));
    world.delete();
    world.fates.push_back((DELETE, Fate::ReplyLost));
    world.run(Duration::from_secs(60));
    assert!(world.object.is_none() && world.pools.is_empty());
}

#[test]
fn an_object_brought_back_between_look_and_deletion_keeps_its_pool() {
    let mut world = ready(Some(DeletionPolicy::Delete));
    world.delete();
    // A restored etcd: the fresh read before the call shows an object that is not going.
    world.meanwhile = Some((Operation::DescribeIdentityPool, |world| {
        world.object().metadata.deletion_timestamp = None;
        world.touch();
    }));
    world.pass();
    assert_eq!(world.pools.len(), 1);
    assert!(!world.calls.contains(&DELETE));
}

#[test]
fn suspended_objects_stay_and_say_why() {
    let mut world = ready(Some(DeletionPolicy::Delete));
    world.edit(|spec| spec.management_policy = ManagementPolicy::Suspend);
    world.delete();
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/DeletionSuspended");
    world.edit(|spec| spec.deletion_policy = Some(DeletionPolicy::Retain));
    world.pass();
    assert!(world.object.is_none());
}

#[test]
fn an_object_without_our_finalizer_is_not_ours_to_hold() {
    let mut world = World::new(IdentityPoolSpec::default());
    world.hold_by_another();
    world.delete();
    world.pass();
    assert!(world.calls.is_empty() && world.writes.is_empty());
}

#[test]
fn every_crash_point_of_a_deletion_ends_with_nothing() {
    for executed in [false, true] {
        for moves in 1..7 {
            let mut world = ready(None);
            world.wait(Duration::from_secs(120));
            world.delete();
            world.crash_after(moves, executed);
            world.restart();
            world.run(HOUR);
            assert!(
                world.object.is_none(),
                "after {moves} moves, executed: {executed}"
            );
            assert!(
                world.pools.is_empty(),
                "after {moves} moves, executed: {executed}"
            );
        }
    }
}

#[test]
fn a_pool_that_went_unseen_holds_its_object_no_longer_than_a_late_one_would() {
    let mut world = World::new(IdentityPoolSpec {
        deletion_policy: Some(DeletionPolicy::Delete),
        ..Default::default()
    });
    world.pass();
    world.pools.clear();
    world.delete();
    world.run(Duration::from_secs(61));
    assert!(world.object.is_none(), "{}", world.message());
}
