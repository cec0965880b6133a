//! Roles, role mappings and principal tags equal the spec, and nobody else's are touched.

use std::time::Duration;

use identity_pool_operator::api::{DriftPolicy, IdentityPoolSpec};
use identity_pool_operator::pool::access::{Mapping, RoleSet, TagMap};
use identity_pool_operator::pool::call::{Call, FailureKind, Operation};
use identity_pool_operator::pool::settings::PoolId;
use serde_json::{Value, json};

use crate::world::{Fate, World};

const CREATE: Operation = Operation::CreateIdentityPool;
const UPDATE: Operation = Operation::UpdateIdentityPool;
const SET: Operation = Operation::SetIdentityPoolRoles;
const GET: Operation = Operation::GetIdentityPoolRoles;
const SET_TAGS: Operation = Operation::SetPrincipalTagAttributeMap;
const GET_TAGS: Operation = Operation::GetPrincipalTagAttributeMap;
const USER: &str = "arn:aws:iam::123456789012:role/user";
const GUEST: &str = "arn:aws:iam::123456789012:role/guest";
const STAFF: &str = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Staff";

fn spec(spec: Value) -> IdentityPoolSpec {
    serde_json::from_value(spec).expect("a spec")
}

/// A pool with a user pool called `staff`, and what is given besides.
fn with(more: Value) -> IdentityPoolSpec {
    let mut all = json!({
        "cognitoIdentityProviders": [{ "name": "staff", "providerName": STAFF, "clientId": "abc" }],
    });
    let (all_, more) = (all.as_object_mut().expect("a map"), more);
    all_.extend(more.as_object().expect("a map").clone());
    spec(all)
}

fn token(provider: &str) -> Value {
    json!({ "provider": provider, "type": "Token", "ambiguousRoleResolution": "Deny" })
}

fn only(world: &World) -> PoolId {
    let owned = world.owned();
    assert_eq!(owned.len(), 1);
    owned[0].clone()
}

fn roles(world: &World) -> RoleSet {
    world.roles.get(&only(world)).cloned().unwrap_or_default()
}

fn tags(world: &World) -> Option<TagMap> {
    let of_staff = (only(world), STAFF.to_owned());
    world.principal_tags.get(&of_staff).cloned()
}

#[test]
fn a_creation_with_roles_costs_three_calls_and_publishes_the_id_first() {
    let mut world = World::new(spec(json!({ "roles": { "authenticated": USER } })));
    world.pass();
    assert_eq!(world.calls, [CREATE, SET, GET]);
    assert_eq!(world.writes, ["claim", "status", "status"]);
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert_eq!(roles(&world).roles["authenticated"], USER);
}

#[test]
fn a_map_of_principal_tags_costs_a_call_and_a_look() {
    let map = json!([{ "provider": "staff", "principalTags": { "team": "custom:team" } }]);
    let mut world = World::new(with(json!({ "principalTagAttributeMaps": map })));
    world.pass();
    assert_eq!(world.calls, [CREATE, SET_TAGS, GET_TAGS]);
    assert_eq!(world.condition("Ready"), "True/InSync");
    let found = tags(&world).expect("a map");
    assert_eq!(found.principal_tags["team"], "custom:team");
}

