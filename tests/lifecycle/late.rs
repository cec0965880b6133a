//! What comes between a pass and its end: a pool that goes before the call about it, and a person
//! who asks while a pass is failing.

use std::time::Duration;

use identity_pool_operator::api::{Adopt, DeletionPolicy, IdentityPoolSpec, OnExternalDeletion};
use identity_pool_operator::pool::call::{FailureKind, Operation};

use crate::world::{Fate, World};

const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_mins(10);

/// A world with a pool that is no longer young.
fn living(spec: IdentityPoolSpec) -> World {
    let mut world = World::new(spec);
    world.pass();
    world.wait(LONG);
    world.count_anew();
    world
}

/// IAM, asked by the owner's tag, denies what AWS would not find.
fn denied_for_gone(world: &mut World, operation: Operation) {
    world.meanwhile = Some((operation, |world| world.pools.clear()));
    let denied = Fate::Refused(FailureKind::Denied);
    world.fates.push_back((operation, denied));
}

#[test]
fn a_deletion_that_is_denied_because_the_pool_is_gone_ends() {
    let mut world = living(IdentityPoolSpec {
        deletion_policy: Some(DeletionPolicy::Delete),
        ..IdentityPoolSpec::default()
    });
    world.delete();
    denied_for_gone(&mut world, Operation::DeleteIdentityPool);
    world.pass();
    assert!(world.object.is_none(), "{}", world.message());
}

#[test]
fn an_update_that_is_denied_because_the_pool_is_gone_says_that_it_is_gone() {
    let mut world = living(IdentityPoolSpec::default());
    world.edit(|spec| spec.allow_classic_flow = true);
    denied_for_gone(&mut world, Operation::UpdateIdentityPool);
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/PoolGone");
}

#[test]
fn a_pool_that_is_gone_and_denied_is_made_anew_where_the_spec_says_so() {
    let mut world = living(IdentityPoolSpec {
        on_external_deletion: OnExternalDeletion::Recreate,
        ..IdentityPoolSpec::default()
    });
    world.edit(|spec| spec.allow_classic_flow = true);
    denied_for_gone(&mut world, Operation::UpdateIdentityPool);
    world.run(100 * SECOND);
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert_eq!(world.pools.len(), 1);
}

/// A pool that lost its owner's tag between look and call is nobody's.
#[test]
fn an_update_that_is_denied_because_the_tag_is_gone_says_so() {
    let mut world = living(IdentityPoolSpec::default());
    world.edit(|spec| spec.allow_classic_flow = true);
    let update = Operation::UpdateIdentityPool;
    world.meanwhile = Some((update, |world| {
        for pool in world.pools.values_mut() {
            pool.tags.clear();
        }
    }));
    world
        .fates
        .push_back((update, Fate::Refused(FailureKind::Denied)));
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/ForeignOwner");
}

/// One look tells; the pool that is there still was denied for another reason.
#[test]
fn what_is_denied_of_a_pool_that_is_there_is_denied() {
    let mut world = living(IdentityPoolSpec::default());
    world.edit(|spec| spec.allow_classic_flow = true);
    let denied = Fate::Refused(FailureKind::Denied);
    world
        .fates
        .push_back((Operation::UpdateIdentityPool, denied));
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/AccessDenied");
    assert!(world.message().starts_with("UpdateIdentityPool failed"));
    let looks = world.calls.iter();
    let looks = looks.filter(|call| **call == Operation::DescribeIdentityPool);
    assert_eq!(looks.count(), 2, "before it and after it");
}

/// The apiserver's answer to what a failing pass writes may be the first that it sees of the
/// question.
#[test]
fn a_question_that_comes_while_a_pass_fails_is_not_taken_for_answered() {
    for asks in [World::ask, |world: &mut World| {
        world.edit(|spec| spec.allow_classic_flow = false);
    }] {
        let mut world = living(IdentityPoolSpec::default());
        world.edit(|spec| spec.allow_classic_flow = true);
        let denied = Fate::Refused(FailureKind::Denied);
        world
            .fates
            .push_back((Operation::UpdateIdentityPool, denied));
        world.after_the_look = Some(asks);
        world.pass();
        assert_eq!(world.condition("Stalled"), "True/AccessDenied");
        world.pass();
        assert_eq!(world.condition("Ready"), "True/InSync");
    }
}

/// A pool that is not this object's yet says nothing new by being nobody's.
#[test]
fn an_adoption_that_is_denied_is_denied_once() {
    for operation in [Operation::GetIdentityPoolRoles, Operation::TagResource] {
        let mut world = World::new(IdentityPoolSpec::default());
        world.allows_adoption = true;
        let id = world.seed(&[("team", "theirs")]);
        world.object().spec.adopt = Some(Adopt {
            identity_pool_id: Some(id.to_string()),
            overwrite: Some(true),
            ..Adopt::default()
        });
        let denied = Fate::Refused(FailureKind::Denied);
        world.fates.push_back((operation, denied));
        world.pass();
        assert_eq!(
            world.condition("Stalled"),
            "True/AccessDenied",
            "{operation:?}"
        );
    }
}
