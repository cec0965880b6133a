//! What a second hostile review found: order, staleness, crashes and strangers around roles,
//! principal tags and status.

use std::time::Duration;

use identity_pool_operator::api::{DriftPolicy, IdentityPoolSpec};
use identity_pool_operator::pool::access::{Mapping, RoleSet};
use identity_pool_operator::pool::call::{FailureKind, Operation};
use identity_pool_operator::pool::settings::PoolId;
use serde_json::{Value, json};

use crate::budget::TRIES;
use crate::world::{Fate, World};

const USER: &str = "arn:aws:iam::123456789012:role/user";
const GUEST: &str = "arn:aws:iam::123456789012:role/guest";
const STAFF: &str = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Staff";
const SET: Operation = Operation::SetIdentityPoolRoles;
const SET_TAGS: Operation = Operation::SetPrincipalTagAttributeMap;
const SECOND: Duration = Duration::from_secs(1);

fn spec(spec: Value) -> IdentityPoolSpec {
    serde_json::from_value(spec).expect("a spec")
}

fn only(world: &World) -> PoolId {
    let owned = world.owned();
    assert_eq!(owned.len(), 1);
    owned[0].clone()
}

fn clients(count: usize) -> (Vec<Value>, Vec<Value>) {
    let client = |n: usize| {
        let name = format!("cognito-idp.eu-west-1.amazonaws.com/eu-west-1_{n}");
        json!({ "name": format!("p{n}"), "providerName": name, "clientId": "abc" })
    };
    let map = |n: usize| json!({ "provider": format!("p{n}"), "principalTags": { "a": "b" } });
    (
        (0..count).map(client).collect(),
        (0..count).map(map).collect(),
    )
}

/// The schema allows 50 providers and 50 maps; a pass has 60 moves, and a map costs three.
#[test]
fn as_many_maps_as_the_schema_allows_are_set_without_blaming_somebody_else() {
    for count in [15, 20, 50] {
        let (clients, maps) = clients(count);
        let mut world = World::new(spec(json!({
            "cognitoIdentityProviders": clients, "principalTagAttributeMaps": maps })));
        world.pass();
        assert_eq!(
            world.condition("Ready"),
            "True/InSync",
            "{count} maps: {}",
            world.message()
        );
    }
}

/// Given up and new ones together are up to 100 looks: more than a pass has moves, so that
/// no pass comes to the first change.
#[test]
fn all_maps_can_be_exchanged() {
    let (all, maps) = clients(50);
    let mut world = World::new(spec(json!({
        "cognitoIdentityProviders": all, "principalTagAttributeMaps": maps })));
    world.run(Duration::from_secs(7200));
    assert_eq!(world.condition("Ready"), "True/InSync", "set at last");
    let others: Vec<Value> = (0..50)
        .map(|n| {
            json!({ "identityProviderName": format!("arn:aws:iam::123456789012:saml-provider/s{n}"),
            "principalTags": { "a": "b" } })
        })
        .collect();
    let arns: Vec<Value> = (0..50)
        .map(|n| format!("arn:aws:iam::123456789012:saml-provider/s{n}").into())
        .collect();
    world.edit(|it| {
        *it = spec(json!({ "samlProviderARNs": arns, "principalTagAttributeMaps": others }));
    });
    world.run(Duration::from_secs(24 * 3600));
    assert_eq!(
        world.condition("Ready"),
        "True/InSync",
        "{}",
        world.message()
    );
}

/// What is sent back as seen has to be seen after the waiting, as the pool is.
#[test]
fn mappings_that_others_change_while_the_budget_is_waited_for_are_not_undone() {
    let mut world = World::new(spec(json!({
        "cognitoIdentityProviders": [{ "name": "staff", "providerName": STAFF, "clientId": "abc" }] })));
    world.pass();
    world.after_the_look = Some(|world| {
        // Ten minutes pass in between: the pool is looked at anew, the roles are not.
        world.wait(600 * SECOND);
        let theirs = Mapping {
            kind: "Token".into(),
            ambiguous_role_resolution: "Deny".into(),
            rules: Vec::new(),
        };
        let id = only(world);
        let set = world.roles.entry(id).or_default();
        set.mappings.insert(format!("{STAFF}:abc"), theirs);
    });
    world.edit(|it| it.roles = spec(json!({ "roles": { "authenticated": USER } })).roles);
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert_eq!(
        world.roles[&only(&world)].mappings.len(),
        1,
        "it is not ours to clear"
    );
}