/// Another leader has carried out an edit while this one stood still before its call, and the
/// record no longer says that anything was set.
#[test]
fn what_a_leader_sets_after_a_pause_is_taken_back_when_the_spec_has_given_it_up() {
    for (call, given) in [
        (SET, json!({ "roles": { "authenticated": USER } })),
        (SET, json!({ "roleMappings": [token("staff")] })),
        (
            SET_TAGS,
            json!({ "principalTagAttributeMaps": [{ "provider": "staff", "principalTags": { "a": "sub" } }] }),
        ),
        (UPDATE, json!({ "identityPoolTags": { "team": "web" } })),
    ] {
        let mut world = World::new(with(json!({})));
        world.pass();
        world.edit(|spec| *spec = with(given.clone()));
        world.meanwhile = Some((call, |world| {
            world.edit(|spec| *spec = with(json!({})));
            let status = world.object().status.as_mut().expect("a status");
            status.managed = None;
            status.observed_generation = Some(3);
        }));
        world.run(Duration::from_secs(60));
        assert_eq!(world.condition("Ready"), "True/InSync", "{given}");
        assert_eq!(roles(&world), RoleSet::default(), "{given}");
        let principal = tags(&world)
            .map(|map| map.principal_tags)
            .unwrap_or_default();
        assert!(principal.is_empty(), "{given}");
        let pool = world.pools.values().next().expect("a pool");
        assert!(!pool.tags.contains_key("team"), "{given}");
        assert_eq!(world.status().managed, None, "{given}");
    }
}

#[test]
fn what_was_never_given_is_neither_read_nor_touched() {
    let mut world = World::new(IdentityPoolSpec::default());
    world.pass();
    let theirs = RoleSet {
        roles: [("authenticated".to_owned(), USER.to_owned())].into(),
        ..RoleSet::default()
    };
    world.roles.insert(only(&world), theirs.clone());
    world.count_anew();
    world.edit(|spec| spec.allow_classic_flow = true);
    world.wait(Duration::from_secs(4000));
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert!(!world.calls.contains(&GET) && !world.calls.contains(&SET));
    assert_eq!(roles(&world), theirs);
}

#[test]
fn mappings_of_others_survive_a_change_of_roles() {
    let mut world = World::new(with(json!({})));
    world.pass();
    let key = format!("{STAFF}:abc");
    let theirs = Mapping {
        kind: "Token".into(),
        ambiguous_role_resolution: "SomethingNew".into(),
        rules: Vec::new(),
    };
    let id = only(&world);
    let set = world.roles.entry(id).or_default();
    set.mappings.insert(key.clone(), theirs.clone());
    world.edit(|it| *it = with(json!({ "roles": { "authenticated": USER } })));
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert_eq!(roles(&world).roles["authenticated"], USER);
    assert_eq!(roles(&world).mappings[&key], theirs);
}

#[test]
fn a_block_that_is_taken_away_is_cleared_and_then_left_alone() {
    let full = json!({
        "roles": { "authenticated": USER, "unauthenticated": GUEST },
        "roleMappings": [token("staff")],
        "principalTagAttributeMaps": [{ "provider": "staff", "principalTags": { "a": "b" } }],
    });
    for restarts in [false, true] {
        let mut world = World::new(with(full.clone()));
        world.pass();
        assert_eq!(world.condition("Ready"), "True/InSync");
        if restarts {
            world.restart();
        }
        world.edit(|it| *it = with(json!({})));
        world.pass();
        assert_eq!(world.condition("Ready"), "True/InSync");
        assert_eq!(roles(&world), RoleSet::default());
        let map = tags(&world).expect("there is no way to remove it");
        assert!(map.use_defaults && map.principal_tags.is_empty());
        assert_eq!(world.status().managed, None);
        world.count_anew();
        world.ask();
        world.pass();
        assert_eq!(world.calls, [Operation::DescribeIdentityPool]);
    }
}

#[test]
fn a_crash_right_after_roles_were_set_does_not_leave_them_behind() {
    let mut world = World::new(IdentityPoolSpec::default());
    world.pass();
    world.edit(|it| *it = spec(json!({ "roles": { "authenticated": USER } })));
    // Look, roles, record, reserve, set: killed before its status is written.
    world.crash_after(5, true);
    assert!(roles(&world).roles.contains_key("authenticated"));
    world.restart();
    world.edit(|it| *it = IdentityPoolSpec::default());
    world.pass();
    assert_eq!(roles(&world), RoleSet::default());
}

