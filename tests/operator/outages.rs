//! What the operator stands on goes away while it runs, and comes back: the apiserver, etcd, the
//! definition of its kind; and an object turns up that it cannot read. It recovers without a
//! restart, and what it had made is untouched.

use std::time::Duration;

use harness::control_plane::ControlPlane;
use identity_pool_operator::api::{DeletionPolicy, IdentityPoolSpec};
use serde_json::{Value, json};

use crate::rig::{Rig, Running, pool_id};

const NAME: &str = "identitypools.cognito-identity.dev";

fn definition() -> String {
    let [(_, pools), _] = identity_pool_operator::api::crds::files().expect("CRDs");
    pools
}

/// An own control plane, an operator on it, and an object with its pool.
async fn running(prefix: &str) -> (ControlPlane, Rig, Running) {
    let plane = ControlPlane::start().await.expect("a control plane");
    let rig = Rig::on(&plane, prefix).await;
    let operator = rig.operator().await;
    let spec = IdentityPoolSpec {
        deletion_policy: Some(DeletionPolicy::Retain),
        ..Default::default()
    };
    rig.create("old", spec).await;
    rig.until_ready("old").await;
    (plane, rig, operator)
}

/// New objects get pools, edits reach AWS, deletions end, and nothing is done twice.
async fn works(rig: &Rig, round: &str) {
    let before = rig.fake.count("CreateIdentityPool");
    let name = format!("new-{round}");
    rig.create(&name, IdentityPoolSpec::default()).await;
    rig.until_ready(&name).await;
    rig.set("old", "identityPoolName", &json!(name)).await;
    rig.until_ready("old").await;
    assert_eq!(rig.pool_of("old").await["IdentityPoolName"], name.as_str());
    rig.delete(&name).await;
    rig.until_gone(&name).await;
    assert_eq!(rig.fake.count("CreateIdentityPool"), before + 1, "{round}");
    assert_eq!(rig.fake.pools().len(), 1, "{round}");
    rig.fake.assert_sound();
}

#[tokio::test]
async fn an_apiserver_that_restarts_and_an_etcd_that_stops_cost_nothing_but_time() {
    let (mut plane, rig, operator) = running("outages").await;
    let id = pool_id(&rig.until_ready("old").await);

    plane.restart_apiserver().await.expect("it is back");
    works(&rig, "apiserver").await;

    plane.stop_etcd();
    let refused = rig.pools.get("old").await;
    assert!(refused.is_err(), "without etcd there is no answer");
    plane.start_etcd().await.expect("it is back");
    until_answered(&rig).await;
    works(&rig, "etcd").await;

    plane.stop_apiserver();
    plane.stop_etcd();
    plane.start_etcd().await.expect("it is back");
    plane.start_apiserver().await.expect("it is back");
    works(&rig, "both").await;
    assert_eq!(pool_id(&rig.until_ready("old").await), id);
    operator.stop().await;
}

/// The apiserver connects to etcd again in its own time.
async fn until_answered(rig: &Rig) {
    let answered = async {
        while rig.pools.get("old").await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let answered = tokio::time::timeout(Duration::from_secs(60), answered).await;
    answered.expect("the apiserver finds etcd again");
}

#[tokio::test]
async fn a_definition_that_is_replaced_or_deleted_and_made_anew_is_followed() {
    let (plane, rig, operator) = running("definition").await;
    let id = pool_id(&rig.until_ready("old").await);

    // As a later version would have it: one more column, one more field.
    let mut later: Value = serde_saphyr::from_str(&definition()).expect("YAML");
    let version = &mut later["spec"]["versions"][0];
    version["additionalPrinterColumns"] = json!([]);
    let spec = &mut version["schema"]["openAPIV3Schema"]["properties"]["spec"];
    spec["properties"]["laterSetting"] = json!({ "type": "string" });
    plane
        .apply_crds(&later.to_string())
        .await
        .expect("accepted");
    works(&rig, "later").await;
    plane.apply_crds(&definition()).await.expect("accepted");
    works(&rig, "again").await;

    // Its objects go with it, each by its own policy, and then there is nothing to watch.
    rig.create("empty", IdentityPoolSpec::default()).await;
    rig.until_ready("empty").await;
    let deleted = ["delete", "crd", NAME, "--timeout=60s"];
    plane.kubectl(&deleted).await.expect("it goes");
    let left: Vec<Value> = rig.fake.pools();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0]["IdentityPoolId"], id.as_str(), "the retained one");
    plane.apply_crds(&definition()).await.expect("accepted");
    rig.create("after", IdentityPoolSpec::default()).await;
    rig.until_ready("after").await;
    assert_eq!(rig.fake.pools().len(), 2);
    rig.fake.assert_sound();
    operator.stop().await;
}

#[tokio::test]
async fn an_object_that_turns_unreadable_while_it_runs_stops_no_other_and_keeps_its_pool() {
    let rig = Rig::new("unreadable").await;
    let operator = rig.operator().await;
    for name in ["app", "other"] {
        rig.create(name, IdentityPoolSpec::default()).await;
        rig.until_ready(name).await;
    }
    let object = rig.pools.get("app").await.expect("object is there");
    let id = pool_id(&object);
    let mut broken = serde_json::to_value(&object).expect("JSON");
    broken["spec"]["allowClassicFlow"] = json!("perhaps");
    crate::shell::put_past_the_schema(&rig, "app", &broken).await;
    rig.set("other", "allowClassicFlow", &json!(true)).await;
    rig.until_ready("other").await;
    assert_eq!(rig.pool_of("other").await["AllowClassicFlow"], true);
    let told = async {
        while !operator.page().contains("undecodable_objects_total 1") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let told = tokio::time::timeout(Duration::from_secs(30), told).await;
    assert!(told.is_ok(), "{}", operator.page());
    assert!(rig.fake.pool(&id).is_some());
    // Mended, it is itself again.
    let mended = json!({ "spec": { "allowClassicFlow": true } });
    rig.patch("app", mended).await;
    rig.until_ready("app").await;
    assert_eq!(rig.pool_of("app").await["AllowClassicFlow"], true);
    assert_eq!(rig.fake.count("CreateIdentityPool"), 2);
    // A third gets its pool beside them.
    rig.create("third", IdentityPoolSpec::default()).await;
    rig.until_ready("third").await;
    rig.fake.assert_sound();
}
