//! What earlier versions stored is understood, and what this version stores is readable by them.
//!
//! `tests/fixtures/stored` holds objects as the commits of this repository wrote them, one shape
//! a file, oldest first; there is no release yet whose binary could have written them. A shape
//! that was once stored stays here for ever. `${uid}`, `${namespace}` and `${pool}` stand for
//! what the apiserver and AWS choose.

use std::fs;
use std::path::PathBuf;

use identity_pool_operator::api::names::{CLAIM_ANNOTATION, CLAIM_TAG, FINALIZER};
use identity_pool_operator::api::{IdentityPool, IdentityPoolSpec, IdentityPoolStatus};
use identity_pool_operator::pool::claim::Claim;
use kube::ResourceExt;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::rig::{REGION, Rig};

/// One stored object, and what has to become of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    spec: IdentityPoolSpec,
    /// The claim annotation, in the words of the version.
    claim: Option<String>,
    /// What the version wrote into status.
    status: Value,
    /// The pool, as it is on the wire, without its id and the owner's tags.
    pool: Option<Value>,
    /// The default roles of the pool.
    #[serde(default)]
    roles: Map<String, Value>,
    /// A part of the pool afterwards.
    expect: Value,
    /// The calls that may be needed for it; any other change of AWS is a failure.
    #[serde(default)]
    calls: Vec<String>,
}

fn fixtures() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/stored");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy();
        found.push((name.into_owned(), fs::read_to_string(&path).expect("text")));
    }
    found.sort();
    found
}

fn parsed<T: serde::de::DeserializeOwned>(name: &str, text: &str) -> T {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Puts an object and its pool where the version had left them.
async fn store(rig: &Rig, name: &str, text: &str) -> (String, Stored) {
    let first: Stored = parsed(name, text);
    let object = rig.create(name, first.spec).await;
    let uid = object.uid().expect("a uid");
    let text = text
        .replace("${uid}", &uid)
        .replace("${namespace}", &rig.namespace);
    let pool: Stored = parsed(name, &text);
    let id = pool.pool.map(|mut wire| {
        wire["IdentityPoolId"] = json!(format!("{REGION}:{}", Uuid::new_v4()));
        wire["IdentityPoolTags"]["cognito-identity.dev/owner"] =
            json!(format!("{}/{uid}", rig.namespace));
        wire["IdentityPoolTags"]["cognito-identity.dev/source"] =
            json!(format!("{}/{name}", rig.namespace));
        wire["IdentityPoolTags"][CLAIM_TAG] = claim_id(pool.claim.as_deref());
        let id = rig.fake.seed(wire, false);
        rig.fake.tamper_roles(&id, pool.roles, Map::new());
        id
    });
    let text = text.replace("${pool}", id.as_deref().unwrap_or_default());
    let stored: Stored = parsed(name, &text);
    let annotations = json!({ CLAIM_ANNOTATION: stored.claim });
    let metadata = json!({ "finalizers": [FINALIZER], "annotations": annotations });
    rig.patch(name, json!({ "metadata": metadata })).await;
    rig.patch_status(name, stored.status.clone()).await;
    (id.unwrap_or_default(), stored)
}

fn claim_id(claim: Option<&str>) -> Value {
    let claim: Value = serde_json::from_str(claim.unwrap_or_default()).expect("a claim");
    claim["id"].clone()
}

/// Whether `whole` has all that `part` has; `null` in it stands for what is not there.
fn has(whole: &Value, part: &Value) -> bool {
    match part {
        Value::Object(part) => part
            .iter()
            .all(|(key, part)| has(&whole[key.as_str()], part)),
        other => whole == other,
    }
}

#[tokio::test]
async fn objects_that_earlier_versions_stored_keep_their_pools() {
    let rig = Rig::new("stored").await;
    let mut all = Vec::new();
    for (name, text) in fixtures() {
        let (id, stored) = store(&rig, &name, &text).await;
        all.push((name, id, stored));
    }
    assert!(all.len() >= 8, "the fixtures are there");
    rig.fake.reset_journal();
    let _operator = rig.operator().await;
    for (name, id, stored) in all {
        rig.ask(&name).await;
        rig.until_ready(&name).await;
        rig.look(&name).await;
        let object = rig.until_ready(&name).await;
        let now = crate::rig::pool_id(&object);
        assert!(id.is_empty() || id == now, "{name}: {id} became {now}");
        assert_eq!(
            rig.pools_owned_by(&object),
            std::slice::from_ref(&now),
            "{name}"
        );
        let mut pool = rig.pool_of(&name).await;
        pool["Roles"] = rig.fake.roles(&now).unwrap_or_default()["Roles"].clone();
        assert!(has(&pool, &stored.expect), "{name}: {pool:#}");
        let made = rig.fake.calls().into_iter().filter(|call| {
            let reads = ["List", "Describe", "Get"];
            let about = call.request.to_string();
            !reads.iter().any(|read| call.operation.starts_with(read))
                && (about.contains(&now) || about.contains(&format!("/{name}\"")))
        });
        let made: Vec<String> = made.map(|call| call.operation).collect();
        assert_eq!(made, stored.calls, "{name}");
    }
    rig.fake.assert_sound();
}

/// The claim as the first version read it.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FirstClaim {
    id: Uuid,
    uid: String,
    account_id: String,
    region: String,
}

