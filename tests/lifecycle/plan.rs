//! `managementPolicy: Plan`: what would be done is shown, nothing is done, and turning to
//! `Manage` does just that.

use std::borrow::Borrow;
use std::time::Duration;

use identity_pool_operator::api::{DeletionPolicy, IdentityPoolSpec, ManagementPolicy};
use serde_json::{Value, json};

use crate::world::World;

const STAFF: &str = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Staff";

fn spec(policy: &str, more: impl Borrow<Value>) -> IdentityPoolSpec {
    let mut spec = json!({ "managementPolicy": policy });
    let all = spec.as_object_mut().expect("a map");
    all.extend(more.borrow().as_object().expect("a map").clone());
    serde_json::from_value(spec).expect("a spec")
}

fn full() -> Value {
    json!({
        "allowClassicFlow": true,
        "cognitoIdentityProviders": [{ "name": "staff", "providerName": STAFF, "clientId": "abc" }],
        "roles": { "authenticated": "arn:aws:iam::123456789012:role/user" },
        "principalTagAttributeMaps": [{ "provider": "staff", "principalTags": { "a": "b" } }],
        "identityPoolTags": { "team": "web" },
    })
}

/// The planned calls, each as `operation(changes)`.
fn plan(world: &World) -> Vec<String> {
    let plan = world.status().plan.unwrap_or_default();
    plan.iter()
        .map(|call| format!("{}({})", call.operation, call.changes.join(" ")))
        .collect()
}

fn mutating(world: &World) -> Vec<String> {
    let calls = world.calls.iter().filter(|call| call.mutates());
    calls.map(|call| call.as_str().to_owned()).collect()
}

#[test]
fn a_pool_that_is_not_there_is_shown_call_by_call_and_made_so() {
    let mut world = World::new(spec("Plan", full()));
    world.pass();
    assert!(
        world.calls.is_empty() && world.writes == ["status"],
        "{:?}",
        world.writes
    );
    assert_eq!(
        plan(&world),
        [
            "CreateIdentityPool(identityPoolName allowClassicFlow cognitoIdentityProviders identityPoolTags)"
                .to_owned(),
            "SetIdentityPoolRoles(roles.authenticated)".to_owned(),
            format!("SetPrincipalTagAttributeMap(principalTagAttributeMaps[{STAFF}])"),
        ]
    );
    assert_eq!(world.condition("Ready"), "False/Planned");
    assert_eq!(world.condition("Stalled"), "False/Planned");
    let shown: Vec<String> = world
        .status()
        .plan
        .unwrap_or_default()
        .into_iter()
        .map(|call| call.operation)
        .collect();
    world.edit(|spec| spec.management_policy = ManagementPolicy::Manage);
    world.pass();
    assert_eq!(mutating(&world), shown, "what was shown was done");
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert_eq!(world.status().plan, None);
}

#[test]
fn a_change_is_shown_with_its_fields_and_not_made() {
    let mut world = World::new(spec("Manage", full()));
    world.pass();
    world.count_anew();
    world.edit(|it| {
        *it = spec("Plan", json!({ "allowClassicFlow": true, "roles": {} }));
    });
    world.pass();
    assert_eq!(mutating(&world), Vec::<String>::new());
    assert_eq!(
        plan(&world),
        [
            "SetIdentityPoolRoles(roles.authenticated)".to_owned(),
            format!("SetPrincipalTagAttributeMap(principalTagAttributeMaps[{STAFF}])"),
            "UpdateIdentityPool(cognitoIdentityProviders identityPoolTags)".to_owned(),
        ]
    );
    let drift = world.status().drift.unwrap_or_default();
    assert_eq!(drift.len(), 4, "{drift:?}");
    assert_eq!(world.condition("Drifted"), "False/NoDrift", "it is an edit");
    assert!(
        world.status().identity_pool_id.is_some(),
        "the pool stays on record"
    );
    let shown: Vec<String> = world
        .status()
        .plan
        .unwrap_or_default()
        .into_iter()
        .map(|call| call.operation)
        .collect();
    world.edit(|spec| spec.management_policy = ManagementPolicy::Manage);
    world.pass();
    assert_eq!(mutating(&world), shown);
    assert_eq!(world.condition("Ready"), "True/InSync");
}

#[test]
fn a_pool_that_equals_the_spec_is_in_sync_and_has_no_plan() {
    let mut world = World::new(spec("Manage", full()));
    world.pass();
    world.edit(|spec| spec.management_policy = ManagementPolicy::Plan);
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert_eq!(world.status().plan, None);
    // Drift is planned away at the next look, not put right.
    let pool = world.pools.values_mut().next().expect("a pool");
    pool.settings.allow_classic_flow = false;
    world.wait(Duration::from_secs(4000));
    world.count_anew();
    world.pass();
    assert_eq!(plan(&world), ["UpdateIdentityPool(allowClassicFlow)"]);
    assert_eq!(world.condition("Drifted"), "True/Drifted");
    assert!(mutating(&world).is_empty());
    world.count_anew();
    world.ask();
    world.pass();
    assert_eq!(plan(&world), ["UpdateIdentityPool(allowClassicFlow)"]);
    assert_eq!(world.writes, ["status"], "only that the question was heard");
}

#[test]
fn a_deletion_waits_under_plan_unless_the_pool_is_retained() {
    let mut world = World::new(spec("Manage", json!({ "deletionPolicy": "Delete" })));
    world.pass();
    world.edit(|spec| spec.management_policy = ManagementPolicy::Plan);
    world.delete();
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/DeletionSuspended");
    assert!(
        world.message().contains("managementPolicy is Plan"),
        "{}",
        world.message()
    );
    assert_eq!(world.pools.len(), 1);
    world.edit(|spec| spec.deletion_policy = Some(DeletionPolicy::Retain));
    world.pass();
    assert!(world.object.is_none() && world.pools.len() == 1);
}

#[test]
fn a_gone_pool_that_may_be_made_anew_is_planned() {
    let mut world = World::new(spec("Manage", json!({ "onExternalDeletion": "Recreate" })));
    world.pass();
    world.pools.clear();
    world.wait(Duration::from_secs(4000));
    world.edit(|spec| spec.management_policy = ManagementPolicy::Plan);
    world.count_anew();
    world.run(Duration::from_secs(600));
    assert_eq!(plan(&world), ["CreateIdentityPool(identityPoolName)"]);
    assert!(mutating(&world).is_empty());
}
