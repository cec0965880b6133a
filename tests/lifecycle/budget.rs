//! What a pass does while the request budget keeps it waiting, and how urgent its calls are.

use std::time::Duration;

use identity_pool_operator::api::{DeletionPolicy, IdentityPoolSpec};
use identity_pool_operator::pool::call::{FailureKind, Operation};
use identity_pool_operator::pool::rest::Outcome;
use identity_pool_operator::pool::urgency::Urgency;
use identity_pool_operator::pool::{Move, Seen};

use crate::world::{Fate, World};

/// Times that a pass sends a call which AWS throttles.
pub(crate) const TRIES: usize = 4;

const CREATE: Operation = Operation::CreateIdentityPool;
const UPDATE: Operation = Operation::UpdateIdentityPool;
const DESCRIBE: Operation = Operation::DescribeIdentityPool;

fn world() -> World {
    World::new(IdentityPoolSpec::default())
}

fn ready() -> World {
    let mut world = world();
    world.pass();
    world.count_anew();
    world
}

fn throttle(world: &mut World, operation: Operation, times: usize) {
    let fate = || (operation, Fate::Refused(FailureKind::Throttled));
    world.fates.extend((0..times).map(|_| fate()));
}

#[test]
fn a_throttled_creation_is_repeated_under_a_fresh_claim_and_status_does_not_speak_of_it() {
    let mut world = world();
    throttle(&mut world, CREATE, TRIES - 1);
    assert_eq!(world.pass().outcome, Outcome::Applied);
    assert_eq!(world.calls, [CREATE; TRIES]);
    let claims = [["claim"; TRIES].as_slice(), &["status"]].concat();
    assert_eq!(world.writes, claims);
    assert_eq!(world.owned().len(), 1);
}

#[test]
fn a_lasting_throttle_is_told_and_waited_for() {
    let mut world = world();
    throttle(&mut world, CREATE, TRIES);
    assert!(world.pass().after.is_some());
    assert_eq!(world.calls.len(), TRIES);
    assert_eq!(world.condition("Reconciling"), "True/Throttled");
}

#[test]
fn a_throttled_update_is_repeated_too() {
    let mut world = ready();
    throttle(&mut world, UPDATE, 1);
    world.edit(|spec| spec.allow_classic_flow = true);
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert_eq!(world.writes, ["status"]);
}

#[test]
fn a_long_wait_for_a_creation_is_told_once_before_any_claim() {
    let mut world = world();
    for _ in 0..100 {
        world.waits.push_back(|_| Seen::Crowded);
    }
    world.waits.push_back(|world| {
        assert_eq!(world.condition("Reconciling"), "True/Throttled");
        assert_eq!(world.condition("Ready"), "False/Throttled");
        Seen::Crowded
    });
    world.pass();
    assert_eq!(world.writes, ["status", "claim", "status"]);
    assert_eq!(world.calls, [CREATE]);
    assert_eq!(world.condition("Ready"), "True/InSync");
}

#[test]
fn a_resync_that_waits_is_no_news() {
    let mut world = ready();
    world.wait(Duration::from_secs(7200));
    world.waits.push_back(|_| Seen::Crowded);
    world.pass();
    assert_eq!(world.calls, [DESCRIBE]);
    assert_eq!(world.writes.len(), 0);
}

#[test]
fn an_edit_during_the_wait_is_what_is_sent() {
    let mut world = world();
    world.waits.push_back(|world| {
        world.edit(|spec| spec.allow_classic_flow = true);
        Seen::Overtaken
    });
    world.pass();
    assert_eq!(world.calls, [CREATE], "nothing has to be put right");
    assert!(world.pools[&world.owned()[0]].settings.allow_classic_flow);
}

#[test]
fn a_deletion_during_the_wait_ends_it() {
    let mut world = world();
    world.waits.push_back(|world| {
        world.delete();
        Seen::Overtaken
    });
    world.pass();
    assert_eq!(world.calls, []);
    assert!(world.pools.is_empty());
}

#[test]
fn what_a_person_waits_for_is_more_urgent_than_what_is_merely_due() {
    let mut world = world();
    world.pass();
    assert!(world.urgencies.iter().all(|it| *it == Urgency::Creation));
    let mut world = ready();
    world.edit(|spec| spec.allow_classic_flow = true);
    world.pass();
    assert_eq!(world.urgencies, [Urgency::Person; 3], "{:?}", world.calls);
    world.count_anew();
    world.ask();
    world.pass();
    assert_eq!(world.urgencies, [Urgency::Person]);
    world.count_anew();
    world.wait(Duration::from_secs(7200));
    world.pass();
    assert_eq!(world.urgencies, [Urgency::Resync]);
    world.count_anew();
    world.wait(Duration::from_secs(7200));
    let id = world.owned()[0].clone();
    let pool = world.pools.get_mut(&id).expect("there");
    pool.settings.identity_pool_name = "another".into();
    world.pass();
    let drift = [Urgency::Resync, Urgency::Drift, Urgency::Drift];
    assert_eq!(world.urgencies, drift, "{:?}", world.calls);
    world.count_anew();
    world.edit(|spec| spec.deletion_policy = Some(DeletionPolicy::Delete));
    world.delete();
    world.pass();
    assert!(world.urgencies.iter().all(|it| *it == Urgency::Person));
    assert!(!world.urgencies.is_empty() && world.pools.is_empty());
}

#[test]
fn waiting_is_no_step_of_a_runaway() {
    let mut world = ready();
    world.edit(|spec| spec.allow_classic_flow = true);
    for _ in 0..500 {
        world.waits.push_back(|_| Seen::Crowded);
    }
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
}

/// The same facts give the same answer, also while they say that something waits.
#[test]
fn a_move_that_waits_is_asked_for_again() {
    let mut world = ready();
    world.wait(Duration::from_secs(7200));
    let object = std::sync::Arc::new(world.object().clone());
    let memory = world.memory.clone();
    let moment = world.moment();
    let mut facts = identity_pool_operator::pool::Facts::begin(
        crate::world::operator(),
        moment,
        object,
        memory,
    );
    let before = identity_pool_operator::pool::next(&facts);
    assert!(matches!(before, Move::Call(_)));
    facts.learn(Seen::Crowded, world.now);
    assert_eq!(identity_pool_operator::pool::next(&facts), before);
}
