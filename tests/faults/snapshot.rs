//! The end of a run in words that are the same in every run: ids, uids and times are replaced by
//! what they stand for.

use std::fmt::Write;

use identity_pool_operator::api::IdentityPool;
use identity_pool_operator::api::names::{CLAIM_ANNOTATION, CLAIM_TAG, OWNER_TAG, SOURCE_TAG};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use serde_json::{Value, json};

use crate::world::World;

/// Objects, pools and exports, in a form that two runs can be compared by.
pub(crate) async fn of(world: &World) -> String {
    let objects = world.objects().await;
    let pools = world.rig.fake.pools();
    let mut lines: Vec<String> = objects.iter().map(object).collect();
    lines.extend(pools.iter().map(|wire| pool(world, wire)));
    lines.extend(exports(world).await);
    let mut text = lines.iter().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{line}");
        text
    });
    for (id, stands_for) in names(world, &objects, &pools) {
        text = text.replace(&id, &stands_for);
    }
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// The lines of one that the other lacks.
pub(crate) fn difference(one: &str, other: &str) -> String {
    let other: Vec<&str> = other.lines().collect();
    let missing: Vec<&str> = one.lines().filter(|line| !other.contains(line)).collect();
    missing.join("\n    ")
}

/// What each id stands for: an object, its pool, a pool whose object is gone.
fn names(world: &World, objects: &[IdentityPool], pools: &[Value]) -> Vec<(String, String)> {
    let uid = |object: &IdentityPool| object.uid().unwrap_or_default();
    let mut names: Vec<(String, String)> = objects
        .iter()
        .map(|object| (uid(object), format!("<uid of {}>", object.name_any())))
        .collect();
    for pool in pools {
        let tags = &pool["IdentityPoolTags"];
        let owner = tags[OWNER_TAG].as_str().unwrap_or("nobody/nobody");
        let owner = owner.rsplit('/').next().unwrap_or_default().to_owned();
        let id = pool["IdentityPoolId"].as_str().unwrap_or_default();
        let of = objects.iter().find(|object| uid(object) == owner);
        let of = of.map_or("nobody".to_owned(), ResourceExt::name_any);
        names.push((id.to_owned(), format!("<pool of {of}>")));
        if of == "nobody" {
            names.push((owner, "<uid of nobody>".to_owned()));
        }
    }
    names.push((world.rig.namespace.clone(), "<namespace>".to_owned()));
    names
}

fn object(object: &IdentityPool) -> String {
    let status = serde_json::to_value(&object.status).unwrap_or_default();
    let mut conditions: Vec<String> = status["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|condition| {
            let part = |key: &str| condition[key].as_str().unwrap_or("-").to_owned();
            format!("{}={}/{}", part("type"), part("status"), part("reason"))
        })
        .collect();
    conditions.sort_unstable();
    let current = status["observedGeneration"] == json!(object.metadata.generation);
    let kept = [
        "identityPoolId",
        "identityPoolName",
        "deletionPolicy",
        "managed",
        "region",
    ];
    let kept: Vec<&Value> = kept.iter().map(|field| &status[*field]).collect();
    json!({
        "object": object.name_any(),
        "spec": object.spec,
        "finalizers": object.finalizers(),
        "claimed": object.annotations().contains_key(CLAIM_ANNOTATION),
        "conditions": conditions,
        "current": current,
        "status": kept,
    })
    .to_string()
}

fn pool(world: &World, wire: &Value) -> String {
    let id = wire["IdentityPoolId"].as_str().unwrap_or_default();
    let roles = world.rig.fake.roles(id);
    let mut wire = wire.clone();
    let mut attributes = Vec::new();
    for provider in wire["CognitoIdentityProviders"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let provider = provider["ProviderName"].as_str().unwrap_or_default();
        attributes.push(world.rig.fake.principal_tags(id, provider));
    }
    if let Some(tags) = wire["IdentityPoolTags"].as_object_mut() {
        let own = tags.get(CLAIM_TAG).is_some() && tags.get(SOURCE_TAG).is_some();
        tags.insert(CLAIM_TAG.to_owned(), json!(own));
    }
    json!({ "pool": wire, "roles": roles, "attributes": attributes }).to_string()
}

async fn exports(world: &World) -> Vec<String> {
    let maps: Api<ConfigMap> = Api::namespaced(world.rig.client.clone(), &world.rig.namespace);
    let listed = maps.list(&ListParams::default()).await.expect("a list");
    let named = listed.items.iter().map(|map| {
        json!({ "map": map.name_any(), "data": map.data, "owners": map.owner_references().len() })
    });
    named.map(|map| map.to_string()).collect()
}
