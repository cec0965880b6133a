//! Exactly one pool per object, whatever happens to the call.

use std::time::Duration;

use identity_pool_operator::api::names::{CLAIM_ANNOTATION, OWNER_TAG};
use identity_pool_operator::api::{Adopt, IdentityPoolSpec};
use identity_pool_operator::pool::call::{FailureKind, Operation};
use identity_pool_operator::pool::claim::SEND_FENCE;
use identity_pool_operator::pool::memory::{Arrival, Memory};
use identity_pool_operator::pool::rest::Outcome;
use jiff::SignedDuration;

use crate::budget::TRIES;
use crate::world::{Fate, OWNER, SETTLE, World, signed_at};

const CREATE: Operation = Operation::CreateIdentityPool;
const HOUR: Duration = Duration::from_secs(3600);

fn world() -> World {
    World::new(IdentityPoolSpec::default())
}

/// Nobody looks for a pool by its name.
fn world_that_never_looks_back() -> World {
    World::new(IdentityPoolSpec {
        adopt: Some(Adopt {
            previous: Some(false),
            ..Adopt::default()
        }),
        ..IdentityPoolSpec::default()
    })
}

fn creations(world: &World) -> usize {
    world.calls.iter().filter(|call| **call == CREATE).count()
}

#[test]
fn a_new_object_costs_one_call_and_two_writes() {
    let mut world = world();
    let rest = world.pass();
    assert_eq!(rest.outcome, Outcome::Applied);
    assert_eq!(world.calls, [CREATE]);
    assert_eq!(world.writes, ["claim", "status"]);
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert_eq!(world.status().observed_generation, Some(1));
    assert_eq!(
        world.status().identity_pool_id.as_deref(),
        Some(world.owned()[0].as_str())
    );
}

#[test]
fn at_rest_nothing_is_called_and_nothing_written() {
    let mut world = world();
    world.pass();
    world.count_anew();
    world.wait(Duration::from_secs(600));
    world.pass();
    assert_eq!((world.calls.len(), world.writes.len()), (0, 0));
}

#[test]
fn a_lost_reply_is_found_at_once_and_not_repeated() {
    let mut world = world();
    world.fates.push_back((CREATE, Fate::ReplyLost));
    world.run(Duration::from_secs(5));
    assert_eq!(world.owned().len(), 1);
    assert_eq!(creations(&world), 1);
    assert_eq!(world.condition("Ready"), "True/InSync");
}

#[test]
fn a_call_that_vanished_is_repeated_only_after_the_settle_window() {
    let mut world = world();
    world.fates.push_back((CREATE, Fate::Lost));
    world.run(SETTLE.saturating_sub(Duration::from_secs(1)));
    assert_eq!(creations(&world), 1);
    assert_eq!(world.condition("Ready"), "False/Settling");
    assert_eq!(world.condition("Reconciling"), "True/Settling");
    world.run(HOUR);
    assert_eq!(creations(&world), 2);
    assert_eq!(world.owned().len(), 1);
}

#[test]
fn a_process_that_was_paused_after_its_claim_makes_a_new_one() {
    let mut world = world();
    world.pause_before_sending = Some(SEND_FENCE + Duration::from_secs(1));
    world.pass();
    assert_eq!(world.writes, ["claim", "claim", "status"]);
    assert_eq!(creations(&world), 1);
    let mut world = self::world();
    let begun = world.now;
    world.pause_before_sending = Some(SEND_FENCE.saturating_sub(Duration::from_secs(1)));
    world.pass();
    assert_eq!(world.writes, ["claim", "status"]);
    // Signed with the instant of the claim, not of the call.
    assert!(world.signed[0].duration_since(begun) < SignedDuration::from_secs(1));
}

#[test]
fn a_clock_that_is_set_back_does_not_hide_that_a_process_was_paused() {
    let mut world = world();
    world.claim_meanwhile = Some(|world| {
        world.set_back = SEND_FENCE + Duration::from_secs(1);
    });
    world.pass();
    assert_eq!(world.writes, ["claim", "claim", "status"]);
    assert_eq!(creations(&world), 1);
}