#[test]
fn a_provider_comes_before_its_mapping_and_goes_after_it() {
    let mut world = World::new(IdentityPoolSpec::default());
    world.pass();
    world.count_anew();
    world.edit(|it| *it = with(json!({ "roleMappings": [token("staff")] })));
    world.pass();
    let mutating = |world: &World| -> Vec<Operation> {
        let all = world.calls.iter().copied();
        all.filter(|call| call.mutates()).collect()
    };
    assert_eq!(mutating(&world), [UPDATE, SET]);
    world.count_anew();
    // Another client: the key of the mapping changes with it.
    world.edit(|it| {
        *it = with(json!({ "roleMappings": [token("staff")] }));
        it.cognito_identity_providers[0].client_id = Some("def".into());
    });
    world.pass();
    assert_eq!(mutating(&world), [SET, UPDATE, SET]);
    let keys: Vec<String> = roles(&world).mappings.into_keys().collect();
    assert_eq!(keys, [format!("{STAFF}:def")]);
    world.count_anew();
    world.edit(|it| *it = spec(json!({ "roleMappings": [] })));
    world.pass();
    assert_eq!(mutating(&world), [SET, UPDATE]);
    assert_eq!(world.condition("Ready"), "True/InSync");
}

#[test]
fn a_role_that_aws_does_not_keep_is_named() {
    let mut world = World::new(spec(json!({
        "roles": { "authenticated": USER, "unauthenticated": GUEST },
    })));
    world.dropped_role = Some("unauthenticated");
    // A read may be late, so it is not believed at once.
    world.run(Duration::from_secs(40));
    assert_eq!(world.condition("Stalled"), "True/ChangeNotTaken");
    for part in ["roles.unauthenticated", &format!("does not show {GUEST}:")] {
        assert!(world.message().contains(part), "{}", world.message());
    }
    let drift = world.status().drift.unwrap_or_default();
    assert!(drift[0].desired.contains(GUEST), "{drift:?}");
    assert_eq!(world.calls.iter().filter(|call| **call == SET).count(), 2);
}

#[test]
fn a_new_role_is_waited_for_and_a_refused_one_is_told_after_two_minutes() {
    let mut world = World::new(spec(json!({ "roles": { "authenticated": USER } })));
    for _ in 0..60 {
        world
            .fates
            .push_back((SET, Fate::Refused(FailureKind::Denied)));
    }
    world.words = "Access to Role is forbidden";
    world.pass();
    assert_eq!(world.condition("Reconciling"), "True/RoleNotAccepted");
    assert!(
        world.status().identity_pool_id.is_some(),
        "the id is known meanwhile"
    );
    world.run(Duration::from_secs(110));
    assert_eq!(world.condition("Reconciling"), "True/RoleNotAccepted");
    let tries = world.calls.iter().filter(|call| **call == SET).count();
    assert!((8..=14).contains(&tries), "{tries} tries in two minutes");
    world.run(Duration::from_secs(11));
    assert_eq!(world.condition("Stalled"), "True/RoleRefused");
    // Another process begins where this one ended.
    world.restart();
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/RoleRefused");
    world.run(Duration::from_secs(600));
    assert_eq!(world.condition("Stalled"), "True/RoleRefused");
    let said = world.message();
    assert!(
        said.contains("iam:PassRole") && said.contains("SetIdentityPoolRoles"),
        "{said}"
    );
    world.fates.clear();
    world.run(Duration::from_secs(400));
    assert_eq!(world.condition("Ready"), "True/InSync");
}

