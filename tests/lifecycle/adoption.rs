//! Pools that were there before their object: taken over only where a person agreed, and
//! nobody else's.

use std::time::Duration;

use identity_pool_operator::api::names::{CLAIM_TAG, OWNER_TAG, SOURCE_TAG};
use identity_pool_operator::api::{Adopt, DeletionPolicy, IdentityPoolSpec, ManagementPolicy};
use identity_pool_operator::pool::call::Operation;
use identity_pool_operator::pool::settings::PoolId;

use crate::world::{Fate, OWNER, UID, World, foreign};

const CREATE: Operation = Operation::CreateIdentityPool;
const OLD_UID: &str = "99999999-2222-3333-4444-555555555555";

fn adopting(adopt: Adopt) -> World {
    let mut world = World::new(IdentityPoolSpec {
        allow_classic_flow: true,
        adopt: Some(adopt),
        ..Default::default()
    });
    world.allows_adoption = true;
    world
}

/// The pool that the spec will name; an id that no other world has.
fn by_id(overwrite: bool) -> (World, PoolId) {
    let mut world = adopting(Adopt::default());
    let id = world.seed(&[("team", "theirs")]);
    let pool = world.pools.get_mut(&id).expect("there");
    pool.settings.identity_pool_name = "console".into();
    world.object().spec.adopt = Some(Adopt {
        identity_pool_id: Some(id.to_string()),
        overwrite: Some(overwrite),
        ..Adopt::default()
    });
    (world, id)
}

fn mutating(world: &World) -> Vec<Operation> {
    let all = world.calls.iter().copied();
    all.filter(|call| call.mutates()).collect()
}

/// A pool that an earlier object of this namespace and name left.
fn predecessor(world: &mut World) -> PoolId {
    let owner = format!("cluster/{OLD_UID}");
    let tags = [
        (OWNER_TAG, owner.as_str()),
        (SOURCE_TAG, "web/app"),
        (CLAIM_TAG, "old"),
    ];
    let id = world.seed(&tags);
    let pool = world.pools.get_mut(&id).expect("there");
    pool.settings.identity_pool_name = "web-app".into();
    id
}

#[test]
fn until_overwrite_nothing_is_changed_and_all_of_it_is_shown() {
    let (mut world, id) = by_id(false);
    let before = world.pools[&id].clone();
    world.pass();
    assert_eq!(world.pools[&id], before, "not even tags");
    assert!(mutating(&world).is_empty());
    assert_eq!(world.condition("Stalled"), "True/AdoptionPending");
    let status = world.status();
    let fields: Vec<String> = status
        .drift
        .unwrap_or_default()
        .into_iter()
        .map(|entry| entry.field)
        .collect();
    assert_eq!(
        fields,
        ["identityPoolName", "allowClassicFlow", "identityPoolTags"]
    );
    let plan = status.plan.unwrap_or_default().into_iter();
    let plan: Vec<String> = plan.map(|call| call.operation).collect();
    assert_eq!(plan, ["TagResource", "UpdateIdentityPool"]);
    assert_eq!(status.deletion_policy, Some(DeletionPolicy::Retain));
    assert_eq!(status.identity_pool_id, None, "it is not this object's yet");
    world.hold_by_another();
    world.delete();
    world.pass();
    assert_eq!(
        world.pools[&id], before,
        "an object that goes before that leaves it alone"
    );
}

#[test]
fn with_overwrite_it_becomes_this_objects_and_equals_the_spec() {
    let (mut world, id) = by_id(true);
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert_eq!(world.owned(), std::slice::from_ref(&id));
    let pool = &world.pools[&id];
    assert!(pool.settings.allow_classic_flow);
    assert_eq!(
        foreign(&pool.tags),
        [("team", "theirs")],
        "tags of others stay"
    );
    assert_eq!(
        mutating(&world),
        [Operation::TagResource, Operation::UpdateIdentityPool],
        "the owner's tags come first"
    );
    assert_eq!(
        world.status().identity_pool_id.as_deref(),
        Some(id.as_str())
    );
    // It stays adopted when the spec no longer says so.
    world.edit(|spec| spec.adopt = None);
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert_eq!(world.status().deletion_policy, Some(DeletionPolicy::Retain));
    world.delete();
    world.pass();
    assert!(world.object.is_none() && world.pools.contains_key(&id));
}

#[test]
fn every_crash_point_of_an_adoption_ends_with_the_pool_adopted_and_no_other() {
    for executed in [false, true] {
        for moves in 1..9 {
            let (mut world, id) = by_id(true);
            world.crash_after(moves, executed);
            world.restart();
            world.run(Duration::from_secs(60));
            assert_eq!(
                world.condition("Ready"),
                "True/InSync",
                "{moves} {executed}"
            );
            assert_eq!(world.owned(), [id], "{moves} {executed}");
            assert_eq!(world.pools.len(), 1, "{moves} {executed}");
        }
    }
}