/// The status as the first version read it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FirstStatus {
    observed_generation: Option<i64>,
    identity_pool_id: Option<String>,
    managed: Option<FirstManaged>,
    applied_hash: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FirstManaged {
    #[serde(default)]
    tag_keys: Vec<String>,
}

#[tokio::test]
async fn what_this_version_stores_is_readable_by_the_first() {
    let rig = Rig::new("downgrade").await;
    let _operator = rig.operator().await;
    let spec = json!({
        "identityPoolTags": { "team": "web" },
        "roles": { "authenticated": "arn:aws:iam::123456789012:role/user" },
        "export": { "configMap": { "name": "app" } },
    });
    rig.create("app", serde_json::from_value(spec).expect("a spec"))
        .await;
    let object = rig.until_ready("app").await;
    let text = &object.annotations()[CLAIM_ANNOTATION];
    let claim: FirstClaim = serde_json::from_str(text).expect("the first version's claim");
    assert_eq!(Some(claim.uid), object.uid());
    let stored = serde_json::to_value(&object.status).expect("JSON");
    let status: FirstStatus = serde_json::from_value(stored).expect("the first version's status");
    assert_eq!(status.observed_generation, Some(1));
    assert!(status.identity_pool_id.is_some() && status.applied_hash.is_some());
    assert_eq!(status.managed.expect("managed").tag_keys, ["team"]);
    // What came later is what an earlier version leaves out.
    let made = Claim {
        id: claim.id,
        uid: "u".to_owned(),
        account_id: claim.account_id,
        region: claim.region,
        void: Some("NotSent".to_owned()),
        adopted: true,
    };
    let text = made.to_annotation().expect("text");
    let read: FirstClaim = serde_json::from_str(&text).expect("the first version's claim");
    assert_eq!(read.id, made.id);
}

#[test]
fn what_a_later_version_adds_is_passed_over() {
    let object = json!({
        "apiVersion": "cognito-identity.dev/v1alpha1",
        "kind": "IdentityPool",
        "metadata": { "name": "app" },
        "spec": { "laterSetting": { "a": [1] } },
        "status": {
            "observedGeneration": 3,
            "laterField": ["x"],
            "conditions": [{
                "type": "LaterKind", "status": "True", "reason": "LaterReason", "message": "",
                "lastTransitionTime": "2030-01-01T00:00:00Z", "laterField": 1,
            }],
            "drift": [{ "field": "f", "desired": "1", "actual": "2", "laterField": true }],
            "plan": [{ "operation": "LaterOperation", "changes": ["f"], "laterField": {} }],
            "managed": { "tagKeys": ["team"], "laterBlock": { "b": 1 } },
        },
    });
    let object: IdentityPool = serde_json::from_value(object).expect("it is read");
    let status: IdentityPoolStatus = object.status.expect("a status");
    assert_eq!(status.managed.expect("managed").tag_keys, ["team"]);
    assert_eq!(status.conditions[0].type_, "LaterKind");
}
