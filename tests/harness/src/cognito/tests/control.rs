//! The control endpoint does what the Rust API does.

use serde_json::{Value, json};

use super::super::FakeCognito;
use super::client::Client;

const CREATE: &str = "CreateIdentityPool";

fn input() -> Value {
    json!({"IdentityPoolName": "shop", "AllowUnauthenticatedIdentities": false})
}

async fn started() -> (FakeCognito, Client) {
    let fake = FakeCognito::start().await;
    let client = Client::of(&fake);
    (fake, client)
}

#[tokio::test]
async fn every_documented_kind_of_fault_can_be_armed() {
    let (fake, client) = started().await;
    let kinds = [
        json!("loseReplyBeforeStatus"),
        json!("loseReplyAfterStatus"),
        json!("cutBody"),
        json!("resetBefore"),
        json!("throttle"),
        json!({"delayBefore": 1}),
        json!({"delayAfter": 1}),
        json!({"errorBefore": {"status": 503, "code": ""}}),
        json!({"errorAfter": {"status": 500, "code": "InternalErrorException"}}),
    ];
    for kind in kinds {
        let fault = json!({"operation": CREATE, "kind": kind});
        assert_eq!(
            client.control("POST", "faults", &fault).await,
            (200, json!({})),
            "{kind}"
        );
    }
    assert_eq!(client.raw(CREATE, &input()).await.unwrap(), "");
    client.control("DELETE", "faults", &json!({})).await;
    assert!(client.call(CREATE, &input()).await.is_ok());
    assert_eq!(fake.pools().len(), 2);
}

#[tokio::test]
async fn pools_are_seeded_tampered_with_shown_and_removed() {
    let (fake, client) = started().await;
    let (_, seeded) = client.control("POST", "seed", &input()).await;
    let id = seeded["pool"].as_str().unwrap();

    let change = json!({"pool": id, "set": {"IdentityPoolName": "changed"}});
    client.control("POST", "tamper", &change).await;
    let (_, pools) = client.control("GET", "pools", &json!({})).await;
    assert_eq!(pools, json!(fake.pools()));
    assert_eq!(pools[0]["IdentityPoolName"], "changed");

    let pool = json!({"pool": id});
    assert_eq!(client.control("POST", "remove", &pool).await.0, 200);
    assert_eq!(client.control("POST", "remove", &pool).await.0, 400);
    assert!(fake.calls().is_empty(), "levers are no calls");
}

#[tokio::test]
async fn calls_and_violations_are_shown_as_sentences_and_json() {
    let (fake, client) = started().await;
    let id = fake.seed(input(), true);
    let delete = json!({"IdentityPoolId": id});
    client.call("DeleteIdentityPool", &delete).await.unwrap();

    let (_, calls) = client.control("GET", "calls", &json!({})).await;
    assert_eq!(calls[0]["operation"], "DeleteIdentityPool");
    assert_eq!(
        (&calls[0]["outcome"], &calls[0]["executed"]),
        (&json!("executed"), &json!(true))
    );
    let (_, violations) = client.control("GET", "violations", &json!({})).await;
    assert_eq!(violations, json!(fake.violations()));
}

#[tokio::test]
async fn settings_are_changed_one_by_one_and_typos_are_refused() {
    let (fake, client) = started().await;
    client
        .control("POST", "settings", &json!({"quota": 0}))
        .await;
    let refusal = client.call(CREATE, &input()).await.unwrap_err();
    assert_eq!(refusal.code, "LimitExceededException");

    let typo = client
        .control("POST", "settings", &json!({"qouta": 5}))
        .await;
    assert_eq!(typo.0, 400);
    assert!(typo.1["error"].as_str().unwrap().contains("qouta"));
    assert_eq!(client.control("GET", "nothing", &json!({})).await.0, 404);
    assert!(fake.pools().is_empty());
}
