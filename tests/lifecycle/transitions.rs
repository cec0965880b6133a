//! From any spec to any other: after each edit AWS equals the spec, by a bounded number of
//! calls, with crashes and restarts in between, and nothing of others is touched.
//!
//! A failing seed is printed; `TRANSITION_SEED=n cargo test --test lifecycle transitions`
//! runs that one alone.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use identity_pool_operator::api::{IdentityPool, IdentityPoolSpec, ManagementPolicy};
use identity_pool_operator::pool::access::Access;
use identity_pool_operator::pool::call::{FailureKind, Operation};
use identity_pool_operator::pool::export::{Pool, data};
use identity_pool_operator::pool::settings::{Desired, PoolId};
use serde_json::{Value, json};

use crate::world::{Fate, World, foreign};

/// Chains of edits in one test run.
const SEEDS: u64 = 150;
/// Edits in one chain.
const EDITS: usize = 10;
/// The most calls that change something, for one edit: roles away, tags of two providers
/// away, the pool, two tag calls, roles, tags of two providers.
const MOST_CALLS: usize = 9;

const ROLES: [&str; 2] = [
    "arn:aws:iam::123456789012:role/a",
    "arn:aws:iam::123456789012:role/b",
];
const POOLS: [&str; 2] = [
    "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_A",
    "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_B",
];

/// A spec in which each field is there or not, with one of a few values.
fn any_spec(random: &mut Rng) -> IdentityPoolSpec {
    let mut spec = json!({
        "allowUnauthenticatedIdentities": random.bool(),
        "allowClassicFlow": random.bool(),
        // AWS can neither change nor clear it.
        "developerProviderName": "login.example",
    });
    let mut clients = Vec::new();
    for (n, provider) in POOLS.iter().enumerate() {
        if random.bool() {
            let client = if random.bool() { "abc" } else { "def" };
            clients.push(json!({ "name": format!("p{n}"), "providerName": provider,
                "clientId": client, "serverSideTokenCheck": random.bool() }));
        }
    }
    let login = random.bool();
    let fields = [
        (
            "identityPoolName",
            json!(format!("name {}", random.u8(0..3))),
        ),
        (
            "identityPoolTags",
            json!({ format!("k{}", random.u8(0..3)): "v" }),
        ),
        (
            "samlProviderARNs",
            json!(["arn:aws:iam::123456789012:saml-provider/corp"]),
        ),
        ("roles", any_roles(random)),
        ("roleMappings", any_mappings(random, &clients, login)),
        ("principalTagAttributeMaps", any_tags(random, &clients)),
        (
            "export",
            json!({ "configMap": { "name": format!("map-{}", random.u8(0..3)) } }),
        ),
    ];
    for (field, value) in fields {
        if random.bool() {
            spec[field] = value;
        }
    }
    if login {
        spec["supportedLoginProviders"] = json!({ "graph.facebook.com": "1" });
    }
    spec["cognitoIdentityProviders"] = clients.into();
    serde_json::from_value(spec).expect("a spec")
}

fn any_roles(random: &mut Rng) -> Value {
    let mut roles = json!({});
    for name in ["authenticated", "unauthenticated"] {
        if random.bool() {
            roles[name] = ROLES[random.usize(0..2)].into();
        }
    }
    roles
}

fn any_mappings(random: &mut Rng, clients: &[Value], login: bool) -> Value {
    let mut mappings = Vec::new();
    for client in clients {
        if random.bool() {
            let rule = json!({ "claim": "c", "matchType": "Equals", "value": "v",
                "roleARN": ROLES[random.usize(0..2)] });
            mappings.push(json!({ "provider": client["name"], "type": "Rules",
                "ambiguousRoleResolution": "Deny", "rules": vec![rule; random.usize(1..3)] }));
        }
    }
    if login && random.bool() {
        mappings.push(
            json!({ "identityProvider": "graph.facebook.com", "type": "Token",
            "ambiguousRoleResolution": "AuthenticatedRole" }),
        );
    }
    mappings.into()
}