#[test]
fn no_pool_is_taken_over_unless_the_operator_may() {
    let (mut world, id) = by_id(true);
    world.allows_adoption = false;
    let before = world.pools[&id].clone();
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/AdoptionNotAllowed");
    assert!(world.calls.is_empty());
    assert_eq!(world.pools[&id], before);
}

#[test]
fn a_pool_with_another_owner_is_never_taken() {
    for (owner, whose) in [
        (format!("cluster/{OLD_UID}"), "this"),
        ("elsewhere/1".to_owned(), "another"),
    ] {
        let (mut world, id) = by_id(true);
        let pool = world.pools.get_mut(&id).expect("there");
        pool.tags.insert(OWNER_TAG.into(), owner.clone());
        pool.tags.insert(SOURCE_TAG.into(), "shop/theirs".into());
        let before = world.pools[&id].clone();
        world.pass();
        assert_eq!(world.condition("Stalled"), "True/ForeignOwner");
        let named = format!("IdentityPool shop/theirs of {whose} installation");
        for part in [&owner, &named] {
            assert!(world.message().contains(part), "{}", world.message());
        }
        assert_eq!(world.pools[&id], before);
        assert!(mutating(&world).is_empty());
    }
}

#[test]
fn a_name_has_to_lead_to_one_pool() {
    let by_name = || {
        adopting(Adopt {
            identity_pool_name: Some("console".into()),
            overwrite: Some(true),
            ..Adopt::default()
        })
    };
    let named = |world: &mut World| {
        let id = world.seed(&[]);
        let pool = world.pools.get_mut(&id).expect("there");
        pool.settings.identity_pool_name = "console".into();
        id
    };
    let mut world = by_name();
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/AdoptionTargetMissing");
    assert!(world.pools.is_empty(), "none is made instead");
    let first = named(&mut world);
    let second = named(&mut world);
    world.ask();
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/AdoptionAmbiguous");
    for id in [&first, &second] {
        assert!(world.message().contains(id.as_str()), "{}", world.message());
    }
    world.pools.remove(&second);
    world.ask();
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert_eq!(world.owned(), [first]);
}

#[test]
fn an_id_that_leads_nowhere_makes_no_pool() {
    let mut world = adopting(Adopt {
        identity_pool_id: Some("eu-west-1:00000000-0000-0000-0000-000000000000".into()),
        overwrite: Some(true),
        ..Adopt::default()
    });
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/AdoptionTargetMissing");
    assert!(world.pools.is_empty());
    world.edit(|spec| spec.adopt = None);
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
}

#[test]
fn the_pool_of_before_is_neither_taken_nor_doubled_by_itself() {
    let mut world = World::new(IdentityPoolSpec::default());
    let id = predecessor(&mut world);
    let before = world.pools[&id].clone();
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/PreviousPoolFound");
    assert!(world.message().contains(id.as_str()), "{}", world.message());
    assert!(mutating(&world).is_empty());
    assert_eq!((world.pools.len(), &world.pools[&id]), (1, &before));
    for (previous, pools) in [(true, 1), (false, 2)] {
        let mut world = World::new(IdentityPoolSpec {
            adopt: Some(Adopt {
                previous: Some(previous),
                ..Adopt::default()
            }),
            ..Default::default()
        });
        let id = predecessor(&mut world);
        world.pass();
        assert_eq!(world.condition("Ready"), "True/InSync", "{previous}");
        assert_eq!(world.pools.len(), pools, "{previous}");
        assert_eq!(world.owned().contains(&id), previous);
        let made = mutating(&world).contains(&CREATE);
        assert_eq!(made, !previous);
        if previous {
            let tags = &world.pools[&id].tags;
            assert_eq!(tags[OWNER_TAG], format!("cluster/{UID}"));
        }
    }
}

/// Whoever searches may have learned whose the pool is before it was tagged.
#[test]
fn a_predecessor_that_was_tagged_without_an_answer_is_taken_over_and_no_new_one_claimed() {
    let mut world = World::new(IdentityPoolSpec {
        adopt: Some(Adopt {
            previous: Some(true),
            ..Adopt::default()
        }),
        ..Default::default()
    });
    let id = predecessor(&mut world);
    let tag = Operation::TagResource;
    world.fates.push_back((tag, Fate::ReplyLost));
    world.pass();
    world.unlisted.push(id.clone());
    world.run(Duration::from_secs(600));
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert_eq!(world.owned(), [id]);
    assert_eq!(mutating(&world), [tag]);
    let policy = world.status().deletion_policy;
    assert_eq!(
        policy,
        Some(DeletionPolicy::Retain),
        "as for any adopted pool"
    );
}

