//! Exactly one pool per object, over real wires.

use std::time::Duration;

use harness::cognito::{Call, Fault, FaultKind};
use identity_pool_operator::api::{IdentityPool, IdentityPoolSpec};
use jiff::Timestamp;
use kube::ResourceExt;
use serde_json::json;
use uuid::Uuid;

use crate::rig::{Rig, Setup, pool_id};

const CREATE: &str = "CreateIdentityPool";

/// Short windows, the fake's signature window shorter still.
fn hasty() -> Setup {
    Setup {
        settle_window: Duration::from_secs(3),
        ..Setup::default()
    }
}

async fn hasty_rig(prefix: &str) -> Rig {
    let rig = Rig::new(prefix).await;
    rig.fake
        .configure(|settings| settings.signature_window = Duration::from_secs(2));
    rig
}

/// When the claim was made under which a creation was sent: its id is a `UUIDv7`.
fn claimed_at(call: &Call) -> Timestamp {
    let claim = call.request["IdentityPoolTags"]["cognito-identity.dev/claim"].as_str();
    let claim: Uuid = claim.and_then(|text| text.parse().ok()).expect("a uuid");
    let (seconds, nanos) = claim.get_timestamp().expect("version 7").to_unix();
    let seconds = i64::try_from(seconds).expect("this age");
    Timestamp::new(seconds, i32::try_from(nanos).expect("below a second")).expect("in range")
}

/// The object is ready, with one pool and one only.
async fn assert_one_pool(rig: &Rig, name: &str) -> IdentityPool {
    let object = rig.until_ready(name).await;
    assert_eq!(rig.pools_owned_by(&object), [pool_id(&object)]);
    rig.fake.assert_sound();
    object
}

#[tokio::test]
async fn a_bare_object_gets_a_pool_with_safe_defaults() {
    let rig = Rig::new("bare").await;
    let _operator = rig.operator().await;
    rig.create("app", IdentityPoolSpec::default()).await;
    let object = assert_one_pool(&rig, "app").await;
    let pool = rig.pool_of("app").await;
    assert_eq!(pool["IdentityPoolName"], format!("{}-app", rig.namespace));
    assert_eq!(pool["AllowUnauthenticatedIdentities"], false);
    let status = object.status.clone().unwrap_or_default();
    assert_eq!(status.account_id.as_deref(), Some("123456789012"));
    assert_eq!(status.region.as_deref(), Some("eu-west-1"));
    let tags = &pool["IdentityPoolTags"];
    assert_eq!(
        tags["cognito-identity.dev/source"],
        format!("{}/app", rig.namespace)
    );
    let uid = object.uid().unwrap_or_default();
    assert_eq!(
        tags["cognito-identity.dev/owner"],
        format!("{}/{uid}", rig.namespace)
    );
}

