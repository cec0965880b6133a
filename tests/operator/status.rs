//! Status says what is wrong, whose move it is, and what to do.

use std::time::Duration;

use harness::cognito::{Fault, FaultKind};
use identity_pool_operator::api::{IdentityPoolSpec, IdentityPoolStatus};
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::json;

use crate::rig::{Rig, Setup, condition, message};

const CREATE: &str = "CreateIdentityPool";

fn error(code: &str) -> FaultKind {
    FaultKind::ErrorBefore {
        status: 400,
        code: code.into(),
    }
}

#[tokio::test]
async fn what_a_person_must_mend_is_stalled_with_code_and_advice() {
    for (code, reason) in [
        ("InvalidParameterException", "InvalidRequest"),
        ("LimitExceededException", "QuotaExceeded"),
        ("NotAuthorizedException", "AccessDenied"),
        ("AccessDeniedException", "AccessDenied"),
        ("ExpiredTokenException", "CredentialsRefused"),
    ] {
        let rig = Rig::new("stalled").await;
        rig.fake.inject(Fault::on(CREATE, error(code)).always());
        let _operator = rig.operator().await;
        rig.create("app", IdentityPoolSpec::default()).await;
        let object = rig
            .until_condition("app", "Stalled", &format!("True/{reason}"))
            .await;
        let says = message(&object, "Stalled");
        for part in [CREATE, code, "request id"] {
            assert!(says.contains(part), "{part} not in {says}");
        }
        let status = object.status.clone().unwrap_or_default();
        assert_eq!(condition(&status, "Ready"), format!("False/{reason}"));
        assert_eq!(condition(&status, "Reconciling"), format!("False/{reason}"));
        assert_eq!(rig.fake.count(CREATE), 1, "slow retries");
        rig.fake.clear_faults();
        rig.patch("app", json!({ "spec": { "allowClassicFlow": true } }))
            .await;
        rig.until_ready("app").await;
    }
}

#[tokio::test]
async fn what_mends_itself_is_reconciling() {
    let rig = Rig::new("reconciling").await;
    rig.fake
        .inject(Fault::on(CREATE, FaultKind::Throttle).times(6));
    let _operator = rig.operator().await;
    rig.create("app", IdentityPoolSpec::default()).await;
    rig.until_condition("app", "Reconciling", "True/Throttled")
        .await;
    let object = rig.until_ready("app").await;
    let status = object.status.unwrap_or_default();
    assert_eq!(condition(&status, "Reconciling"), "False/InSync");
    assert_eq!(condition(&status, "Stalled"), "False/InSync");
}

#[tokio::test]
async fn lost_credentials_make_ready_unknown_and_come_back() {
    let rig = Rig::new("credentials").await;
    let setup = Setup {
        resync_period: Duration::from_secs(1),
        ..Setup::default()
    };
    let _operator = rig.operator_with(setup).await;
    rig.create("app", IdentityPoolSpec::default()).await;
    rig.until_ready("app").await;
    rig.fake
        .inject(Fault::on("*", error("ExpiredTokenException")).always());
    rig.until_condition("app", "Ready", "Unknown/CredentialsRefused")
        .await;
    rig.fake.clear_faults();
    rig.ask("app").await;
    rig.until_ready("app").await;
}

#[tokio::test]
async fn a_skewed_clock_creates_nothing_and_says_so() {
    let rig = Rig::new("skew").await;
    rig.fake
        .configure(|settings| settings.date_offset = jiff::SignedDuration::from_secs(90));
    // An object from before the operator: its search hears AWS's clock first.
    rig.create("app", IdentityPoolSpec::default()).await;
    let _operator = rig.operator().await;
    let object = rig
        .until_condition("app", "Stalled", "True/ClockSkew")
        .await;
    assert!(
        message(&object, "Stalled").contains("clock"),
        "{}",
        message(&object, "Stalled")
    );
    assert_eq!(rig.fake.count(CREATE), 0);
    rig.fake
        .configure(|settings| settings.date_offset = jiff::SignedDuration::ZERO);
    rig.ask("app").await;
    rig.until_ready("app").await;
}

#[tokio::test]
async fn what_somebody_else_writes_into_status_is_put_right_at_once() {
    let rig = Rig::new("meddled").await;
    let _operator = rig.operator().await;
    rig.create("app", IdentityPoolSpec::default()).await;
    let status = rig.until_ready("app").await.status;
    let id = status
        .as_ref()
        .and_then(|status| status.identity_pool_id.clone());
    for lie in [
        json!({ "identityPoolId": "eu-west-1:00000000-0000-0000-0000-000000000000" }),
        json!({ "conditions": [] }),
        json!({ "observedGeneration": 7, "appliedHash": null }),
    ] {
        let lie = Patch::Merge(json!({ "status": lie }));
        rig.pools
            .patch_status("app", &PatchParams::default(), &lie)
            .await
            .expect("accepted");
        let truth = |now: &IdentityPoolStatus| {
            now.identity_pool_id == id
                && now.observed_generation == Some(1)
                && condition(now, "Ready") == "True/InSync"
        };
        rig.until("app", "the truth", truth).await;
    }
    assert_eq!(rig.fake.pools().len(), 1);
    assert_eq!(rig.fake.count(CREATE), 1);
    assert_eq!(rig.fake.count("UpdateIdentityPool"), 0);
}