fn any_tags(random: &mut Rng, clients: &[Value]) -> Value {
    let chosen = clients.iter().filter(|_| random.bool());
    let maps: Vec<Value> = chosen
        .map(|client| json!({ "provider": client["name"], "principalTags": { "t": "claim" } }))
        .collect();
    maps.into()
}

/// What the object has set beside the pool, edit by edit.
#[derive(Default)]
struct Given {
    roles: BTreeMap<String, String>,
    mappings: Vec<String>,
}

fn check(world: &World, before: &Given, seed: u64, edit: usize) -> Given {
    let at = format!("seed {seed}, edit {edit}");
    assert_eq!(
        world.condition("Ready"),
        "True/InSync",
        "{at}: {}",
        world.message()
    );
    let object = world.object.as_ref().expect("an object");
    let pool = world.pools.values().next().expect("a pool");
    let desired = Desired::of(object);
    assert_eq!(pool.settings, desired.settings, "{at}");
    let tags: BTreeMap<_, _> = foreign(&pool.tags).into_iter().collect();
    assert_eq!(tags.get("theirs"), Some(&"kept"), "{at}");
    assert_eq!(tags.len(), desired.tags.len() + 1, "{at}: {tags:?}");
    check_export(world, object, &pool.id, &desired, &at);
    let have = world.roles.get(&pool.id).cloned().unwrap_or_default();
    let Access {
        roles,
        mappings,
        principal_tags,
    } = desired.access;
    // Left out: what others set stays; nobody else sets any here, so it is what it was, or
    // nothing where it was given before.
    assert_eq!(
        have.roles,
        roles.unwrap_or_default(),
        "{at}, before: {:?}",
        before.roles
    );
    assert_eq!(
        have.mappings,
        mappings.unwrap_or_default(),
        "{at}, before: {:?}",
        before.mappings
    );
    let wanted = principal_tags.unwrap_or_default();
    for ((_, provider), map) in &world.principal_tags {
        match wanted.get(provider) {
            Some(wanted) => assert_eq!(map, wanted, "{at}: {provider}"),
            None => assert!(
                map.use_defaults && map.principal_tags.is_empty(),
                "{at}: {provider}"
            ),
        }
    }
    assert!(wanted.keys().all(|provider| {
        world
            .principal_tags
            .contains_key(&(pool.id.clone(), provider.clone()))
    }));
    Given {
        roles: have.roles,
        mappings: have.mappings.into_keys().collect(),
    }
}

/// The one `ConfigMap` that the spec names is there and says it all; no other is left.
fn check_export(world: &World, object: &IdentityPool, id: &PoolId, desired: &Desired, at: &str) {
    let export = object.spec.export.as_ref();
    let wanted = export.map(|export| export.config_map.name.as_str());
    let names: Vec<&str> = world.config_maps.keys().map(String::as_str).collect();
    assert_eq!(names, wanted.into_iter().collect::<Vec<_>>(), "{at}");
    let pool = Pool {
        partition: "aws",
        account: "123456789012",
        region: "eu-west-1",
        id,
    };
    for map in world.config_maps.values() {
        assert_eq!(map.data, data(&pool, desired), "{at}");
    }
}

fn run(seed: u64) {
    let mut random = Rng::with_seed(seed);
    let mut world = World::new(any_spec(&mut random));
    world.run(Duration::from_secs(60));
    let pool = world.pools.values_mut().next().expect("a pool");
    pool.tags.insert("theirs".into(), "kept".into());
    let id = pool.id.clone();
    let mut given = Given::default();
    for edit in 0..EDITS {
        let spec = any_spec(&mut random);
        world.count_anew();
        world.edit(|it| *it = spec);
        let crashes = random.bool();
        if crashes {
            let (moves, executed) = (random.usize(1..9), random.bool());
            world.crash_after(moves, executed);
            world.restart();
        }
        world.run(Duration::from_secs(60));
        given = check(&world, &given, seed, edit);
        let changing = world.calls.iter().filter(|call| call.mutates()).count();
        // A crash can cost each call once more.
        let most = if crashes { 2 * MOST_CALLS } else { MOST_CALLS };
        assert!(
            changing <= most,
            "seed {seed}, edit {edit}: {:?}",
            world.calls
        );
        assert_eq!(
            world.owned(),
            std::slice::from_ref(&id),
            "it is the same pool"
        );
    }
}

