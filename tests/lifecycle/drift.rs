//! The pool equals the spec, and what others do to it is put right or told.

use std::time::Duration;

use identity_pool_operator::api::names::{CLAIM_TAG, OWNER_TAG, SOURCE_TAG};
use identity_pool_operator::api::{
    DriftPolicy, IdentityPoolSpec, ManagementPolicy, OnExternalDeletion,
};
use identity_pool_operator::pool::call::{FailureKind, Operation};
use identity_pool_operator::pool::rest::Outcome;

use crate::budget::TRIES;
use crate::world::{Fate, World, foreign};

const UPDATE: Operation = Operation::UpdateIdentityPool;
const DESCRIBE: Operation = Operation::DescribeIdentityPool;
const RESYNC: Duration = Duration::from_secs(2000);

fn ready() -> World {
    let mut world = World::new(IdentityPoolSpec {
        identity_pool_tags: [("team".to_owned(), "web".to_owned())].into(),
        ..Default::default()
    });
    world.pass();
    world.count_anew();
    world
}

fn only(world: &mut World) -> &mut identity_pool_operator::pool::settings::Observed {
    world.pools.values_mut().next().expect("one pool")
}

#[test]
fn an_edit_costs_one_look_one_update_and_one_write() {
    let mut world = ready();
    world.edit(|spec| spec.identity_pool_name = Some("renamed".into()));
    world.pass();
    assert_eq!(world.calls, [DESCRIBE, UPDATE]);
    assert_eq!(world.writes, ["status"]);
    assert_eq!(only(&mut world).settings.identity_pool_name, "renamed");
}

/// As the cache may have it when another's write to status was seen before the edit.
#[test]
fn a_view_from_before_an_edit_that_was_carried_out_does_not_undo_it() {
    let mut world = ready();
    let before = world.object().clone();
    world.edit(|spec| spec.identity_pool_name = Some("renamed".into()));
    world.pass();
    world.count_anew();
    let mut stale = before;
    stale.status.as_mut().expect("a status").conditions.clear();
    let rest = world.pass_on(stale);
    assert_eq!(only(&mut world).settings.identity_pool_name, "renamed");
    assert_eq!(world.calls, [DESCRIBE]);
    assert!(rest.corrected.is_empty());
}

/// An etcd that was restored goes back for good.
#[test]
fn an_edit_that_a_restored_etcd_has_forgotten_is_undone() {
    let mut world = ready();
    let before = world.object().clone();
    world.edit(|spec| spec.identity_pool_name = Some("renamed".into()));
    world.pass();
    *world.object() = before;
    world.edit(|spec| spec.allow_classic_flow = true);
    world.object().metadata.generation = Some(1);
    for _ in 0..2 {
        world.pass();
        assert_eq!(only(&mut world).settings.identity_pool_name, "web-app");
    }
}

#[test]
fn drift_is_corrected_at_the_next_look_without_a_write() {
    let mut world = ready();
    only(&mut world).settings.allow_unauthenticated_identities = true;
    world.wait(RESYNC);
    let rest = world.pass();
    assert!(!only(&mut world).settings.allow_unauthenticated_identities);
    assert_eq!(rest.corrected, ["allowUnauthenticatedIdentities"]);
    assert_eq!(world.writes.len(), 0);
}

#[test]
fn drift_is_only_told_when_the_policy_says_so() {
    let mut world = ready();
    world.edit(|spec| spec.drift_policy = Some(DriftPolicy::Report));
    world.pass();
    only(&mut world).settings.identity_pool_name = "clicked".into();
    world.wait(RESYNC);
    world.count_anew();
    world.pass();
    assert_eq!(world.calls, [DESCRIBE]);
    assert_eq!(world.condition("Ready"), "False/Drifted");
    assert_eq!(world.condition("Drifted"), "True/Drifted");
    let drift = world.status().drift.expect("a report");
    assert_eq!(
        (drift[0].field.as_str(), drift[0].actual.as_str()),
        ("identityPoolName", "\"clicked\"")
    );
    world.edit(|spec| spec.drift_policy = Some(DriftPolicy::Correct));
    world.pass();
    assert_eq!(world.condition("Drifted"), "False/NoDrift");
    assert_eq!(world.status().drift, None);
}

