//! Pools that were there before their object, on the wire.

use harness::cognito::{FakeCognito, Fault, FaultKind};
use identity_pool_operator::api::IdentityPoolSpec;
use serde_json::{Value, json};

use crate::rig::{Rig, Setup, condition, message, pool_id};

fn spec(spec: Value) -> IdentityPoolSpec {
    serde_json::from_value(spec).expect("a spec")
}

/// Makes a pool as somebody at the console would, and gives its id.
async fn clicked(rig: &Rig, name: &str) -> String {
    let made = rig
        .console()
        .create_identity_pool()
        .identity_pool_name(name)
        .allow_unauthenticated_identities(true)
        .identity_pool_tags("team", "theirs")
        .send()
        .await;
    made.expect("a pool").identity_pool_id
}

fn allowing() -> Setup {
    Setup {
        allows_adoption: true,
        ..Setup::default()
    }
}

/// Calls that change something.
fn changes(fake: &FakeCognito) -> Vec<String> {
    let calls = fake.calls().into_iter().map(|call| call.operation);
    let looks = ["Describe", "List", "Get"];
    calls
        .filter(|name| !looks.iter().any(|look| name.starts_with(look)))
        .collect()
}

#[tokio::test]
async fn a_pool_is_shown_first_and_taken_over_when_a_person_agrees() {
    let rig = Rig::new("adopt").await;
    let id = clicked(&rig, "console").await;
    rig.fake.reset_journal();
    let before = rig.fake.pool(&id);
    let _operator = rig.operator_with(allowing()).await;
    let adopt = json!({ "identityPoolName": "console" });
    rig.create(
        "app",
        spec(json!({ "identityPoolName": "ours", "adopt": adopt })),
    )
    .await;
    let object = rig
        .until_condition("app", "Stalled", "True/AdoptionPending")
        .await;
    assert_eq!(rig.fake.pool(&id), before);
    assert!(changes(&rig.fake).is_empty());
    let status = object.status.unwrap_or_default();
    let drift = status.drift.unwrap_or_default();
    let name = drift.iter().find(|entry| entry.field == "identityPoolName");
    assert_eq!(name.map(|entry| entry.actual.as_str()), Some("\"console\""));
    let plan = status.plan.unwrap_or_default().into_iter();
    let plan: Vec<String> = plan.map(|call| call.operation).collect();
    rig.patch("app", json!({ "spec": { "adopt": { "overwrite": true } } }))
        .await;
    let object = rig.until_ready("app").await;
    assert_eq!(pool_id(&object), id);
    let pool = rig.pool_of("app").await;
    assert_eq!(pool["IdentityPoolName"], "ours");
    assert_eq!(pool["AllowUnauthenticatedIdentities"], false);
    assert_eq!(pool["IdentityPoolTags"]["team"], "theirs");
    assert_eq!(changes(&rig.fake), ["TagResource", "UpdateIdentityPool"]);
    assert_eq!(changes(&rig.fake), plan, "what was shown was done");
    rig.delete("app").await;
    rig.until_gone("app").await;
    assert!(rig.fake.pool(&id).is_some(), "an adopted pool is retained");
}

#[tokio::test]
async fn an_operator_that_may_not_take_over_pools_says_so() {
    let rig = Rig::new("forbid").await;
    let id = clicked(&rig, "console").await;
    let _operator = rig.operator().await;
    let adopt = json!({ "identityPoolId": id, "overwrite": true });
    rig.create("app", spec(json!({ "adopt": adopt }))).await;
    let object = rig
        .until_condition("app", "Stalled", "True/AdoptionNotAllowed")
        .await;
    assert!(message(&object, "Stalled").contains("--allow-adoption"));
    assert_eq!(rig.fake.pools().len(), 1);
}

#[tokio::test]
async fn a_retained_pool_waits_for_a_word_before_it_comes_back() {
    let rig = Rig::new("previous").await;
    let _operator = rig.operator().await;
    rig.create("app", spec(json!({ "deletionPolicy": "Retain" })))
        .await;
    let id = pool_id(&rig.until_ready("app").await);
    rig.delete("app").await;
    rig.until_gone("app").await;
    rig.create("app", IdentityPoolSpec::default()).await;
    let object = rig
        .until_condition("app", "Stalled", "True/PreviousPoolFound")
        .await;
    assert!(message(&object, "Stalled").contains(&id));
    assert_eq!(rig.fake.pools().len(), 1, "none is made beside it");
    rig.patch("app", json!({ "spec": { "adopt": { "previous": true } } }))
        .await;
    let object = rig.until_ready("app").await;
    assert_eq!(pool_id(&object), id);
    assert_eq!(rig.pools_owned_by(&object), std::slice::from_ref(&id));
    let status = object.status.unwrap_or_default();
    assert_eq!(condition(&status, "Advisory"), "False/NoAdvice");
    assert_eq!(rig.fake.pools().len(), 1);
}

#[tokio::test]
async fn a_new_pool_is_made_beside_the_retained_one_where_that_is_said() {
    let rig = Rig::new("anew").await;
    let _operator = rig.operator().await;
    rig.create("app", spec(json!({ "deletionPolicy": "Retain" })))
        .await;
    let id = pool_id(&rig.until_ready("app").await);
    rig.delete("app").await;
    rig.until_gone("app").await;
    rig.create("app", spec(json!({ "adopt": { "previous": false } })))
        .await;
    assert_ne!(pool_id(&rig.until_ready("app").await), id);
    assert!(rig.fake.pool(&id).is_some());
}

/// Whose the pool was before its tags were set without an answer is no evidence afterwards.
#[tokio::test]
async fn a_pool_that_was_taken_without_an_answer_is_not_doubled_when_the_word_is_taken_back() {
    let rig = Rig::new("lost").await;
    let _operator = rig.operator().await;
    rig.create("app", spec(json!({ "deletionPolicy": "Retain" })))
        .await;
    let id = pool_id(&rig.until_ready("app").await);
    rig.delete("app").await;
    rig.until_gone("app").await;
    rig.fake
        .inject(Fault::on("TagResource", FaultKind::LoseReplyBeforeStatus));
    rig.create("app", spec(json!({ "adopt": { "previous": true } })))
        .await;
    rig.until_condition("app", "Reconciling", "True/AwsUnavailable")
        .await;
    rig.patch("app", json!({ "spec": { "adopt": { "previous": false } } }))
        .await;
    let object = rig.until_ready("app").await;
    assert_eq!(
        rig.pools_owned_by(&object),
        [id],
        "it bears the tag already"
    );
    assert_eq!(rig.fake.count("CreateIdentityPool"), 1, "the first one");
}