#[test]
fn a_process_remembers_its_own_call_when_the_object_has_forgotten_it() {
    let mut world = world();
    world.fates.push_back((CREATE, Fate::Late));
    world.pass();
    world.erase();
    world.edit(|spec| spec.allow_classic_flow = true);
    world.run(SETTLE.saturating_sub(Duration::from_secs(10)));
    assert_eq!(creations(&world), 1, "the call may still take effect");
    let call = world.wire.pop().expect("it is under way");
    world.now = signed_at(&call).expect("signed") + jiff::SignedDuration::from_secs(299);
    world.deliver(call);
    world.run(HOUR);
    assert_eq!((world.owned().len(), creations(&world)), (1, 1));
    assert_eq!(world.condition("Ready"), "True/InSync");
}

#[test]
fn an_object_that_bore_a_claim_is_not_new_though_a_restore_makes_it_look_so() {
    let mut world = world_that_never_looks_back();
    // Another process has just made the pool, and this one has not dealt with the object.
    world.pass();
    world.unlisted = world.owned();
    world.object().status = None;
    world.memory = Memory::new(Arrival::Event);
    world.after_the_look = Some(|world| {
        world.erase();
        world.unlisted.clear();
    });
    world.run(HOUR);
    assert_eq!((world.owned().len(), creations(&world)), (1, 1));
}

#[test]
fn lists_from_before_the_marks_were_lost_are_no_evidence() {
    let mut world = world_that_never_looks_back();
    world.pass();
    world.unlisted = world.owned();
    let foreign = world.seed(&[]);
    world.forge(foreign.as_str());
    world.restart();
    // Two lists show no pool, and the object says that there may be one.
    world.after_the_look = Some(|world| {
        world.erase();
        world.unlisted.clear();
    });
    world.run(HOUR);
    assert_eq!((world.owned().len(), creations(&world)), (1, 1));
}

#[test]
fn a_pool_that_the_list_shows_late_is_used() {
    let mut world = world();
    world.fates.push_back((CREATE, Fate::ReplyLost));
    world.pass_with_hidden_pool();
    assert_eq!(world.condition("Ready"), "False/Settling");
    world.unlisted.clear();
    world.run(Duration::from_secs(120));
    assert_eq!(creations(&world), 1);
    assert_eq!(world.condition("Ready"), "True/InSync");
}

#[test]
fn a_refusal_leads_to_a_fresh_claim_without_a_search() {
    let mut world = world();
    world
        .fates
        .push_back((CREATE, Fate::Refused(FailureKind::Throttled)));
    world.run(Duration::from_secs(60));
    assert_eq!(world.owned().len(), 1);
    assert_eq!(world.calls, [CREATE, CREATE]);
    assert_eq!(
        world
            .writes
            .iter()
            .filter(|write| **write == "claim")
            .count(),
        2
    );
}

#[test]
fn a_person_is_asked_where_aws_refuses_the_spec() {
    let mut world = world();
    for _ in 0..3 {
        world
            .fates
            .push_back((CREATE, Fate::Refused(FailureKind::Invalid)));
    }
    let rest = world.pass();
    assert_eq!(world.condition("Stalled"), "True/InvalidRequest");
    assert!(
        rest.after
            .is_some_and(|after| after >= Duration::from_secs(200)),
        "slow retry"
    );
    let writes = world.writes.len();
    world.pass();
    assert_eq!(
        world.writes.len(),
        writes,
        "an event during the pause changes nothing"
    );
    world.fates.clear();
    world.edit(|spec| spec.allow_classic_flow = true);
    world.pass();
    assert_eq!(
        world.condition("Ready"),
        "True/InSync",
        "an edit ends the pause"
    );
}

#[test]
fn an_edit_resets_the_pauses() {
    let mut world = world();
    for _ in 0..8 * TRIES {
        world
            .fates
            .push_back((CREATE, Fate::Refused(FailureKind::Throttled)));
    }
    let mut pause = Duration::ZERO;
    for _ in 0..6 {
        pause = world.pass().after.expect("a retry");
        world.wait(pause);
    }
    assert!(pause > Duration::from_secs(20), "{pause:?}");
    world.edit(|spec| spec.allow_classic_flow = true);
    assert!(world.pass().after.expect("a retry") < Duration::from_secs(2));
}

