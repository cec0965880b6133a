//! What happens to the pool when its object goes.

use std::time::Duration;

use harness::cognito::{Fault, FaultKind};
use identity_pool_operator::api::{DeletionPolicy, IdentityPoolSpec};
use kube::ResourceExt;
use serde_json::json;

use crate::rig::{Rig, Setup, message, pool_id};

async fn ready(prefix: &str, policy: Option<DeletionPolicy>) -> (Rig, crate::rig::Running, String) {
    let rig = Rig::new(prefix).await;
    let operator = rig.operator().await;
    let spec = IdentityPoolSpec {
        deletion_policy: policy,
        ..Default::default()
    };
    rig.create("app", spec).await;
    let id = pool_id(&rig.until_ready("app").await);
    (rig, operator, id)
}

#[tokio::test]
async fn an_empty_pool_goes_with_its_object() {
    let (rig, _operator, id) = ready("empty", None).await;
    rig.delete("app").await;
    rig.until_gone("app").await;
    assert!(rig.fake.pool(&id).is_none());
    rig.fake.assert_sound();
}

#[tokio::test]
async fn a_pool_with_identities_stays_until_a_person_decides() {
    let (rig, _operator, id) = ready("full", None).await;
    rig.fake.add_identity(&id);
    rig.delete("app").await;
    let object = rig
        .until_condition("app", "Stalled", "True/PoolNotEmpty")
        .await;
    let says = message(&object, "Stalled");
    assert!(says.contains("Delete") && says.contains("Retain"), "{says}");
    assert!(rig.fake.pool(&id).is_some());
    rig.patch("app", json!({ "spec": { "deletionPolicy": "Delete" } }))
        .await;
    rig.until_gone("app").await;
    assert!(rig.fake.pool(&id).is_none());
}

#[tokio::test]
async fn delete_takes_the_identities_along() {
    let (rig, _operator, id) = ready("delete", Some(DeletionPolicy::Delete)).await;
    rig.fake.add_identity(&id);
    rig.delete("app").await;
    rig.until_gone("app").await;
    assert!(rig.fake.pool(&id).is_none());
}

#[tokio::test]
async fn retain_keeps_the_pool_and_lets_go_without_aws() {
    let (rig, _operator, id) = ready("retain", None).await;
    rig.fake.configure(|settings| {
        for operation in [
            "DescribeIdentityPool",
            "ListIdentities",
            "DeleteIdentityPool",
        ] {
            settings.denied.insert(operation.into());
        }
    });
    rig.delete("app").await;
    let object = rig
        .until_condition("app", "Stalled", "True/AccessDenied")
        .await;
    let says = message(&object, "Stalled");
    assert!(
        says.contains("DescribeIdentityPool") && says.contains("request id"),
        "{says}"
    );
    rig.patch("app", json!({ "spec": { "deletionPolicy": "Retain" } }))
        .await;
    rig.until_gone("app").await;
    assert!(rig.fake.pool(&id).is_some());
}

#[tokio::test]
async fn a_pool_that_is_gone_already_holds_up_nothing() {
    let (rig, _operator, id) = ready("gone", Some(DeletionPolicy::Delete)).await;
    rig.fake.inject(Fault::on(
        "DeleteIdentityPool",
        FaultKind::LoseReplyBeforeStatus,
    ));
    rig.delete("app").await;
    // The reply is lost, the pool is gone; for the first minute AWS might only be slow to show it.
    let gone = tokio::time::timeout(Duration::from_secs(90), async {
        while rig
            .pools
            .get_opt("app")
            .await
            .expect("apiserver answers")
            .is_some()
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    assert!(gone.await.is_ok(), "the object is still there");
    assert!(rig.fake.pool(&id).is_none());
    assert_eq!(rig.fake.count("DeleteIdentityPool"), 1);
}

#[tokio::test]
async fn an_object_deleted_during_its_creation_leaves_nothing_behind() {
    let rig = Rig::new("during").await;
    rig.fake
        .configure(|settings| settings.signature_window = Duration::from_secs(2));
    rig.fake
        .inject(Fault::on("CreateIdentityPool", FaultKind::LoseReplyBeforeStatus).always());
    let setup = Setup {
        settle_window: Duration::from_secs(3),
        ..Setup::default()
    };
    let operator = rig.operator_with(setup.clone()).await;
    for n in 0..10 {
        let name = format!("app-{n}");
        rig.create(&name, IdentityPoolSpec::default()).await;
        // A deletion that began before the finalizer came ignores it (docs/creating-once.md).
        let held = async {
            while rig
                .pools
                .get(&name)
                .await
                .expect("there")
                .finalizers()
                .is_empty()
            {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), held)
            .await
            .expect("a finalizer");
        rig.delete(&name).await;
    }
    operator.kill();
    let _operator = rig.operator_with(setup).await;
    for n in 0..10 {
        rig.until_gone(&format!("app-{n}")).await;
    }
    assert_eq!(rig.fake.pools().len(), 0);
    rig.fake.assert_sound();
}

#[tokio::test]
async fn an_object_made_anew_under_the_same_name_gets_its_own_pool() {
    let (rig, _operator, first) = ready("anew", Some(DeletionPolicy::Delete)).await;
    rig.delete("app").await;
    rig.until_gone("app").await;
    rig.create("app", IdentityPoolSpec::default()).await;
    let second = pool_id(&rig.until_ready("app").await);
    assert_ne!(first, second);
    assert!(rig.fake.pool(&first).is_none());
    rig.fake.assert_sound();
}

#[tokio::test]
async fn a_pool_deleted_in_the_console_is_said_and_held_and_made_anew_when_wanted() {
    let (rig, operator, id) = ready("console", None).await;
    operator.stop().await;
    rig.fake.remove(&id);
    // A restart looks at the list, not at each pool.
    let _operator = rig.operator().await;
    // A pool this young may only be late; a minute after its claim it is gone.
    let object = tokio::time::timeout(Duration::from_secs(150), async {
        loop {
            let object = rig.pools.get("app").await.expect("object is there");
            let status = object.status.clone().unwrap_or_default();
            if crate::rig::condition(&status, "Stalled") == "True/PoolGone" {
                return object;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let object = object.await.expect("the loss is noticed");
    assert!(message(&object, "Stalled").contains(&id));
    assert_eq!(
        rig.fake.executed("CreateIdentityPool"),
        1,
        "nothing is replaced silently"
    );
}
