//! Only the leader changes anything, and no change outlasts its lease.

use std::time::Duration;

use identity_pool_operator::api::{DeletionPolicy, IdentityPoolSpec};
use identity_pool_operator::pool::call::{Call, DEADLINE, Operation};
use identity_pool_operator::pool::rest::Outcome;
use identity_pool_operator::pool::settings::{PoolId, Tags};

use crate::world::World;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

fn world() -> World {
    World::new(IdentityPoolSpec::default())
}

fn changes(world: &World) -> usize {
    let changes = world.calls.iter().filter(|call| call.mutates());
    changes.count()
}

#[test]
fn without_a_term_nothing_is_claimed_or_made_and_the_pass_comes_back_soon() {
    let mut world = world();
    world.term_ends = Some(world.now);
    let rest = world.pass();
    assert_eq!((rest.outcome, rest.after), (Outcome::Waiting, Some(SECOND)));
    assert_eq!((changes(&world), world.writes.len()), (0, 0));
    world.term_ends = None;
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert_eq!(world.writes, ["claim", "status"]);
}

#[test]
fn a_term_that_ends_between_claim_and_call_costs_the_next_leader_no_waiting() {
    let mut world = world();
    world.term_ends = world.now.checked_add(3 * SECOND).ok();
    world.pause_before_sending = Some(4 * SECOND);
    let rest = world.pass();
    assert_eq!(rest.outcome, Outcome::Waiting);
    assert_eq!(
        (changes(&world), world.writes.as_slice()),
        (0, ["claim", "void"].as_slice())
    );
    world.term_ends = None;
    world.restart();
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert_eq!((changes(&world), world.owned().len()), (1, 1));
}

#[test]
fn without_a_term_a_pool_is_looked_at_but_neither_changed_nor_deleted() {
    let mut world = world();
    world.pass();
    world.count_anew();
    world.term_ends = Some(world.now);
    world.edit(|spec| spec.identity_pool_name = Some("new".into()));
    world.pass();
    world.edit(|spec| spec.deletion_policy = Some(DeletionPolicy::Delete));
    world.delete();
    let rest = world.pass();
    assert_eq!(rest.outcome, Outcome::Waiting);
    assert!(world.calls.contains(&Operation::DescribeIdentityPool));
    assert_eq!((changes(&world), world.writes.len()), (0, 0));
    world.term_ends = None;
    world.run(HOUR);
    assert!(world.pools.is_empty() && world.object.is_none());
}

#[test]
fn a_pause_of_the_term_is_no_failure_of_the_object() {
    let mut world = world();
    world.memory.failures = 4;
    world.term_ends = Some(world.now);
    world.pass();
    assert_eq!((world.memory.failures, &world.memory.hold), (4, &None));
    assert_eq!(world.condition("Ready"), "-");
}

#[test]
fn a_change_may_take_fifteen_seconds_or_what_the_term_leaves_and_a_look_fifteen() {
    let id = PoolId::new("eu-west-1:1");
    let look = Call::DescribeIdentityPool { id: id.clone() };
    let tags = Tags::new();
    let change = Call::TagResource { id, tags };
    for (left, limit) in [
        (Duration::MAX, DEADLINE),
        (15 * SECOND, DEADLINE),
        (7 * SECOND, 7 * SECOND),
    ] {
        assert_eq!(change.deadline(left), limit);
        assert_eq!(look.deadline(left), DEADLINE);
    }
}
