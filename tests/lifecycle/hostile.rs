//! What a third hostile review found: adoption that is cut short, claims put back, references
//! that never rest, and plans that were not what was then done.

use std::time::Duration;

use identity_pool_operator::api::condition::{self, ADVISORY};
use identity_pool_operator::api::names::{CLAIM_TAG, FINALIZER, OWNER_TAG, SOURCE_TAG};
use identity_pool_operator::api::{
    Adopt, DeletionPolicy, IdentityPool, IdentityPoolSpec, ManagementPolicy,
};
use identity_pool_operator::pool::access::{RoleSet, TagMap};
use identity_pool_operator::pool::call::{FailureKind, Operation};
use identity_pool_operator::pool::export::{Found, Owner};
use identity_pool_operator::pool::settings::{AppId, Desired, PoolId};
use identity_pool_operator::pool::sources::{Source, Target, Text};
use serde_json::{Value, json};

use crate::world::{Fate, UID, World};

const OLD_OWNER: &str = "cluster/99999999-2222-3333-4444-555555555555";
const USER: &str = "arn:aws:iam::123456789012:role/user";
const STAFF: &str = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Staff";
const SET: Operation = Operation::SetIdentityPoolRoles;
const SECOND: Duration = Duration::from_secs(1);

fn spec(spec: Value) -> IdentityPoolSpec {
    serde_json::from_value(spec).expect("a spec")
}

/// A pool that an earlier object of this namespace and name left.
fn left(world: &mut World) -> PoolId {
    let tags = [
        (OWNER_TAG, OLD_OWNER),
        (SOURCE_TAG, "web/app"),
        (CLAIM_TAG, "old"),
    ];
    let id = world.seed(&tags);
    let pool = world.pools.get_mut(&id).expect("there");
    pool.settings.identity_pool_name = "web-app".into();
    id
}

/// A pool of nobody's, and what the spec says of it.
fn clicked(world: &mut World, overwrite: bool) -> PoolId {
    world.allows_adoption = true;
    let id = world.seed(&[("team", "theirs")]);
    let pool = world.pools.get_mut(&id).expect("there");
    pool.settings.identity_pool_name = "console".into();
    world.object().spec.adopt = Some(Adopt {
        identity_pool_id: Some(id.to_string()),
        overwrite: Some(overwrite),
        ..Adopt::default()
    });
    id
}

fn mutating(world: &World) -> Vec<String> {
    let calls = world.calls.iter().filter(|call| call.mutates());
    calls.map(|call| call.as_str().to_owned()).collect()
}

fn planned(world: &World) -> Vec<String> {
    let plan = world.status().plan.unwrap_or_default();
    plan.into_iter().map(|call| call.operation).collect()
}

/// What this process remembers of a pool's owner from before the tags came does not hide it.
#[test]
fn an_adoption_whose_answer_is_lost_ends_with_the_pool_adopted() {
    for previous in [true, false] {
        let mut world = World::new(IdentityPoolSpec::default());
        let id = if previous {
            world.object().spec.adopt = spec(json!({ "adopt": { "previous": true } })).adopt;
            left(&mut world)
        } else {
            clicked(&mut world, true)
        };
        world.unlisted.push(id.clone());
        let tag = Operation::TagResource;
        world.fates.push_back((tag, Fate::ReplyLost));
        world.run(600 * SECOND);
        assert_eq!(world.condition("Ready"), "True/InSync", "{previous}");
        assert_eq!(world.owned(), [id], "{previous}");
        let tagged = world.calls.iter().filter(|call| **call == tag).count();
        assert_eq!(tagged, 1, "{previous}: it was tagged already");
    }
}