#[test]
fn a_repeated_failure_writes_nothing_new() {
    let mut world = world();
    for _ in 0..4 {
        world
            .fates
            .push_back((CREATE, Fate::Refused(FailureKind::Quota)));
    }
    world.pass();
    let message = world.status().conditions[0].message.clone();
    world.count_anew();
    world.wait(Duration::from_secs(400));
    world.pass();
    assert_eq!(
        world.status().conditions[0].message,
        message,
        "the first request id stays"
    );
    assert_eq!(world.writes, ["claim", "void"]);
}

#[test]
fn a_refusal_is_on_record_for_every_process() {
    for restarts in [false, true] {
        let mut world = world();
        world
            .fates
            .push_back((CREATE, Fate::Refused(FailureKind::Invalid)));
        world.pass();
        assert_eq!(world.writes, ["claim", "void", "status"]);
        if restarts {
            world.restart();
        }
        world.edit(|spec| spec.allow_classic_flow = true);
        world.pass();
        assert_eq!(world.condition("Ready"), "True/InSync", "{restarts}");
        assert_eq!(world.owned().len(), 1);
    }
}

#[test]
fn after_a_restart_the_same_refusal_says_the_same() {
    let mut world = world();
    for _ in 0..2 {
        world
            .fates
            .push_back((CREATE, Fate::Refused(FailureKind::Quota)));
    }
    world.pass();
    let said = world.message();
    world.restart();
    world.count_anew();
    world.pass();
    assert_eq!(world.message(), said);
    assert_eq!(creations(&world), 1, "it was asked again");
    assert!(!world.writes.contains(&"status"), "{:?}", world.writes);
}

#[test]
fn the_region_is_free_again_where_nothing_was_made() {
    let mut world = world();
    world
        .fates
        .push_back((CREATE, Fate::Refused(FailureKind::Denied)));
    world.pass();
    world.edit(|spec| spec.region = Some("us-east-1".into()));
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert_eq!(world.status().region.as_deref(), Some("us-east-1"));
}

#[test]
fn a_claim_that_was_never_sent_under_leaves_nothing_to_settle() {
    let mut world = world();
    world.claim_meanwhile = Some(|world| world.clock_offset = Some(SignedDuration::from_secs(40)));
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/ClockSkew");
    world.restart();
    world.clock_offset = None;
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
}

#[test]
fn a_refusal_names_the_fields_that_aws_names_or_else_all_that_were_set() {
    for (message, fields) in [
        (
            "Value at 'samlProviderARNs' failed to satisfy constraint",
            "spec.samlProviderARNs. ",
        ),
        (
            "That will not do",
            "spec.identityPoolName, spec.allowClassicFlow, spec.identityPoolTags. ",
        ),
    ] {
        let mut world = World::new(IdentityPoolSpec {
            allow_classic_flow: true,
            identity_pool_tags: [("team".into(), "a".into())].into(),
            ..Default::default()
        });
        world.words = message;
        world
            .fates
            .push_back((CREATE, Fate::Refused(FailureKind::Invalid)));
        world.pass();
        let said = world.message();
        assert!(said.contains(&format!("Look at {fields}")), "{said}");
    }
}

#[test]
fn settling_says_what_was_heard_and_until_when() {
    let mut world = world();
    world.fates.push_back((CREATE, Fate::Lost));
    world.pass();
    let said = world.message();
    assert!(
        said.contains("CreateIdentityPool got no clear answer: as the test wants it (AWS error Unanswered, request id "),
        "{said}"
    );
    assert!(
        said.contains("a new call is made if none has shown up by 2026-11-24T10:07:00Z"),
        "{said}"
    );
    world.restart();
    world.object().status = None;
    world.pass();
    let said = world.message();
    assert!(
        said.contains(
            "does not know what came of the CreateIdentityPool call claimed at 2026-11-24T10:00:00Z"
        ),
        "{said}"
    );
    world.delete();
    world.pass();
    let said = world.message();
    assert!(
        said.contains("the object goes if none has shown up by") && !said.contains("new call"),
        "{said}"
    );
}