#[tokio::test]
async fn a_lost_reply_makes_one_pool() {
    for kind in [
        FaultKind::LoseReplyBeforeStatus,
        FaultKind::LoseReplyAfterStatus,
        FaultKind::CutBody,
        FaultKind::ErrorAfter {
            status: 500,
            code: "InternalErrorException".into(),
        },
        FaultKind::ErrorAfter {
            status: 504,
            code: String::new(),
        },
    ] {
        let rig = Rig::new("lost").await;
        rig.fake.inject(Fault::on(CREATE, kind.clone()));
        let _operator = rig.operator().await;
        rig.create("app", IdentityPoolSpec::default()).await;
        assert_one_pool(&rig, "app").await;
        assert_eq!(rig.fake.count(CREATE), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_reply_that_comes_too_late_makes_one_pool() {
    let rig = Rig::new("late").await;
    rig.fake.inject(Fault::on(
        CREATE,
        FaultKind::DelayAfter(Duration::from_secs(20)),
    ));
    let _operator = rig.operator().await;
    rig.create("app", IdentityPoolSpec::default()).await;
    assert_one_pool(&rig, "app").await;
    assert_eq!(rig.fake.count(CREATE), 1);
}

#[tokio::test]
async fn a_call_that_never_took_effect_is_repeated_after_the_settle_window() {
    for kind in [
        FaultKind::ResetBefore,
        FaultKind::ErrorBefore {
            status: 500,
            code: "InternalErrorException".into(),
        },
        FaultKind::ErrorBefore {
            status: 503,
            code: String::new(),
        },
    ] {
        let rig = hasty_rig("never").await;
        rig.fake.inject(Fault::on(CREATE, kind));
        let _operator = rig.operator_with(hasty()).await;
        rig.create("app", IdentityPoolSpec::default()).await;
        rig.until_condition("app", "Reconciling", "True/Settling")
            .await;
        assert_one_pool(&rig, "app").await;
        let calls: Vec<_> = rig
            .fake
            .calls()
            .into_iter()
            .filter(|call| call.operation == CREATE)
            .collect();
        assert_eq!(calls.len(), 2);
        let apart = claimed_at(&calls[1]).duration_since(claimed_at(&calls[0]));
        assert!(apart.as_secs_f64() >= 3.0, "only {apart} apart");
    }
}

#[tokio::test]
async fn a_call_that_executes_late_is_found_not_repeated() {
    let rig = hasty_rig("slow").await;
    rig.fake
        .configure(|settings| settings.signature_window = Duration::from_secs(60));
    rig.fake.inject(Fault::on(
        CREATE,
        FaultKind::DelayBefore(Duration::from_secs(17)),
    ));
    let _operator = rig
        .operator_with(Setup {
            settle_window: Duration::from_secs(60),
            ..Setup::default()
        })
        .await;
    rig.create("app", IdentityPoolSpec::default()).await;
    assert_one_pool(&rig, "app").await;
    assert_eq!(rig.fake.count(CREATE), 1);
}

#[tokio::test]
async fn a_throttled_call_is_repeated_under_a_fresh_claim() {
    let rig = Rig::new("throttled").await;
    rig.fake
        .inject(Fault::on(CREATE, FaultKind::Throttle).times(2));
    let _operator = rig.operator().await;
    rig.create("app", IdentityPoolSpec::default()).await;
    assert_one_pool(&rig, "app").await;
    let claims: std::collections::BTreeSet<String> = rig
        .fake
        .calls()
        .iter()
        .filter(|call| call.operation == CREATE)
        .map(|call| call.request["IdentityPoolTags"]["cognito-identity.dev/claim"].to_string())
        .collect();
    assert_eq!((rig.fake.count(CREATE), claims.len()), (3, 3));
    assert_eq!(
        rig.fake.count("ListIdentityPools"),
        1,
        "the one that is at hand for all; a refusal needs no search"
    );
}

#[tokio::test]
async fn the_call_is_signed_with_the_instant_of_the_claim() {
    let rig = Rig::new("signed").await;
    let _operator = rig.operator().await;
    rig.create("app", IdentityPoolSpec::default()).await;
    rig.until_ready("app").await;
    let call = rig
        .fake
        .calls()
        .into_iter()
        .find(|call| call.operation == CREATE)
        .expect("a call");
    let signed = call.signed_at.expect("signed");
    assert_eq!(signed.as_second(), claimed_at(&call).as_second());
}

#[tokio::test]
async fn two_operators_at_once_make_one_pool_per_object() {
    let rig = hasty_rig("two").await;
    rig.fake
        .configure(|settings| settings.latency = Duration::from_millis(5));
    let _one = rig.operator_with(hasty()).await;
    let _two = rig.operator_with(hasty()).await;
    for n in 0..100 {
        rig.create(&format!("app-{n}"), IdentityPoolSpec::default())
            .await;
    }
    for n in 0..100 {
        assert_one_pool(&rig, &format!("app-{n}")).await;
    }
    assert_eq!(rig.fake.pools().len(), 100);
}

#[tokio::test]
async fn objects_with_one_name_in_aws_do_not_meet() {
    let rig = Rig::new("names").await;
    let _operator = rig.operator().await;
    for name in ["one", "two"] {
        let spec = IdentityPoolSpec {
            identity_pool_name: Some("same".into()),
            ..Default::default()
        };
        rig.create(name, spec).await;
    }
    let one = assert_one_pool(&rig, "one").await;
    let two = assert_one_pool(&rig, "two").await;
    assert_ne!(pool_id(&one), pool_id(&two));
}

#[tokio::test]
async fn an_object_whose_record_was_lost_and_that_was_renamed_gets_its_pool_back() {
    let rig = Rig::new("back").await;
    let operator = rig.operator().await;
    rig.create("app", IdentityPoolSpec::default()).await;
    let before = pool_id(&rig.until_ready("app").await);
    operator.stop().await;
    rig.erase("app").await;
    rig.patch("app", json!({ "spec": { "identityPoolName": "renamed" } }))
        .await;
    let _operator = rig.operator().await;
    let object = assert_one_pool(&rig, "app").await;
    assert_eq!(pool_id(&object), before);
    assert_eq!(rig.pool_of("app").await["IdentityPoolName"], "renamed");
    assert_eq!(rig.fake.count(CREATE), 1);
}

#[tokio::test]
async fn an_object_erased_under_a_living_operator_keeps_its_pool() {
    let rig = Rig::new("erased").await;
    let _operator = rig.operator().await;
    rig.create("app", IdentityPoolSpec::default()).await;
    let before = pool_id(&rig.until_ready("app").await);
    rig.erase("app").await;
    rig.look("app").await;
    let object = assert_one_pool(&rig, "app").await;
    assert_eq!(pool_id(&object), before);
}

#[tokio::test]
async fn a_forged_id_leads_to_no_mutating_call_on_that_pool() {
    let rig = Rig::new("forged").await;
    let operator = rig.operator().await;
    rig.create("app", IdentityPoolSpec::default()).await;
    let ours = pool_id(&rig.until_ready("app").await);
    // One that the operator can see, one in another region, one that never was.
    let seed = |id: &str| {
        rig.fake.seed(
            json!({ "IdentityPoolId": id, "IdentityPoolName": "theirs" }),
            true,
        )
    };
    let visible = seed("eu-west-1:00000000-0000-4000-8000-000000000001");
    let elsewhere = seed("us-east-1:00000000-0000-4000-8000-000000000002");
    for forged in [
        visible.as_str(),
        elsewhere.as_str(),
        "eu-west-1:00000000-0000-4000-8000-000000000003",
    ] {
        rig.patch_status("app", json!({ "identityPoolId": forged }))
            .await;
        rig.look("app").await;
        let object = assert_one_pool(&rig, "app").await;
        assert_eq!(pool_id(&object), ours, "healed");
    }
    operator.stop().await;
    rig.patch_status("app", json!({ "identityPoolId": visible }))
        .await;
    rig.delete("app").await;
    let _operator = rig.operator().await;
    rig.until_gone("app").await;
    assert!(rig.fake.pool(&visible).is_some() && rig.fake.pool(&elsewhere).is_some());
    assert!(rig.fake.pool(&ours).is_none());
    rig.fake.assert_sound();
}

#[tokio::test]
async fn a_foreign_owner_tag_stops_every_write() {
    let rig = Rig::new("foreign").await;
    let _operator = rig.operator().await;
    rig.create("app", IdentityPoolSpec::default()).await;
    let id = pool_id(&rig.until_ready("app").await);
    rig.fake.tamper(&id, |pool| {
        pool["IdentityPoolTags"]["cognito-identity.dev/owner"] = "another/owner".into();
    });
    rig.fake.reset_journal();
    rig.patch("app", json!({ "spec": { "allowClassicFlow": true } }))
        .await;
    let object = rig
        .until_condition("app", "Stalled", "True/ForeignOwner")
        .await;
    assert!(crate::rig::message(&object, "Stalled").contains("another/owner"));
    for operation in [
        "UpdateIdentityPool",
        CREATE,
        "DeleteIdentityPool",
        "TagResource",
        "UntagResource",
    ] {
        assert_eq!(rig.fake.count(operation), 0, "{operation}");
    }
}