/// An adopted pool stays adopted: its default is to be kept.
#[test]
fn a_finalizer_that_is_put_back_does_not_turn_an_adopted_pool_into_one_to_delete() {
    for strip_claim in [false, true] {
        let mut world = World::new(IdentityPoolSpec::default());
        let id = clicked(&mut world, true);
        world.pass();
        world.edit(|spec| spec.adopt = None);
        world.pass();
        assert_eq!(world.status().deletion_policy, Some(DeletionPolicy::Retain));
        world.object().metadata.finalizers = None;
        if strip_claim {
            world.object().metadata.annotations = None;
        }
        world.ask();
        world.pass();
        let finalizers = world.object().metadata.finalizers.clone();
        assert_eq!(finalizers, Some(vec![FINALIZER.to_owned()]));
        assert_eq!(
            world.status().deletion_policy,
            Some(DeletionPolicy::Retain),
            "{strip_claim}"
        );
        world.delete();
        world.run(60 * SECOND);
        assert!(world.pools.contains_key(&id), "{strip_claim}");
    }
}

/// The way out that the message names is one.
#[test]
fn one_of_several_pools_of_before_is_taken_by_its_id() {
    let mut world = World::new(IdentityPoolSpec::default());
    world.allows_adoption = true;
    let ids = [left(&mut world), left(&mut world)];
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/PreviousPoolFound");
    assert!(world.message().contains("spec.adopt.identityPoolId"));
    world.edit(|spec| {
        spec.adopt = Some(Adopt {
            identity_pool_id: Some(ids[1].to_string()),
            overwrite: Some(true),
            ..Adopt::default()
        });
    });
    world.pass();
    assert_eq!(
        world.condition("Ready"),
        "True/InSync",
        "{}",
        world.message()
    );
    assert_eq!(world.owned(), [ids[1].clone()]);
    assert_eq!(world.pools[&ids[0]].tags[OWNER_TAG], OLD_OWNER);
}

/// "The exact calls in order": the owner's tags are a call of their own.
#[test]
fn what_is_shown_of_an_adoption_is_what_is_done() {
    let everything = json!({ "allowClassicFlow": true, "roles": { "authenticated": USER } });
    let nothing_else = json!({ "identityPoolName": "console" });
    for more in [everything, nothing_else] {
        for policy in [ManagementPolicy::Manage, ManagementPolicy::Plan] {
            let mut world = World::new(spec(more.clone()));
            clicked(&mut world, policy == ManagementPolicy::Plan);
            world.object().spec.management_policy = policy;
            world.pass();
            let shown = planned(&world);
            assert_eq!(mutating(&world), Vec::<String>::new());
            world.edit(|spec| {
                spec.management_policy = ManagementPolicy::Manage;
                spec.adopt.as_mut().expect("a word").overwrite = Some(true);
            });
            world.pass();
            assert_eq!(world.condition("Ready"), "True/InSync");
            assert_eq!(mutating(&world), shown, "{more} {policy:?}");
        }
    }
}

/// Where drift is only reported, Manage would undo nothing, and so nothing is planned.
#[test]
fn a_plan_shows_no_call_that_the_drift_policy_forbids() {
    let mut world = World::new(spec(json!({ "driftPolicy": "Report" })));
    world.pass();
    world.edit(|spec| spec.management_policy = ManagementPolicy::Plan);
    let pool = world.pools.values_mut().next().expect("a pool");
    pool.settings.allow_classic_flow = true;
    world.ask();
    world.pass();
    let shown = planned(&world);
    world.edit(|spec| spec.management_policy = ManagementPolicy::Manage);
    world.count_anew();
    world.pass();
    assert_eq!(mutating(&world), shown);
}

/// What an earlier object took out of a Secret is not shown to whoever takes the pool over.
#[test]
fn the_value_of_a_login_provider_in_a_pool_that_is_not_ours_is_not_shown() {
    let literal = json!({ "supportedLoginProviders": { "api.twitter.com": "literal" } });
    for plan in [false, true] {
        let mut world = World::new(spec(literal.clone()));
        let id = clicked(&mut world, plan);
        if plan {
            world.object().spec.management_policy = ManagementPolicy::Plan;
        }
        let pool = world.pools.get_mut(&id).expect("there");
        let theirs = [("api.twitter.com".into(), AppId::new("canary"))];
        pool.settings.supported_login_providers = theirs.into();
        world.pass();
        let status = serde_json::to_string(&world.status()).expect("JSON");
        assert!(status.contains("supportedLoginProviders"), "{status}");
        assert!(!status.contains("canary"), "{status}");
    }
}

