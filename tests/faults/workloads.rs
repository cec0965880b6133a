//! What is done to a world while things go wrong: each workload gets a world ready, does something,
//! and knows when it is over.

use std::sync::Arc;

use futures::future::BoxFuture;
use harness::cognito::FakeCognito;
use identity_pool_operator::api::IdentityPool;
use identity_pool_operator::api::names::RECONCILE_AT_ANNOTATION;
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::rig::pool_id;
use crate::world::{APP, World};

const OTHER: &str = "other";
const USER: &str = "arn:aws:iam::123456789012:role/shop-user";
const GUEST: &str = "arn:aws:iam::123456789012:role/shop-guest";
const STAFF: &str = "arn:aws:iam::123456789012:role/shop-staff";
const PROVIDER: &str = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Staff";

/// A step of a workload.
pub(crate) type Act = fn(Arc<World>) -> BoxFuture<'static, ()>;

/// What is done to a world.
#[derive(Clone, Copy)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    /// Without faults: leaves an operator running and nothing under way.
    pub(crate) prepare: Act,
    /// Under faults, to its end.
    pub(crate) act: Act,
}

macro_rules! workloads {
    ($($name:literal: $prepare:expr, $act:expr;)*) => {
        /// All of them.
        pub(crate) const WORKLOADS: &[Workload] = &[$(Workload {
            name: $name,
            prepare: |world| Box::pin($prepare(world)),
            act: |world| Box::pin($act(world)),
        }),*];
    };
}

workloads! {
    "create": operator, create;
    "create-found-at-start": created_unseen, restart;
    "create-with-all": operator, create_with_all;
    "create-then-delete": operator, create_then_delete;
    "two-of-one-name": operator, two_of_one_name;
    "update": living, update;
    "rename": living, rename;
    "retag": living, retag;
    "roles": living_with_all, other_roles;
    "clear": living_with_all, clear;
    "set-and-clear": living, set_and_clear;
    "reference": living_by_reference, reference_changes;
    "secret": living_by_secret, secret_changes;
    "export": living, export;
    "drift": living, drift;
    "gone-outside": living_long, recreate;
    "delete": living_long, delete;
    "delete-if-empty": living_long_if_empty, delete;
    "retain": living_retained, delete;
    "delete-and-again": living_long, delete_and_again;
    "adopt": foreign_pool, adopt;
    "previous": retained_pool, previous;
    "restart": living, restart;
}

/// The workloads whose cases may be meant: a name is `kind/workload/…`, and may be cut anywhere.
pub(crate) fn chosen(chosen: Option<&str>) -> Vec<Workload> {
    let mut parts = chosen.unwrap_or_default().split('/').skip(1);
    let (name, is_whole) = (parts.next().unwrap_or_default(), parts.next().is_some());
    let meant = |workload: &&Workload| {
        if is_whole {
            workload.name == name
        } else {
            workload.name.starts_with(name)
        }
    };
    WORKLOADS.iter().filter(meant).copied().collect()
}

fn all() -> Value {
    json!({
        "allowUnauthenticatedIdentities": true,
        "identityPoolTags": { "team": "shop" },
        "cognitoIdentityProviders": [{ "name": "staff", "providerName": PROVIDER, "clientId": "abc" }],
        "roles": { "authenticated": USER, "unauthenticated": GUEST },
        "roleMappings": [{
            "provider": "staff", "type": "Rules", "ambiguousRoleResolution": "Deny",
            "rules": [{ "claim": "role", "matchType": "Equals", "value": "staff", "roleARN": STAFF }],
        }],
        "principalTagAttributeMaps": [{ "provider": "staff", "principalTags": { "user": "sub" } }],
        "deletionPolicy": "Delete",
    })
}

// === before ===

async fn operator(world: Arc<World>) {
    world.start().await;
}

async fn created_unseen(world: Arc<World>) {
    world.create(APP, json!({})).await;
}

pub(crate) async fn living_as(world: &World, spec: Value) -> IdentityPool {
    world.start().await;
    world.create(APP, spec).await;
    world.rig.until_ready(APP).await
}