/// Plan, and then Manage: what was shown is done, call by call.
fn planned(seed: u64) {
    let mut random = Rng::with_seed(seed);
    let mut world = World::new(any_spec(&mut random));
    world.run(Duration::from_secs(60));
    for edit in 0..EDITS {
        let spec = any_spec(&mut random);
        world.edit(|it| {
            *it = spec;
            it.management_policy = ManagementPolicy::Plan;
        });
        world.count_anew();
        world.pass();
        let changing = |world: &World| -> Vec<String> {
            let calls = world.calls.iter().filter(|call| call.mutates());
            calls.map(|call| call.as_str().to_owned()).collect()
        };
        assert!(changing(&world).is_empty(), "seed {seed}, edit {edit}");
        let plan = world.status().plan.unwrap_or_default().into_iter();
        let plan: Vec<String> = plan.map(|call| call.operation).collect();
        world.edit(|it| it.management_policy = ManagementPolicy::Manage);
        world.pass();
        assert_eq!(changing(&world), plan, "seed {seed}, edit {edit}");
        let done = world.condition("Ready") == "True/InSync";
        assert!(done, "seed {seed}, edit {edit}: {}", world.message());
    }
}

/// Every call may go wrong in every way, also by coming late: in the calm after it AWS equals
/// the spec.
fn with_faults(seed: u64) {
    const CALLS: [Operation; 5] = [
        Operation::UpdateIdentityPool,
        Operation::SetIdentityPoolRoles,
        Operation::SetPrincipalTagAttributeMap,
        Operation::GetIdentityPoolRoles,
        Operation::GetPrincipalTagAttributeMap,
    ];
    let mut random = Rng::with_seed(seed);
    let mut world = World::new(any_spec(&mut random));
    world.run(Duration::from_secs(60));
    let pool = world.pools.values_mut().next().expect("a pool");
    pool.tags.insert("theirs".into(), "kept".into());
    let mut given = Given::default();
    for edit in 0..EDITS {
        let spec = any_spec(&mut random);
        world.edit(|it| *it = spec);
        for _ in 0..random.usize(0..4) {
            let fate = match random.u8(0..6) {
                0 => Fate::Refused(FailureKind::Throttled),
                1 => Fate::Refused(FailureKind::Concurrent),
                2 => Fate::Refused(FailureKind::Denied),
                3 => Fate::ReplyLost,
                4 => Fate::Lost,
                _ => Fate::Late,
            };
            world.fates.push_back((CALLS[random.usize(0..5)], fate));
        }
        world.read_lag = Duration::from_secs(random.u64(0..8));
        world.run(Duration::from_secs(random.u64(0..20)));
        if random.bool() {
            world.restart();
        }
        for call in std::mem::take(&mut world.wire) {
            world.deliver(call);
        }
        world.fates.clear();
        world.read_lag = Duration::ZERO;
        world.run(Duration::from_secs(2000));
        given = check(&world, &given, seed, edit);
    }
}

#[test]
fn what_is_planned_is_done() {
    let from = fastrand::u64(..1 << 40);
    println!("chains {from} to {}", from + SEEDS);
    for seed in from..from + SEEDS {
        planned(seed);
    }
}

#[test]
fn from_any_spec_to_any_other_by_calls_that_go_wrong() {
    let from = fastrand::u64(..1 << 40);
    println!("chains {from} to {}", from + SEEDS);
    for seed in from..from + SEEDS {
        with_faults(seed);
    }
}

#[test]
fn from_any_spec_to_any_other() {
    if let Some(seed) = std::env::var("TRANSITION_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
    {
        return run(seed);
    }
    let from = fastrand::u64(..1 << 40);
    println!("chains {from} to {}", from + SEEDS);
    for seed in from..from + SEEDS {
        run(seed);
    }
}