fn role_key() -> Source {
    let target = Target {
        api_version: "v1".into(),
        kind: "ConfigMap".into(),
        name: "ids".into(),
    };
    Source::ConfigMap(target, "role".into())
}

fn role_from_map() -> World {
    let from = json!({ "configMapKeyRef": { "name": "ids", "key": "role" } });
    let mut world = World::new(spec(json!({ "roles": { "authenticatedFrom": from } })));
    world.elsewhere.insert(role_key(), Ok(Text::plain(USER)));
    world
}

/// An object that others write all the time, but not where the value stands, does not set the
/// pace of calls to AWS, and takes nobody's two minutes away.
#[test]
fn a_reference_that_never_rests_does_not_undo_pauses() {
    let mut world = role_from_map();
    world.words = "Access to Role is forbidden";
    for _ in 0..1000 {
        let denied = Fate::Refused(FailureKind::Denied);
        world.fates.push_back((SET, denied));
    }
    for _ in 0..600 {
        world.memory.news += 1;
        world.pass();
        world.wait(SECOND);
    }
    let tries = world.calls.iter().filter(|call| **call == SET).count();
    assert!(tries <= 26, "{tries} tries in ten minutes");
    assert_eq!(world.condition("Stalled"), "True/RoleRefused");
    // The value itself is news.
    world.fates.clear();
    let other = "arn:aws:iam::123456789012:role/other";
    world.elsewhere.insert(role_key(), Ok(Text::plain(other)));
    world.memory.news += 1;
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
}

/// Which denial it is stands in AWS's words: no waiting makes the operator's own permission come.
#[test]
fn a_permission_that_the_operator_lacks_is_not_taken_for_a_role_that_is_new() {
    let mut world = World::new(spec(json!({ "roles": { "authenticated": USER } })));
    world.words = "User: arn:aws:sts::123456789012:assumed-role/operator/x is not authorized to \
                   perform: cognito-identity:SetIdentityPoolRoles on resource: x";
    let denied = Fate::Refused(FailureKind::Denied);
    world.fates.push_back((SET, denied));
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/AccessDenied");
}

fn with_access() -> Value {
    json!({
        "cognitoIdentityProviders": [{ "name": "staff", "providerName": STAFF, "clientId": "abc" }],
        "roles": { "authenticated": USER },
        "roleMappings": [{ "provider": "staff", "type": "Token", "ambiguousRoleResolution": "Deny" }],
        "principalTagAttributeMaps": [{ "provider": "staff", "principalTags": { "a": "b" } }],
    })
}

/// Helm gives up at the first `Stalled`: it is only for what waiting cannot mend.
#[test]
fn a_read_that_lags_behind_a_change_stalls_nobody_and_repeats_no_call() {
    for seconds in [1, 5, 20] {
        let mut world = World::new(spec(with_access()));
        world.read_lag = seconds * SECOND;
        for edit in 0..2 {
            if edit == 1 {
                world.count_anew();
                world.edit(|it| *it = IdentityPoolSpec::default());
            }
            while world.condition("Ready") != "True/InSync"
                || world.status().observed_generation != world.object().metadata.generation
            {
                let rest = world.pass();
                let stalled = world.condition("Stalled");
                assert!(stalled.starts_with("False"), "{seconds} {edit}: {stalled}");
                assert!(rest.corrected.is_empty(), "{:?}", rest.corrected);
                world.wait(rest.after.expect("it comes back").min(15 * SECOND));
            }
            let tags = Operation::SetPrincipalTagAttributeMap;
            for operation in [SET, tags] {
                let made = world.calls.iter().filter(|call| **call == operation);
                assert_eq!(made.count(), 1, "{seconds} {edit}: {:?}", world.calls);
            }
        }
    }
}