/// An edit that was half applied and taken back is no change made outside.
#[test]
fn what_the_operator_itself_did_is_no_drift() {
    for policy in [DriftPolicy::Correct, DriftPolicy::Report] {
        let mut world = World::new(spec(json!({ "roles": { "authenticated": USER } })));
        world.object().spec.drift_policy = Some(policy);
        world.pass();
        assert_eq!(world.condition("Ready"), "True/InSync");
        world
            .fates
            .push_back((SET, Fate::Refused(FailureKind::Denied)));
        world.edit(|it| {
            it.identity_pool_name = Some("other".into());
            it.roles = spec(json!({ "roles": { "authenticated": GUEST } })).roles;
        });
        world.pass();
        world.edit(|it| {
            it.identity_pool_name = None;
            it.roles = spec(json!({ "roles": { "authenticated": USER } })).roles;
        });
        let rest = world.pass();
        assert_eq!(rest.corrected, Vec::<String>::new(), "{policy:?}");
        assert_eq!(
            world.condition("Ready"),
            "True/InSync",
            "{policy:?}: {}",
            world.message()
        );
    }
}

/// "In an unbroken row": a look that found the roles in order breaks it.
#[test]
fn a_role_that_was_refused_long_ago_leaves_the_next_its_two_minutes() {
    let mut world = World::new(spec(json!({ "roles": { "authenticated": USER } })));
    world
        .fates
        .push_back((SET, Fate::Refused(FailureKind::Denied)));
    world.pass();
    assert_eq!(world.condition("Ready"), "False/RoleNotAccepted");
    // Somebody sets it in the console.
    let set = RoleSet {
        roles: [("authenticated".to_owned(), USER.to_owned())].into(),
        ..RoleSet::default()
    };
    let id = only(&world);
    world.roles.insert(id, set);
    world.wait(10 * SECOND);
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    world.wait(3600 * SECOND);
    world
        .fates
        .push_back((SET, Fate::Refused(FailureKind::Denied)));
    world.edit(|it| it.roles = spec(json!({ "roles": { "authenticated": GUEST } })).roles);
    world.pass();
    assert_eq!(world.condition("Ready"), "False/RoleNotAccepted");
}

/// "Not found" of a map says nothing of the pool, which is there.
#[test]
fn a_map_that_is_not_taken_is_no_pool_that_is_gone() {
    let map = json!([{ "provider": "staff", "principalTags": { "a": "b" } }]);
    let mut world = World::new(spec(json!({
        "cognitoIdentityProviders": [{ "name": "staff", "providerName": STAFF, "clientId": "abc" }],
        "principalTagAttributeMaps": map })));
    world
        .fates
        .push_back((SET_TAGS, Fate::Refused(FailureKind::NotFound)));
    world.pass();
    assert_ne!(
        world.condition("Ready"),
        "False/PoolGone",
        "{}",
        world.message()
    );
}

/// A pool that goes while its map is set is noticed as such at once.
#[test]
fn a_pool_that_goes_while_its_map_is_set_is_made_anew() {
    let map = json!([{ "provider": "staff", "principalTags": { "a": "b" } }]);
    let mut world = World::new(spec(json!({
        "cognitoIdentityProviders": [{ "name": "staff", "providerName": STAFF, "clientId": "abc" }],
        "onExternalDeletion": "Recreate" })));
    world.pass();
    let maps = spec(json!({ "principalTagAttributeMaps": map })).principal_tag_attribute_maps;
    world.edit(|it| it.principal_tag_attribute_maps = maps);
    world.meanwhile = Some((SET_TAGS, |world| world.pools.clear()));
    // For a minute after its claim a pool may only be late.
    world.run(120 * SECOND);
    assert_eq!(
        world.condition("Ready"),
        "True/InSync",
        "{}",
        world.message()
    );
}

/// Tag keys are on record before they are set, as roles are.
#[test]
fn a_crash_right_after_tags_were_set_does_not_leave_them_behind() {
    let mut world = World::new(IdentityPoolSpec::default());
    world.pass();
    world.edit(|it| it.identity_pool_tags = [("team".into(), "a".into())].into());
    for moves in 1.. {
        world.crash_after(moves, true);
        if world.calls.contains(&Operation::UpdateIdentityPool) {
            break;
        }
    }
    world.restart();
    world.edit(|it| it.identity_pool_tags.clear());
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert!(
        !world.pools[&only(&world)].tags.contains_key("team"),
        "it was ours"
    );
}