#[test]
fn several_pools_of_before_are_named_and_none_is_taken() {
    let mut world = World::new(IdentityPoolSpec {
        adopt: Some(Adopt {
            previous: Some(true),
            ..Adopt::default()
        }),
        ..Default::default()
    });
    let ids = [predecessor(&mut world), predecessor(&mut world)];
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/PreviousPoolFound");
    assert!(ids.iter().all(|id| world.message().contains(id.as_str())));
    assert!(mutating(&world).is_empty());
}

#[test]
fn pools_of_other_sources_and_installations_are_not_the_one_of_before() {
    for (owner, source) in [
        (format!("elsewhere/{OLD_UID}"), "web/app"),
        (format!("cluster/{OLD_UID}"), "web/other"),
        (format!("clusters/{OLD_UID}"), "web/app"),
    ] {
        let mut world = World::new(IdentityPoolSpec::default());
        let id = predecessor(&mut world);
        let pool = world.pools.get_mut(&id).expect("there");
        pool.tags.insert(OWNER_TAG.into(), owner);
        pool.tags.insert(SOURCE_TAG.into(), source.into());
        world.pass();
        assert_eq!(world.condition("Ready"), "True/InSync");
        assert_eq!(world.owned().len(), 1);
        assert_eq!(world.pools.len(), 2);
    }
}

#[test]
fn under_plan_an_adoption_is_shown_and_nothing_else() {
    let (mut world, id) = by_id(true);
    world.object().spec.management_policy = ManagementPolicy::Plan;
    let before = world.pools[&id].clone();
    world.pass();
    assert_eq!(world.condition("Ready"), "False/Planned");
    assert_eq!(world.pools[&id], before);
    assert_eq!(world.writes, ["status"]);
}

#[test]
fn an_owned_pool_is_not_asked_for_again() {
    let (mut world, id) = by_id(true);
    world.pass();
    let owner = world.pools[&id].tags[OWNER_TAG].clone();
    assert_eq!(owner, OWNER);
    world.allows_adoption = false;
    world.restart();
    world.ask();
    world.pass();
    assert_eq!(
        world.condition("Ready"),
        "True/InSync",
        "it is this object's now"
    );
}

#[test]
fn a_pool_that_was_taken_over_has_an_event_of_its_own() {
    let (mut world, _) = by_id(true);
    world.pass();
    let said: Vec<&str> = world
        .notes
        .iter()
        .map(|note| note.reason.as_str())
        .collect();
    assert_eq!(said, ["Adopted", "InSync"]);
}

#[test]
fn a_pool_of_another_region_is_told_as_such() {
    let id = "us-west-2:aaaaaaaa-1111-2222-3333-444444444444";
    let mut world = adopting(Adopt {
        identity_pool_id: Some(id.to_owned()),
        ..Adopt::default()
    });
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/AdoptionTargetMissing");
    let message = world.message();
    assert!(
        message.contains("Set spec.region to us-west-2"),
        "{message}"
    );
}

#[test]
fn an_object_that_has_its_pool_takes_no_other_and_says_so() {
    let mut world = World::new(IdentityPoolSpec::default());
    world.allows_adoption = true;
    world.pass();
    let (own, other) = (world.owned()[0].clone(), world.seed(&[]));
    let before = world.pools[&other].clone();
    world.edit(|spec| {
        spec.adopt = Some(Adopt {
            identity_pool_id: Some(other.to_string()),
            overwrite: Some(true),
            ..Adopt::default()
        });
    });
    world.pass();
    assert_eq!(world.condition("Advisory"), "True/AdoptionIgnored");
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert_eq!(world.owned(), [own], "it keeps its own");
    assert_eq!(world.pools[&other], before);
    let policy = world.status().deletion_policy;
    assert_eq!(
        policy,
        Some(DeletionPolicy::DeleteIfEmpty),
        "it was not adopted"
    );
}

#[test]
fn a_pool_that_another_process_takes_over_during_the_search_is_looked_at_again() {
    let mut world = World::new(IdentityPoolSpec::default());
    world.pass();
    let tag = |world: &mut World, owner: &str| {
        for pool in world.pools.values_mut() {
            pool.tags.insert(OWNER_TAG.into(), owner.into());
        }
    };
    tag(&mut world, "cluster/another");
    world.ask();
    world.meanwhile = Some((Operation::ListIdentityPools, |world| {
        for pool in world.pools.values_mut() {
            pool.tags.insert(OWNER_TAG.into(), OWNER.into());
        }
    }));
    world.pass();
    assert_eq!(
        world.condition("Ready"),
        "True/InSync",
        "{}",
        world.message()
    );
    assert_eq!(world.pools.len(), 1);

    tag(&mut world, "cluster/another");
    world.ask();
    world.pass();
    assert_eq!(world.condition("Ready"), "False/ForeignOwner");
}