/// A change that does not show within the time is made once more before anybody is called.
#[test]
fn a_role_that_aws_does_not_keep_is_named_at_once_and_told_a_person_after_a_while() {
    let mut world = World::new(spec(with_access()));
    world.dropped_role = Some("authenticated");
    world.pass();
    assert_eq!(world.condition("Reconciling"), "True/ChangeNotYetVisible");
    assert!(
        world.message().contains("roles.authenticated"),
        "{}",
        world.message()
    );
    world.run(20 * SECOND);
    assert_eq!(world.condition("Reconciling"), "True/ChangeNotYetVisible");
    world.run(30 * SECOND);
    assert_eq!(world.condition("Stalled"), "True/ChangeNotTaken");
    let drift = world.status().drift.unwrap_or_default();
    assert!(drift[0].desired.contains(USER), "{drift:?}");
    assert_eq!(world.calls.iter().filter(|call| **call == SET).count(), 2);
    // Another role has a time of its own.
    let other = "arn:aws:iam::123456789012:role/other";
    world.edit(|it| it.roles = spec(json!({ "roles": { "authenticated": other } })).roles);
    world.pass();
    assert_eq!(world.condition("Reconciling"), "True/ChangeNotYetVisible");
}

/// A tenant who takes the pool of before has to know whose roles its users get (design.md, 4.2).
/// Principal tags of a user pool, and a tag.
fn leave_more(world: &mut World, id: &PoolId) {
    let map = TagMap {
        use_defaults: false,
        principal_tags: [("user".to_owned(), "sub".to_owned())].into(),
    };
    world
        .principal_tags
        .insert((id.clone(), STAFF.to_owned()), map);
    let pool = world.pools.get_mut(id).expect("there");
    pool.tags.insert("team".to_owned(), "theirs".to_owned());
    let client = json!([{ "providerName": STAFF, "clientId": "abc" }]);
    let before = spec(json!({ "cognitoIdentityProviders": client }));
    let object = IdentityPool::new("before", before);
    pool.settings.cognito_identity_providers =
        Desired::of(&object).settings.cognito_identity_providers;
}

#[test]
fn what_the_object_of_before_had_set_is_left_alone_and_shown() {
    for adopt in [
        json!({ "previous": true }),
        json!({ "identityPoolName": "web-app", "overwrite": true }),
    ] {
        let client = json!({
            "providerName": STAFF, "clientId": "abc", "serverSideTokenCheck": true,
        });
        let mut world = World::new(spec(json!({
            "adopt": adopt, "cognitoIdentityProviders": [client],
        })));
        world.allows_adoption = true;
        let id = left(&mut world);
        let set = RoleSet {
            roles: [("authenticated".to_owned(), USER.to_owned())].into(),
            ..RoleSet::default()
        };
        world.roles.insert(id.clone(), set.clone());
        leave_more(&mut world, &id);
        world.pass();
        assert_eq!(world.condition("Ready"), "True/InSync");
        assert_eq!(world.roles[&id], set);
        let shown = |world: &World| {
            let status = world.status();
            let advice = condition::find(&status.conditions, ADVISORY).cloned();
            advice.is_some_and(|advice| {
                let all = [
                    USER,
                    "principalTagAttributeMaps[cognito-idp",
                    "identityPoolTags[team]",
                ];
                advice.reason == "SettingsLeftAlone"
                    && all.iter().all(|part| advice.message.contains(part))
            })
        };
        assert!(shown(&world), "{}", world.condition(ADVISORY));
        // It is still so where nobody looked.
        world.fates.push_back((
            Operation::DescribeIdentityPool,
            Fate::Refused(FailureKind::Denied),
        ));
        world.ask();
        world.pass();
        assert_eq!(world.condition("Stalled"), "True/AccessDenied");
        assert!(shown(&world), "{}", world.condition(ADVISORY));
        world.ask();
        world.pass();
        assert!(shown(&world), "{}", world.condition(ADVISORY));
        world.edit(|it| {
            let given = spec(json!({
                "roles": {},
                "principalTagAttributeMaps": [{ "identityProviderName": STAFF, "useDefaults": true }],
                "identityPoolTags": { "team": "ours" },
            }));
            it.roles = given.roles;
            it.principal_tag_attribute_maps = given.principal_tag_attribute_maps;
            it.identity_pool_tags = given.identity_pool_tags;
        });
        world.pass();
        assert_eq!(world.condition(ADVISORY), "False/NoAdvice");
        assert!(world.roles[&id].roles.is_empty(), "given, and so managed");
    }
}