/// Two user pool clients of one user pool share AWS's map: one of two different ones is lost
/// in silence while status says that all is set.
#[test]
fn two_maps_for_clients_of_one_user_pool_are_not_both_said_to_be_in_sync() {
    let mut world = World::new(spec(json!({
        "cognitoIdentityProviders": [
            { "name": "web", "providerName": STAFF, "clientId": "abc" },
            { "name": "app", "providerName": STAFF, "clientId": "def" }],
        "principalTagAttributeMaps": [
            { "provider": "web", "principalTags": { "team": "custom:team" } },
            { "provider": "app", "principalTags": { "cost": "custom:cost" } }] })));
    let object = world.object().clone();
    let refused = !identity_pool_operator::api::violations(&object, None).is_empty();
    world.pass();
    let told = world.condition("Ready") != "True/InSync"
        || world.condition("Advisory").starts_with("True/Dup");
    assert!(refused || told, "{:?}", world.principal_tags);
}

/// One refusal of AWS to keep a setting holds up nothing else.
#[test]
fn a_setting_that_is_not_taken_does_not_hold_up_the_roles() {
    let mut world = World::new(spec(json!({ "roles": { "authenticated": USER } })));
    world.pass();
    world.inert = true;
    world.edit(|it| {
        it.identity_pool_name = Some("other".into());
        it.roles = spec(json!({ "roles": {} })).roles;
    });
    world.pass();
    assert_eq!(world.condition("Ready"), "False/ChangeNotTaken");
    let set = &world.roles[&only(&world)];
    assert!(
        set.roles.is_empty(),
        "the role was taken away from the spec: {set:?}"
    );
}

/// "On removal roles first" (design.md, 3): guests never get the role that they are to lose.
#[test]
fn a_role_that_goes_is_gone_before_those_come_who_would_get_it() {
    let mut world = World::new(spec(json!({ "roles": { "unauthenticated": GUEST } })));
    world.pass();
    world.edit(|it| {
        it.allow_unauthenticated_identities = true;
        it.roles = spec(json!({ "roles": {} })).roles;
    });
    for _ in 0..TRIES {
        world
            .fates
            .push_back((SET, Fate::Refused(FailureKind::Throttled)));
    }
    world.pass();
    let id = only(&world);
    let guests = world.pools[&id].settings.allow_unauthenticated_identities;
    assert!(
        !guests || world.roles[&id].roles.is_empty(),
        "guests are let in and get {:?}",
        world.roles[&id].roles
    );
}

/// "A key of a form that is not known here is left for AWS to judge" (access.rs).
#[test]
fn a_mapping_of_others_under_a_key_of_an_unknown_form_is_left_alone() {
    for policy in [DriftPolicy::Correct, DriftPolicy::Report] {
        let mut world = World::new(spec(json!({ "roles": { "authenticated": USER } })));
        world.object().spec.drift_policy = Some(policy);
        world.pass();
        let theirs = Mapping {
            kind: "Token".into(),
            ambiguous_role_resolution: "Deny".into(),
            rules: Vec::new(),
        };
        let id = only(&world);
        let set = world.roles.entry(id.clone()).or_default();
        set.mappings.insert("issuer.example.org".into(), theirs);
        world.ask();
        world.pass();
        assert_eq!(
            world.condition("Ready"),
            "True/InSync",
            "{policy:?}: {}",
            world.message()
        );
        assert_eq!(world.roles[&id].mappings.len(), 1, "{policy:?}");
    }
}

/// Whoever writes status again and again does not get a call to AWS each time.
#[test]
fn a_stranger_who_keeps_writing_status_does_not_set_the_pace_of_calls_to_aws() {
    use identity_pool_operator::pool::{Facts, Move, next};
    use std::sync::Arc;
    let mut world = World::new(IdentityPoolSpec::default());
    world.pass();
    world.count_anew();
    let begun = world.now;
    for _ in 0..100 {
        let object = world.object();
        let status = object.status.as_mut().expect("a status");
        status.conditions[0].message = "what the other says".into();
        world.touch();
        let object = Arc::new(world.object().clone());
        let mut facts = Facts::begin(
            crate::world::operator(),
            world.moment(),
            object,
            world.memory.clone(),
        );
        facts.meddled = true;
        loop {
            facts.moment = world.moment();
            let mv = next(&facts);
            if let Move::Rest(rest) = mv {
                world.memory = rest.memory.expect("it is there");
                break;
            }
            let seen = world.carry_out(mv, &facts);
            world.wait(Duration::from_millis(5));
            facts.learn(seen, world.now);
        }
    }
    let took = world.now.duration_since(begun);
    assert!(
        world.calls.len() <= 10,
        "{} calls and {} writes in {took:#}",
        world.calls.len(),
        world.writes.len()
    );
}