#[test]
fn tags_of_others_stay_and_ours_return() {
    let mut world = ready();
    let pool = only(&mut world);
    pool.tags.insert("billing".into(), "42".into());
    pool.tags.remove(SOURCE_TAG);
    world.edit(|spec| {
        spec.identity_pool_tags = [("owner".to_owned(), "me".to_owned())].into();
    });
    world.pass();
    let tags = only(&mut world).tags.clone();
    assert_eq!(foreign(&tags), [("billing", "42"), ("owner", "me")]);
    for key in [OWNER_TAG, SOURCE_TAG, CLAIM_TAG] {
        assert!(tags.contains_key(key), "{key}");
    }
}

#[test]
fn tags_that_an_update_ignores_are_set_one_by_one() {
    let mut world = ready();
    world.update_ignores_tags = true;
    world.edit(|spec| {
        spec.identity_pool_tags = [("owner".to_owned(), "me".to_owned())].into();
    });
    world.pass();
    assert_eq!(foreign(&only(&mut world).tags.clone()), [("owner", "me")]);
    assert_eq!(world.condition("Ready"), "True/InSync");
}

#[test]
fn too_many_tags_are_refused_before_aws_does() {
    let mut world = ready();
    for n in 0..40 {
        only(&mut world)
            .tags
            .insert(format!("foreign{n}"), String::new());
    }
    world.edit(|spec| {
        spec.identity_pool_tags = (0..10)
            .map(|n| (format!("ours{n}"), String::new()))
            .collect();
    });
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/TooManyTags");
    assert!(!world.calls.contains(&UPDATE));
}

#[test]
fn a_developer_provider_name_is_set_late_and_then_held_fast() {
    let mut world = ready();
    world.edit(|spec| spec.developer_provider_name = Some("login.example".into()));
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    world.edit(|spec| {
        spec.developer_provider_name = Some("other".into());
        spec.allow_classic_flow = true;
    });
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/ImmutableField");
    let settings = only(&mut world).settings.clone();
    assert_eq!(
        settings.developer_provider_name.as_deref(),
        Some("login.example")
    );
    assert!(settings.allow_classic_flow, "other fields are not held up");
}

#[test]
fn an_edit_during_an_update_is_not_taken_for_an_update_that_failed() {
    let mut world = ready();
    world.edit(|spec| spec.allow_classic_flow = true);
    world.meanwhile = Some((UPDATE, |world| {
        world.edit(|spec| spec.identity_pool_name = Some("meanwhile".into()));
    }));
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert_eq!(only(&mut world).settings.identity_pool_name, "meanwhile");
}

#[test]
fn an_update_that_does_not_take_is_told_and_not_repeated_at_once() {
    let mut world = ready();
    world.edit(|spec| spec.allow_classic_flow = true);
    world.inert = true;
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/ChangeNotTaken");
    assert_eq!(
        world.calls.iter().filter(|call| **call == UPDATE).count(),
        1
    );
}

#[test]
fn a_concurrent_modification_is_repeated_by_us() {
    let mut world = ready();
    world.edit(|spec| spec.allow_classic_flow = true);
    world
        .fates
        .push_back((UPDATE, Fate::Refused(FailureKind::Concurrent)));
    world.pass();
    assert_eq!(
        world.condition("Reconciling"),
        "True/ConcurrentModification"
    );
    world.run(Duration::from_secs(10));
    assert_eq!(world.condition("Ready"), "True/InSync");
}

#[test]
fn one_failed_look_is_no_news_but_a_lasting_one_is() {
    let mut world = ready();
    world.wait(RESYNC);
    for _ in 0..4 * TRIES {
        world
            .fates
            .push_back((DESCRIBE, Fate::Refused(FailureKind::Throttled)));
    }
    assert_eq!(world.pass().outcome, Outcome::Failed);
    assert_eq!(world.writes.len(), 0);
    world.run(Duration::from_secs(12));
    assert_eq!(world.condition("Ready"), "Unknown/Throttled");
    world.run(Duration::from_secs(60));
    assert_eq!(world.condition("Ready"), "True/InSync");
}