/// AWS has no compare-and-swap: of two who take one pool at once the later tag counts, and the
/// other says so as soon as no call of theirs can be under way.
#[test]
fn a_pool_that_another_object_took_at_the_same_time_is_given_up_within_a_minute() {
    for dies in [false, true] {
        let mut world = World::new(IdentityPoolSpec::default());
        let id = clicked(&mut world, true);
        if dies {
            // Look, reserve, claim, tag and what lies between: the next process finds the tag.
            while world.owned().is_empty() {
                let moves = 1 + world.writes.len() + world.calls.len();
                world.crash_after(moves, true);
            }
            world.restart();
        }
        world.pass();
        assert_eq!(world.condition("Ready"), "True/InSync");
        let pool = world.pools.get_mut(&id).expect("there");
        let other = "cluster/22222222-2222-3333-4444-555555555555";
        pool.tags.insert(OWNER_TAG.into(), other.into());
        let taken = world.pools[&id].clone();
        world.run(60 * SECOND);
        assert_eq!(world.condition("Stalled"), "True/ForeignOwner", "{dies}");
        assert_eq!(world.pools[&id], taken, "{dies}");
    }
    // Where nobody else takes it, one more look is all that it costs.
    let mut world = World::new(IdentityPoolSpec::default());
    clicked(&mut world, true);
    world.pass();
    world.count_anew();
    world.run(1000 * SECOND);
    let looks = [
        Operation::DescribeIdentityPool,
        Operation::GetIdentityPoolRoles,
    ];
    assert_eq!(world.calls, looks);
}

/// Whoever can write status leads the operator to no other object by it.
#[test]
fn a_forged_name_of_a_config_map_is_no_name() {
    let mut world = World::new(IdentityPoolSpec::default());
    world.pass();
    let forged = ["", "../secrets/x", "x?watch=true", "a b", "-x"];
    let names = forged.map(str::to_owned).to_vec();
    for name in &names {
        let found = Found {
            controller: Some(Owner {
                uid: UID.into(),
                ..Owner::default()
            }),
            ..Found::default()
        };
        world.config_maps.insert(name.clone(), found);
    }
    let status = world.object().status.as_mut().expect("a status");
    status.managed.get_or_insert_default().config_maps = names;
    world.ask();
    world.count_anew();
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert_eq!(world.writes, ["status"]);
    assert_eq!(world.status().managed, None);
}

/// Whatever is wrong with it, a value out of a Secret is not told.
#[test]
fn a_secret_of_the_wrong_form_is_refused_without_being_shown() {
    let source = Source::Secret(
        Target {
            api_version: "v1".into(),
            kind: "Secret".into(),
            name: "twitter".into(),
        },
        "keys".into(),
    );
    let long = "canary".repeat(100_000);
    for value in [
        "canary canary",
        "canary\ncanary",
        "canary\"\\{}",
        "{canary}'canary",
        "canäry",
        &long,
    ] {
        let from =
            json!({ "api.twitter.com": { "secretKeyRef": { "name": "twitter", "key": "keys" } } });
        let mut world = World::new(spec(json!({ "supportedLoginProvidersFrom": from })));
        let text = Text::secret(value, "u/1");
        world.elsewhere.insert(source.clone(), Ok(text));
        let rest = world.pass();
        assert_eq!(world.condition("Stalled"), "True/InvalidReference");
        let told = format!(
            "{:?} {rest:?} {:?} {:?}",
            world.status(),
            world.notes,
            world.memory
        );
        assert!(!told.contains("canary") && !told.contains("canä"), "{told}");
        assert!(told.len() < 20_000, "{}", told.len());
    }
}