/// AWS's default map may read back with what it stands for.
#[test]
fn defaults_that_read_back_filled_in_are_the_defaults() {
    use identity_pool_operator::pool::access::TagMap;
    let client = json!([{ "name": "staff", "providerName": STAFF, "clientId": "abc" }]);
    let mut world = World::new(spec(json!({
        "cognitoIdentityProviders": client,
        "principalTagAttributeMaps": [{ "provider": "staff", "useDefaults": true }] })));
    world.pass();
    let map = TagMap {
        use_defaults: true,
        principal_tags: [
            ("client".to_owned(), "aud".to_owned()),
            ("username".to_owned(), "sub".to_owned()),
        ]
        .into(),
    };
    let id = only(&world);
    world.principal_tags.insert((id, STAFF.to_owned()), map);
    world.count_anew();
    world.ask();
    world.pass();
    assert!(!world.calls.contains(&SET_TAGS), "{:?}", world.calls);
}

/// Each role that is asked for has its two minutes.
#[test]
fn another_role_after_a_refused_one_is_waited_for_anew() {
    let mut world = World::new(spec(json!({ "roles": { "authenticated": USER } })));
    for _ in 0..100 {
        world
            .fates
            .push_back((SET, Fate::Refused(FailureKind::Denied)));
    }
    world.run(600 * SECOND);
    assert_eq!(world.condition("Ready"), "False/RoleRefused");
    world.edit(|it| it.roles = spec(json!({ "roles": { "authenticated": GUEST } })).roles);
    world.pass();
    assert_eq!(world.condition("Ready"), "False/RoleNotAccepted");
}

#[test]
fn entries_for_one_key_of_aws_are_named_and_nothing_is_done() {
    let mut world = World::new(spec(json!({
        "cognitoIdentityProviders": [{ "name": "web", "providerName": STAFF, "clientId": "abc" }],
        "roleMappings": [
            { "provider": "web", "type": "Token", "ambiguousRoleResolution": "Deny" },
            { "identityProvider": format!("{STAFF}:abc"), "type": "Token", "ambiguousRoleResolution": "Deny" },
        ] })));
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/ConflictingEntries");
    assert!(
        world.message().contains("spec.roleMappings"),
        "{}",
        world.message()
    );
    assert!(world.calls.is_empty());
}

/// A role that is exchanged in the edit that lets guests in is exchanged before they come.
#[test]
fn a_role_is_exchanged_before_those_come_who_would_get_the_old_one() {
    let mut world = World::new(spec(json!({ "roles": { "unauthenticated": GUEST } })));
    world.pass();
    world.edit(|it| {
        it.allow_unauthenticated_identities = true;
        it.roles = spec(json!({ "roles": { "unauthenticated": USER } })).roles;
    });
    for _ in 0..TRIES {
        world
            .fates
            .push_back((SET, Fate::Refused(FailureKind::Throttled)));
    }
    world.pass();
    let settings = &world.pools[&only(&world)].settings;
    assert!(!settings.allow_unauthenticated_identities);
    world.run(60 * SECOND);
    assert_eq!(world.condition("Ready"), "True/InSync");
}

/// An update that got no answer may have been carried out: taken back it is no drift either.
#[test]
fn what_the_operator_may_have_done_is_no_drift() {
    let mut world = World::new(IdentityPoolSpec::default());
    world.pass();
    let update = Operation::UpdateIdentityPool;
    world.fates.push_back((update, Fate::ReplyLost));
    world.edit(|it| it.identity_pool_name = Some("other".into()));
    world.pass();
    world.edit(|it| it.identity_pool_name = None);
    let rest = world.pass();
    assert_eq!(rest.corrected, Vec::<String>::new());
    assert_eq!(world.condition("Ready"), "True/InSync");
}

/// Once its id was on record a pool is not taken for one that nobody knows of.
#[test]
fn a_pool_on_record_stays_when_its_object_vanishes_in_the_pass_that_made_it() {
    let mut world = World::new(spec(json!({ "roles": { "authenticated": USER } })));
    world.meanwhile = Some((SET, |world| world.object = None));
    world.pass();
    assert_eq!(world.pools.len(), 1);
}