#[test]
fn processes_that_know_different_things_of_a_call_do_not_tell_them_in_turns() {
    let mut world = world();
    world.fates.push_back((CREATE, Fate::Lost));
    world.pass();
    let (sender, said) = (world.memory.clone(), world.message());
    // Each looks again after its pause.
    let look = |world: &mut World| {
        world.count_anew();
        world.wait(Duration::from_secs(100));
        world.pass();
        assert!(world.calls.contains(&Operation::ListIdentityPools));
    };
    world.restart();
    look(&mut world);
    assert_eq!(
        (world.message(), &world.writes[..]),
        (said.clone(), &[][..])
    );

    world.object().status = None;
    look(&mut world);
    assert!(world.message().contains("does not know"));
    let other = std::mem::replace(&mut world.memory, sender);
    look(&mut world);
    assert_eq!(world.message(), said, "who sent it knows better");
    world.memory = other;
    look(&mut world);
    assert_eq!((world.message(), &world.writes[..]), (said, &[][..]));
}

#[test]
fn a_pool_that_was_made_is_told_from_one_that_was_found() {
    let mut world = world();
    world.pass();
    let reasons = |world: &World| -> Vec<String> {
        world.notes.iter().map(|note| note.reason.clone()).collect()
    };
    assert_eq!(reasons(&world), ["Created"]);
    world.erase();
    world.restart();
    world.notes.clear();
    let rest = world.pass();
    assert_eq!(reasons(&world), ["Found"]);
    assert!(rest.detail.is_some_and(|said| said.contains("was found")));
}

#[test]
fn a_process_that_finds_a_claim_searches_before_it_creates() {
    let mut world = world();
    world.fates.push_back((CREATE, Fate::ReplyLost));
    world.claim_then_crash();
    world.restart();
    world.run(Duration::from_secs(60));
    assert_eq!(world.owned().len(), 1);
    assert_eq!(creations(&world), 1);
}

#[test]
fn an_object_that_was_there_before_the_process_is_searched_for() {
    let mut world = world();
    world.pass();
    world.erase();
    world.restart();
    world.count_anew();
    world.pass();
    assert_eq!(creations(&world), 0);
    assert_eq!(world.owned().len(), 1);
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert!(
        world
            .object()
            .metadata
            .annotations
            .as_ref()
            .is_some_and(|all| all.contains_key(CLAIM_ANNOTATION))
    );
}

#[test]
fn an_object_erased_under_a_living_process_gets_its_pool_back() {
    let mut world = world();
    world.pass();
    let before = world.owned();
    world.erase();
    world.memory.arrival = Arrival::Event;
    world.edit(|spec| spec.identity_pool_name = Some("renamed".into()));
    world.run(Duration::from_secs(60));
    assert_eq!(world.owned(), before);
    assert_eq!(
        world.pools[&before[0]].settings.identity_pool_name,
        "renamed"
    );
}

#[test]
fn a_listed_object_without_a_pool_gets_one_without_a_settle_window() {
    let mut world = world();
    world.memory = Memory::new(Arrival::Listed);
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert_eq!(
        world.calls,
        [
            Operation::ListIdentityPools,
            Operation::ListIdentityPools,
            CREATE
        ]
    );
}

#[test]
fn a_search_that_fails_is_no_answer() {
    let mut world = world();
    world.memory = Memory::new(Arrival::Listed);
    world.fates.push_back((
        Operation::ListIdentityPools,
        Fate::Refused(FailureKind::Denied),
    ));
    world.pass();
    assert_eq!(creations(&world), 0);
    assert_eq!(world.condition("Stalled"), "True/AccessDenied");
}

#[test]
fn claims_that_nobody_of_ours_wrote_are_settled_from_now() {
    for claim in [
        "",
        "{}",
        "nonsense",
        r#"{"id":"00000000-0000-0000-0000-000000000000","uid":"x","accountId":"1","region":"r"}"#,
    ] {
        let mut world = world();
        world.mark(claim);
        world.restart();
        world.run(SETTLE.saturating_sub(Duration::from_secs(1)));
        assert_eq!(creations(&world), 0, "{claim}");
        world.run(HOUR);
        assert_eq!(world.owned().len(), 1, "{claim}");
        assert_eq!(world.condition("Ready"), "True/InSync", "{claim}");
    }
}

#[test]
fn a_claim_write_that_loses_the_race_sends_nothing() {
    let mut world = world();
    world.conflicts = 1;
    world.pass();
    assert_eq!(world.owned().len(), 1);
    assert_eq!(world.writes, ["claim", "claim", "status"]);
}