#[test]
fn lost_credentials_show_at_once() {
    let mut world = ready();
    world.wait(RESYNC);
    world
        .fates
        .push_back((DESCRIBE, Fate::Refused(FailureKind::Credentials)));
    world.pass();
    assert_eq!(world.condition("Ready"), "Unknown/CredentialsRefused");
    assert_eq!(world.condition("Stalled"), "True/CredentialsRefused");
}

#[test]
fn a_pool_deleted_outside_is_said_and_held() {
    let mut world = ready();
    world.wait(Duration::from_secs(600));
    world.pools.clear();
    world.missing = true;
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/PoolGone");
    assert!(world.pools.is_empty());
}

#[test]
fn a_pool_deleted_outside_is_made_anew_when_wanted() {
    let mut world = ready();
    let before = world.owned();
    world.wait(Duration::from_secs(600));
    world.pools.clear();
    world.edit(|spec| spec.on_external_deletion = OnExternalDeletion::Recreate);
    world.run(Duration::from_secs(30));
    assert_eq!(world.owned().len(), 1);
    assert_ne!(world.owned(), before);
    assert_eq!(world.condition("Ready"), "True/InSync");
}

#[test]
fn every_crash_point_of_a_recreation_ends_with_one_pool() {
    for executed in [false, true] {
        for moves in 1..12 {
            let mut world = ready();
            world.wait(Duration::from_secs(600));
            world.pools.clear();
            world.edit(|spec| spec.on_external_deletion = OnExternalDeletion::Recreate);
            world.crash_after(moves, executed);
            world.restart();
            world.run(Duration::from_secs(3600));
            assert_eq!(
                world.owned().len(),
                1,
                "after {moves} moves, executed: {executed}"
            );
        }
    }
}

#[test]
fn a_young_pool_that_aws_does_not_show_is_late_not_gone() {
    let mut world = ready();
    let pools = std::mem::take(&mut world.pools);
    world.edit(|spec| spec.allow_classic_flow = true);
    world.pass();
    assert_eq!(world.condition("Reconciling"), "True/NotYetVisible");
    world.pools = pools;
    world.run(Duration::from_secs(30));
    assert_eq!(world.condition("Ready"), "True/InSync");
}

#[test]
fn suspended_means_hands_off_and_the_last_truth_stays() {
    let mut world = ready();
    world.edit(|spec| spec.management_policy = ManagementPolicy::Suspend);
    only(&mut world).settings.allow_classic_flow = true;
    world.ask();
    world.pass();
    assert!(world.calls.is_empty());
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert_eq!(world.status().observed_generation, Some(2));
    world.edit(|spec| spec.allow_unauthenticated_identities = true);
    world.pass();
    assert_eq!(world.condition("Ready"), "Unknown/Suspended");
}

#[test]
fn a_person_can_ask_for_a_look_now() {
    let mut world = ready();
    world.ask();
    world.pass();
    assert_eq!(world.calls, [DESCRIBE]);
    assert!(world.status().last_handled_reconcile_at.is_some());
    world.count_anew();
    world.pass();
    assert!(world.calls.is_empty());
}

#[test]
fn a_look_from_before_the_question_is_no_answer_to_it() {
    let mut world = ready();
    world.edit(|spec| spec.drift_policy = Some(DriftPolicy::Report));
    // The status of the edit loses to the question, which comes with a change outside.
    world.meanwhile = Some((DESCRIBE, |world| {
        world.after_the_look = Some(|world| {
            only(world).settings.identity_pool_name = "clicked".into();
            world.ask();
        });
    }));
    world.pass();
    assert_eq!(world.condition("Drifted"), "True/Drifted");
    assert!(world.status().last_handled_reconcile_at.is_some());
}

#[test]
fn after_a_restart_a_ready_object_waits_for_its_turn() {
    let mut world = ready();
    world.restart();
    let rest = world.pass();
    assert!(world.calls.is_empty());
    assert_eq!(
        rest.after,
        Some(Duration::from_secs(900)),
        "half the period at half the jitter"
    );
}
