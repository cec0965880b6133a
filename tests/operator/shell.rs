//! The shell: what it watches, what it leaves alone, how it stops.

use std::time::Duration;

use harness::cognito::{Fault, FaultKind};
use identity_pool_operator::api::IdentityPoolSpec;
use kube::api::{Api, DynamicObject, PostParams};
use kube::core::ApiResource;
use serde_json::json;

use crate::rig::{Rig, Setup, pool_id};

#[tokio::test]
async fn an_object_that_cannot_be_read_does_not_stop_the_rest() {
    let rig = Rig::new("undecodable").await;
    // The schema refuses it, so it is put past the schema: by a second CRD version it could come so.
    let broken = json!({
        "apiVersion": "cognito-identity.dev/v1alpha1",
        "kind": "IdentityPool",
        "metadata": { "name": "broken", "namespace": rig.namespace },
        "spec": { "allowClassicFlow": "perhaps" },
    });
    put_past_the_schema(&rig, "broken", &broken).await;
    let operator = rig.operator().await;
    rig.create("app", IdentityPoolSpec::default()).await;
    rig.until_ready("app").await;
    let page = operator.page();
    assert!(
        page.contains("identity_pool_operator_undecodable_objects_total 1"),
        "{page}"
    );
}

/// Stores an object that the schema refuses, as an older schema may have left it:
/// straight into etcd, by its JSON gateway.
pub(crate) async fn put_past_the_schema(rig: &Rig, name: &str, object: &serde_json::Value) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut object = object.clone();
    let metadata = object["metadata"].as_object_mut().expect("metadata");
    // What a stored object has; its version is etcd's.
    metadata.remove("resourceVersion");
    for (field, value) in [
        ("uid", json!(uuid::Uuid::now_v7().to_string())),
        ("generation", json!(1)),
        ("creationTimestamp", json!("2026-01-01T00:00:00Z")),
    ] {
        metadata.entry(field).or_insert(value);
    }
    let key = format!(
        "/registry/cognito-identity.dev/identitypools/{}/{name}",
        rig.namespace
    );
    let put =
        json!({ "key": base64(key.as_bytes()), "value": base64(object.to_string().as_bytes()) });
    let address = rig
        .plane
        .etcd_url()
        .trim_start_matches("http://")
        .to_owned();
    let mut etcd = tokio::net::TcpStream::connect(&address)
        .await
        .expect("etcd listens");
    let body = put.to_string();
    let request = format!(
        "POST /v3/kv/put HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    etcd.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    etcd.read_to_string(&mut answer).await.expect("answered");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let [a, b, c] = [0, 1, 2].map(|place| u32::from(*chunk.get(place).unwrap_or(&0)));
        let bits = a << 16 | b << 8 | c;
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    text
}

#[tokio::test]
async fn a_stop_lets_a_running_creation_reach_its_record() {
    let rig = Rig::new("drain").await;
    rig.fake.inject(Fault::on(
        "CreateIdentityPool",
        FaultKind::DelayAfter(Duration::from_secs(2)),
    ));
    let operator = rig.operator().await;
    rig.create("app", IdentityPoolSpec::default()).await;
    let sent = async {
        while rig.fake.count("CreateIdentityPool") == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), sent)
        .await
        .expect("the call is sent");
    operator.stop().await;
    let object = rig.pools.get("app").await.expect("object is there");
    assert!(rig.fake.pool(&pool_id(&object)).is_some());
}

#[tokio::test]
async fn one_failing_object_does_not_delay_the_others() {
    let rig = Rig::new("failing").await;
    let denied = FaultKind::ErrorBefore {
        status: 400,
        code: "InvalidParameterException".into(),
    };
    rig.fake.inject(
        Fault::on("CreateIdentityPool", denied)
            .containing("bad-one")
            .always(),
    );
    let _operator = rig.operator().await;
    let spec = IdentityPoolSpec {
        identity_pool_name: Some("bad-one".into()),
        ..Default::default()
    };
    rig.create("bad", spec).await;
    for n in 0..20 {
        rig.create(&format!("good-{n}"), IdentityPoolSpec::default())
            .await;
    }
    for n in 0..20 {
        rig.until_ready(&format!("good-{n}")).await;
    }
    rig.until_condition("bad", "Stalled", "True/InvalidRequest")
        .await;
}

#[tokio::test]
async fn only_objects_of_the_watched_namespace_are_touched() {
    let rig = Rig::new("mine").await;
    let other = Rig::new("theirs").await;
    other.create("app", IdentityPoolSpec::default()).await;
    let _operator = rig.operator().await;
    rig.create("app", IdentityPoolSpec::default()).await;
    rig.until_ready("app").await;
    let untouched = other.pools.get("app").await.expect("object is there");
    assert_eq!(untouched.metadata.finalizers, None);
    assert_eq!(rig.fake.pools().len(), 1);
}

#[tokio::test]
async fn only_objects_that_the_selector_matches_are_touched() {
    let rig = Rig::new("selector").await;
    let setup = Setup {
        selector: Some("team=web".to_owned()),
        ..Setup::default()
    };
    let operator = rig.operator_with(setup).await;
    operator.listed().await;
    rig.create("other", IdentityPoolSpec::default()).await;
    rig.create("app", IdentityPoolSpec::default()).await;
    rig.patch(
        "app",
        json!({ "metadata": { "labels": { "team": "web" } } }),
    )
    .await;
    rig.until_ready("app").await;
    let untouched = rig.pools.get("other").await.expect("object is there");
    assert_eq!(untouched.metadata.finalizers, None);
    assert_eq!(rig.fake.pools().len(), 1);
}

#[tokio::test]
async fn spec_labels_and_annotations_of_the_user_are_never_written() {
    let rig = Rig::new("marks").await;
    let _operator = rig.operator().await;
    let resource = ApiResource::erase::<identity_pool_operator::api::IdentityPool>(&());
    let dynamic: Api<DynamicObject> =
        Api::namespaced_with(rig.client.clone(), &rig.namespace, &resource);
    let mut object =
        DynamicObject::new("app", &resource).data(json!({ "spec": { "identityPoolName": "x" } }));
    object.metadata.labels = Some([("mine".to_owned(), "1".to_owned())].into());
    object.metadata.annotations = Some([("also".to_owned(), "mine".to_owned())].into());
    dynamic
        .create(&PostParams::default(), &object)
        .await
        .expect("accepted");
    rig.until_ready("app").await;
    let after = dynamic.get("app").await.expect("there");
    assert_eq!(after.metadata.labels, object.metadata.labels);
    let mut annotations = after.metadata.annotations.clone().unwrap_or_default();
    assert!(annotations.remove("cognito-identity.dev/claim").is_some());
    assert_eq!(Some(annotations), object.metadata.annotations);
    for entry in after.metadata.managed_fields.unwrap_or_default() {
        let fields = serde_json::to_string(&entry.fields_v1).unwrap_or_default();
        if entry.manager.as_deref() == Some("identity-pool-operator") {
            for untouched in ["f:spec", "f:labels", "f:also"] {
                assert!(!fields.contains(untouched), "{fields}");
            }
        }
    }
}