async fn living(world: Arc<World>) {
    living_as(&world, json!({})).await;
}

async fn living_with_all(world: Arc<World>) {
    living_as(&world, all()).await;
}

async fn living_retained(world: Arc<World>) {
    living_as(&world, json!({ "deletionPolicy": "Retain" })).await;
}

async fn living_by_reference(world: Arc<World>) {
    world.map(json!({ "user": USER })).await;
    let from = json!({ "configMapKeyRef": { "name": "ids", "key": "user" } });
    living_as(&world, json!({ "roles": { "authenticatedFrom": from } })).await;
}

async fn living_by_secret(world: Arc<World>) {
    world.secret("1").await;
    let from =
        json!({ "api.twitter.com": { "secretKeyRef": { "name": "login", "key": "value" } } });
    living_as(&world, json!({ "supportedLoginProvidersFrom": from })).await;
}

/// For so long that a pool which is not there is gone, and not late.
async fn aged(world: Arc<World>, policy: &str) {
    let spec = json!({ "deletionPolicy": policy, "onExternalDeletion": "Recreate" });
    living_as(&world, spec).await;
    world.kill();
    world.rig.age(APP).await;
    world.rig.fake.reset_journal();
    world.start().await;
    // An operator that finds a recorded pool lists at once.
    let listed = |fake: &FakeCognito| fake.executed("ListIdentityPools") > 0;
    world.until_aws("the first list", listed).await;
}

async fn living_long(world: Arc<World>) {
    aged(world, "Delete").await;
}

async fn living_long_if_empty(world: Arc<World>) {
    aged(world, "DeleteIfEmpty").await;
}

async fn foreign_pool(world: Arc<World>) {
    let pool = json!({
        "IdentityPoolId": "eu-west-1:11111111-2222-3333-4444-555555555555",
        "IdentityPoolName": "console",
        "AllowUnauthenticatedIdentities": true,
        "IdentityPoolTags": { "team": "theirs" },
    });
    let id = world.rig.fake.seed(pool, false);
    world.rig.fake.expect_handover(&id);
    world.start().await;
}

async fn retained_pool(world: Arc<World>) {
    let object = living_as(&world, json!({ "deletionPolicy": "Retain" })).await;
    world.rig.fake.expect_handover(&pool_id(&object));
    world.rig.delete(APP).await;
    world.rig.until_gone(APP).await;
}

// === what is done ===

async fn create(world: Arc<World>) {
    world.create(APP, json!({})).await;
    world.rig.until_ready(APP).await;
}

async fn restart(world: Arc<World>) {
    world.start_anew().await;
    // Nothing else shows that an operator has found all in order.
    let listed = |fake: &FakeCognito| fake.count("ListIdentityPools") > 0;
    world.until_aws("a list", listed).await;
    world.rig.until_ready(APP).await;
}

async fn create_with_all(world: Arc<World>) {
    world.create(APP, all()).await;
    world.rig.until_ready(APP).await;
}

async fn create_then_delete(world: Arc<World>) {
    world
        .create(APP, json!({ "deletionPolicy": "Delete" }))
        .await;
    // A deletion that began before the finalizer came ignores it (docs/creating-once.md).
    let held = |object: &IdentityPool| !object.finalizers().is_empty();
    world.until(APP, "a finalizer", held).await;
    world.delete(APP).await;
    world.rig.until_gone(APP).await;
}

async fn two_of_one_name(world: Arc<World>) {
    for name in [APP, OTHER] {
        world
            .create(name, json!({ "identityPoolName": "shop" }))
            .await;
    }
    for name in [APP, OTHER] {
        world.rig.until_ready(name).await;
    }
}

async fn edited(world: Arc<World>, spec: Value) {
    world.edit(spec).await;
    world.rig.until_ready(APP).await;
}

async fn update(world: Arc<World>) {
    let saml = "arn:aws:iam::123456789012:saml-provider/corp";
    let spec = json!({ "allowUnauthenticatedIdentities": true, "samlProviderARNs": [saml] });
    edited(world, spec).await;
}