#[test]
fn a_record_that_loses_the_race_is_written_again_and_never_created_again() {
    let mut world = world();
    world.meanwhile = Some((CREATE, |world| {
        world.edit(|spec| spec.allow_classic_flow = true);
    }));
    world.pass();
    assert_eq!(creations(&world), 1);
    assert_eq!(world.condition("Ready"), "True/InSync");
    let pool = world.pools.values().next().expect("one pool");
    assert!(
        pool.settings.allow_classic_flow,
        "the edit has reached the pool"
    );
}

#[test]
fn nothing_is_created_by_a_clock_that_is_off() {
    let mut world = world();
    world.clock_offset = Some(SignedDuration::from_secs(31));
    world.pass();
    assert_eq!(
        world.calls,
        [Operation::ListIdentityPools],
        "asked for the time"
    );
    assert_eq!(world.condition("Stalled"), "True/ClockSkew");
    world.clock_offset = Some(SignedDuration::from_secs(-29));
    world.wait(Duration::from_secs(400));
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
}

#[test]
fn a_forged_id_leads_to_no_write_on_that_pool() {
    let mut world = world();
    world.pass();
    let other = world.seed(&[(OWNER_TAG, "cluster/somebody-else")]);
    let before = world.pools[&other].clone();
    let ours = world.owned();
    world.forge(other.as_str());
    world.pass();
    assert_eq!(world.pools[&other], before);
    assert_eq!(
        world.status().identity_pool_id.as_deref(),
        Some(ours[0].as_str()),
        "healed"
    );
}

#[test]
fn a_foreign_pool_without_one_of_ours_stalls() {
    let mut world = world();
    world.pass();
    let ours = world.owned()[0].clone();
    world
        .pools
        .get_mut(&ours)
        .expect("there")
        .tags
        .insert(OWNER_TAG.into(), "cluster/thief".into());
    world.edit(|spec| spec.allow_classic_flow = true);
    world.count_anew();
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/ForeignOwner");
    assert!(
        world.calls.iter().all(|call| !call.mutates()),
        "{:?}",
        world.calls
    );
    let message = &world.status().conditions[0].message;
    assert!(
        message.contains("cluster/thief") && message.contains(OWNER),
        "{message}"
    );
}

#[test]
fn of_two_pools_with_our_tag_the_claimed_one_is_used_and_the_other_reported() {
    let mut world = world();
    world.pass();
    let ours = world.owned()[0].clone();
    let copy = world.seed(&[(OWNER_TAG, OWNER)]);
    world.object().status = None;
    world.restart();
    world.pass();
    assert_eq!(
        world.status().identity_pool_id.as_deref(),
        Some(ours.as_str())
    );
    assert_eq!(world.condition("Advisory"), "True/SecondPool");
    assert!(world.pools.contains_key(&copy));
    world.restart();
    world.ask();
    world.pass();
    assert_eq!(
        world.condition("Advisory"),
        "True/SecondPool",
        "still there"
    );
    world.pools.remove(&copy);
    world.restart();
    world.ask();
    world.pass();
    assert_eq!(world.condition("Advisory"), "False/NoAdvice");
}

#[test]
fn two_pools_that_cannot_be_told_apart_stall() {
    let mut world = world();
    world.seed(&[(OWNER_TAG, OWNER)]);
    world.seed(&[(OWNER_TAG, OWNER)]);
    world.restart();
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/DuplicatePools");
    assert_eq!(creations(&world), 0);
}

#[test]
fn an_edit_of_the_region_leads_nowhere() {
    let mut world = world();
    world.pass();
    world.count_anew();
    world.edit(|spec| spec.region = Some("us-east-1".into()));
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/AccountMismatch");
    assert!(world.calls.is_empty());
    world.edit(|spec| spec.region = None);
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
}

#[test]
fn every_crash_point_of_a_creation_ends_with_one_pool() {
    for executed in [false, true] {
        for moves in 1..7 {
            let mut world = world();
            world.crash_after(moves, executed);
            world.restart();
            world.run(HOUR);
            assert_eq!(
                world.owned().len(),
                1,
                "after {moves} moves, last one executed: {executed}"
            );
            assert_eq!(
                world.condition("Ready"),
                "True/InSync",
                "{moves} {executed}"
            );
        }
    }
}