#[tokio::test]
async fn events_tell_transitions_and_nothing_else() {
    let rig = Rig::new("events").await;
    let operator = rig.operator().await;
    rig.fake
        .inject(Fault::on(CREATE, error("LimitExceededException")));
    rig.create("app", IdentityPoolSpec::default()).await;
    rig.until_condition("app", "Stalled", "True/QuotaExceeded")
        .await;
    rig.patch("app", json!({ "spec": { "allowClassicFlow": true } }))
        .await;
    rig.until_ready("app").await;
    rig.look("app").await;
    rig.look("app").await;
    operator.stop().await;
    let events: Api<Event> = Api::namespaced(rig.client.clone(), &rig.namespace);
    let reasons = async || {
        let list = events.list(&ListParams::default()).await.expect("events");
        let mut reasons: Vec<_> = list
            .items
            .into_iter()
            .filter_map(|event| event.reason)
            .collect();
        reasons.sort();
        reasons
    };
    let filed = async {
        while reasons().await.len() < 2 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), filed)
        .await
        .expect("events are filed");
    assert_eq!(reasons().await, ["Created", "QuotaExceeded"]);
}

#[tokio::test]
async fn observed_generation_moves_with_the_conditions_of_that_generation() {
    let rig = Rig::new("generation").await;
    let object = rig.create("app", IdentityPoolSpec::default()).await;
    assert_eq!(
        object.status.and_then(|status| status.observed_generation),
        Some(-1)
    );
    let _operator = rig.operator().await;
    rig.until_ready("app").await;
    rig.patch("app", json!({ "spec": { "allowClassicFlow": true } }))
        .await;
    let object = rig.until_ready("app").await;
    let status = object.status.unwrap_or_default();
    assert_eq!(status.observed_generation, Some(2));
    for condition in status.conditions {
        assert_eq!(
            condition.observed_generation,
            Some(2),
            "{}",
            condition.type_
        );
    }
}

#[tokio::test]
async fn secrets_of_login_providers_never_reach_status_or_events() {
    let rig = Rig::new("secrets").await;
    let _operator = rig.operator().await;
    let spec = json!({ "supportedLoginProviders": { "api.twitter.com": "canaryKey;canarySecret" }, "driftPolicy": "Report" });
    rig.create("app", serde_json::from_value(spec).expect("a spec"))
        .await;
    let id = crate::rig::pool_id(&rig.until_ready("app").await);
    rig.fake.tamper(&id, |pool| {
        pool["SupportedLoginProviders"]["api.twitter.com"] = "otherKey;otherCanary".into();
    });
    rig.ask("app").await;
    let object = rig.until_condition("app", "Drifted", "True/Drifted").await;
    let status = serde_json::to_string(&object.status).expect("text");
    for canary in ["canarySecret", "otherCanary"] {
        assert!(!status.contains(canary), "{status}");
    }
}

/// The status that an object is born with was seen by this process too: that it stands there
/// again, minutes later, is somebody else's work all the same.
#[tokio::test]
async fn a_status_that_is_taken_away_as_a_whole_comes_back_at_once() {
    let rig = Rig::new("erased").await;
    let _operator = rig.operator().await;
    rig.create("app", IdentityPoolSpec::default()).await;
    rig.until_ready("app").await;
    let nothing = Patch::Merge(json!({ "status": null }));
    rig.pools
        .patch_status("app", &PatchParams::default(), &nothing)
        .await
        .expect("accepted");
    rig.until_ready("app").await;
}

/// Once it has looked and found all in order, a status is in order: edits of labels cost no
/// more calls than before the other controller added its condition.
#[tokio::test]
async fn a_condition_of_another_controller_costs_one_look_and_not_one_for_each_edit() {
    let rig = Rig::new("other-condition").await;
    let _operator = rig.operator().await;
    rig.create("app", IdentityPoolSpec::default()).await;
    let status = rig.until_ready("app").await.status.expect("a status");
    let mut conditions = serde_json::to_value(status.conditions).expect("json");
    let theirs = json!({ "type": "Audited", "status": "True", "reason": "Fine", "message": "",
        "lastTransitionTime": "2026-11-24T10:00:00Z" });
    conditions.as_array_mut().expect("a list").push(theirs);
    let patch = Patch::Merge(json!({ "status": { "conditions": conditions } }));
    rig.pools
        .patch_status("app", &PatchParams::default(), &patch)
        .await
        .expect("accepted");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let looks = rig.fake.count("DescribeIdentityPool");
    for edit in 0..10 {
        let labels =
            Patch::Merge(json!({ "metadata": { "labels": { "edit": edit.to_string() } } }));
        rig.pools
            .patch("app", &PatchParams::default(), &labels)
            .await
            .expect("accepted");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(rig.fake.count("DescribeIdentityPool"), looks);
}