async fn rename(world: Arc<World>) {
    edited(world, json!({ "identityPoolName": "renamed" })).await;
}

async fn retag(world: Arc<World>) {
    edited(
        Arc::clone(&world),
        json!({ "identityPoolTags": { "team": "a", "cost": "7" } }),
    )
    .await;
    edited(
        world,
        json!({ "identityPoolTags": { "team": "b", "cost": null } }),
    )
    .await;
}

async fn other_roles(world: Arc<World>) {
    let roles = json!({ "authenticated": STAFF, "unauthenticated": null });
    edited(world, json!({ "roles": roles })).await;
}

async fn clear(world: Arc<World>) {
    let cleared = json!({
        "roles": null, "roleMappings": null, "principalTagAttributeMaps": null,
        "cognitoIdentityProviders": null,
    });
    edited(world, cleared).await;
}

async fn set_and_clear(world: Arc<World>) {
    let set = json!({ "roles": { "authenticated": USER }, "identityPoolTags": { "cost": "7" } });
    edited(Arc::clone(&world), set).await;
    edited(world, json!({ "roles": null, "identityPoolTags": null })).await;
}

async fn reference_changes(world: Arc<World>) {
    world.map(json!({ "user": STAFF })).await;
    world
        .until_aws("the other role", |fake| {
            let id = fake.pools()[0]["IdentityPoolId"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            fake.roles(&id)
                .is_some_and(|roles| roles["Roles"]["authenticated"] == STAFF)
        })
        .await;
    world.rig.until_ready(APP).await;
}

async fn secret_changes(world: Arc<World>) {
    world.secret("2").await;
    world
        .until_aws("the other secret", |fake| {
            let value = &fake.pools()[0]["SupportedLoginProviders"]["api.twitter.com"];
            value.as_str().is_some_and(|value| value.ends_with(";2"))
        })
        .await;
    world.rig.until_ready(APP).await;
}

async fn export(world: Arc<World>) {
    edited(
        world,
        json!({ "export": { "configMap": { "name": "app-pool" } } }),
    )
    .await;
}

async fn drift(world: Arc<World>) {
    let id = pool_id(&world.rig.pools.get(APP).await.expect("object is there"));
    world.rig.fake.tamper(&id, |pool| {
        pool["IdentityPoolName"] = json!("changed");
        pool["AllowUnauthenticatedIdentities"] = json!(true);
    });
    world.rig.ask(APP).await;
    let looked_at = |object: &IdentityPool| {
        let asked = object.annotations().get(RECONCILE_AT_ANNOTATION);
        let status = object.status.clone().unwrap_or_default();
        status.last_handled_reconcile_at.as_ref() == asked
    };
    world
        .until(APP, "the look that was asked for", looked_at)
        .await;
    world.rig.until_ready(APP).await;
}

async fn recreate(world: Arc<World>) {
    let id = pool_id(&world.rig.pools.get(APP).await.expect("object is there"));
    world.rig.fake.remove(&id);
    world.rig.ask(APP).await;
    let another = move |object: &IdentityPool| {
        let status = object.status.clone().unwrap_or_default();
        status.identity_pool_id.is_some_and(|now| now != id)
    };
    world.until(APP, "another pool", another).await;
    world.rig.until_ready(APP).await;
}

async fn delete(world: Arc<World>) {
    world.delete(APP).await;
    world.rig.until_gone(APP).await;
}

async fn delete_and_again(world: Arc<World>) {
    world.delete(APP).await;
    world.rig.until_gone(APP).await;
    create(world).await;
}

async fn adopt(world: Arc<World>) {
    let id = "eu-west-1:11111111-2222-3333-4444-555555555555";
    let adopt = json!({ "identityPoolId": id, "overwrite": true });
    world
        .create(APP, json!({ "adopt": adopt, "identityPoolName": "ours" }))
        .await;
    world.rig.until_ready(APP).await;
}

async fn previous(world: Arc<World>) {
    world
        .create(APP, json!({ "adopt": { "previous": true } }))
        .await;
    world.rig.until_ready(APP).await;
}