#[test]
fn drift_of_roles_and_tags_is_corrected_or_told() {
    let full = json!({
        "roles": { "authenticated": USER },
        "roleMappings": [token("staff")],
        "principalTagAttributeMaps": [{ "provider": "staff", "principalTags": { "a": "b" } }],
    });
    for policy in [DriftPolicy::Correct, DriftPolicy::Report] {
        let mut world = World::new(IdentityPoolSpec {
            drift_policy: Some(policy),
            ..with(full.clone())
        });
        world.pass();
        let id = only(&world);
        let (was, were) = (roles(&world), tags(&world));
        world.roles.remove(&id);
        world.principal_tags.clear();
        world.wait(Duration::from_secs(4000));
        world.count_anew();
        let rest = world.pass();
        if policy == DriftPolicy::Correct {
            assert_eq!((roles(&world), tags(&world)), (was, were));
            let fields = rest.corrected.join(" ");
            for part in [
                "roles.authenticated",
                "roleMappings[",
                "principalTagAttributeMaps[",
            ] {
                assert!(fields.contains(part), "{part} not in {fields}");
            }
        } else {
            assert!(world.calls.iter().all(|call| !call.mutates()));
            assert_eq!(world.condition("Drifted"), "True/Drifted");
            assert_eq!(world.status().drift.unwrap_or_default().len(), 3);
        }
    }
}

#[test]
fn no_tags_for_a_provider_is_not_taken_for_a_pool_that_is_gone() {
    let call = Call::GetPrincipalTagAttributeMap {
        id: PoolId::new("eu-west-1:1"),
        provider: STAFF.into(),
    };
    let failure = crate::world::failure(GET_TAGS, FailureKind::NotFound);
    assert!(!call.says_gone(&failure));
    let map = json!([{ "provider": "staff", "useDefaults": true }]);
    let mut world = World::new(with(json!({})));
    world.pass();
    world.edit(|it| *it = with(json!({ "principalTagAttributeMaps": map })));
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert!(tags(&world).is_some_and(|map| map.use_defaults));
}

#[test]
fn rules_keep_their_order() {
    let rule = |value: &str| json!({ "claim": "team", "matchType": "Equals", "value": value, "roleARN": USER });
    let mapping = |rules: [Value; 2]| {
        json!({ "roleMappings": [{
            "provider": "staff", "type": "Rules", "ambiguousRoleResolution": "Deny", "rules": rules,
        }] })
    };
    let mut world = World::new(with(mapping([rule("a"), rule("b")])));
    world.pass();
    world.count_anew();
    world.edit(|it| *it = with(mapping([rule("b"), rule("a")])));
    world.pass();
    assert!(
        world.calls.contains(&SET),
        "another order is another mapping"
    );
    let values: Vec<String> = roles(&world).mappings[&format!("{STAFF}:abc")]
        .rules
        .iter()
        .map(|rule| rule.value.clone())
        .collect();
    assert_eq!(values, ["b", "a"]);
}

#[test]
fn what_is_doubtful_is_told_and_stops_nothing() {
    for (doubtful, reason) in [
        (
            json!({ "allowUnauthenticatedIdentities": true, "roles": {} }),
            "GuestsWithoutRole",
        ),
        (
            json!({ "allowUnauthenticatedIdentities": true }),
            "GuestsWithoutRole",
        ),
        (
            json!({ "roles": { "unauthenticated": GUEST } }),
            "RoleWithoutGuests",
        ),
        (
            json!({ "supportedLoginProviders": { "graph.facebook.com": "1" }, "roleMappings": [{
                "identityProvider": "graph.facebook.com", "type": "Token",
                "ambiguousRoleResolution": "AuthenticatedRole",
            }] }),
            "AmbiguousRole",
        ),
        (
            json!({ "cognitoIdentityProviders": [{ "providerName": STAFF, "clientId": "abc" }] }),
            "NoTokenCheck",
        ),
        (
            json!({ "allowUnauthenticatedIdentities": true, "allowClassicFlow": true }),
            "ClassicFlowWithGuests",
        ),
    ] {
        let mut world = World::new(spec(doubtful));
        world.pass();
        assert_eq!(world.condition("Ready"), "True/InSync", "{reason}");
        assert_eq!(world.condition("Advisory"), format!("True/{reason}"));
    }
}
