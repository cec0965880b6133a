//! The monitors see what they must see and nothing else.

use serde_json::{Value, json};

use super::super::FakeCognito;
use super::client::Client;

const OWNER: &str = "cognito-identity.dev/owner";

fn owned(owner: &str) -> Value {
    json!({
        "IdentityPoolName": "shop",
        "AllowUnauthenticatedIdentities": false,
        "IdentityPoolTags": {OWNER: owner},
    })
}

fn arn(id: &str) -> String {
    format!("arn:aws:cognito-identity:us-east-1:123456789012:identitypool/{id}")
}

async fn create(client: &Client, owner: &str) -> String {
    let pool = client
        .call("CreateIdentityPool", &owned(owner))
        .await
        .unwrap();
    pool["IdentityPoolId"].as_str().unwrap().to_owned()
}

async fn started() -> (FakeCognito, Client) {
    let fake = FakeCognito::start().await;
    let client = Client::of(&fake);
    (fake, client)
}

#[tokio::test]
async fn a_second_pool_of_one_owner_is_a_violation() {
    let (fake, client) = started().await;
    let first = create(&client, "cluster/uid-1").await;
    create(&client, "cluster/uid-2").await;
    fake.assert_sound();

    create(&client, "cluster/uid-1").await;
    let violations = fake.violations();
    assert_eq!(violations.len(), 1);
    assert!(violations[0].contains("cluster/uid-1"), "{violations:?}");
    assert!(violations[0].contains(&first), "{violations:?}");
}

#[tokio::test]
async fn the_same_owner_in_another_region_or_account_or_after_deletion_is_none() {
    let (fake, client) = started().await;
    fake.configure(|settings| {
        settings
            .accounts
            .insert("OTHER".to_owned(), "210987654321".to_owned());
    });
    let first = create(&client, "cluster/uid").await;
    create(&client.in_region("eu-west-1"), "cluster/uid").await;
    create(&client.with_key("OTHER"), "cluster/uid").await;
    let gone = json!({"IdentityPoolId": first});
    client.call("DeleteIdentityPool", &gone).await.unwrap();
    create(&client, "cluster/uid").await;
    fake.assert_sound();
}

#[tokio::test]
async fn the_owner_index_follows_tampering() {
    let (fake, client) = started().await;
    let first = create(&client, "cluster/uid").await;
    fake.tamper(&first, |pool| pool["IdentityPoolTags"] = json!({}));
    create(&client, "cluster/uid").await;
    fake.assert_sound();
}

#[tokio::test]
async fn every_write_to_a_foreign_pool_is_a_violation_even_when_refused() {
    let (fake, client) = started().await;
    let id = fake.seed(owned("another/uid"), true);
    let writes = [
        ("UpdateIdentityPool", json!({"IdentityPoolId": id})),
        (
            "SetIdentityPoolRoles",
            json!({"IdentityPoolId": id, "Roles": {}}),
        ),
        (
            "SetPrincipalTagAttributeMap",
            json!({"IdentityPoolId": id, "IdentityProviderName": "graph.facebook.com"}),
        ),
        (
            "TagResource",
            json!({"ResourceArn": arn(&id), "Tags": {"a": "b"}}),
        ),
        (
            "UntagResource",
            json!({"ResourceArn": arn(&id), "TagKeys": ["a"]}),
        ),
        ("DeleteIdentityPool", json!({"IdentityPoolId": id})),
    ];
    for (index, (operation, input)) in writes.iter().enumerate() {
        let _ = client.call(operation, input).await;
        let violations = fake.violations();
        assert_eq!(violations.len(), index + 1, "{violations:?}");
        assert!(violations[index].contains(operation), "{violations:?}");
    }
}

#[tokio::test]
async fn reading_a_foreign_pool_is_none() {
    let (fake, client) = started().await;
    let id = fake.seed(json!({"IdentityPoolName": "theirs"}), true);
    let input = json!({"IdentityPoolId": id});
    client.call("DescribeIdentityPool", &input).await.unwrap();
    client.call("GetIdentityPoolRoles", &input).await.unwrap();
    fake.assert_sound();
}

#[tokio::test]
async fn a_write_to_a_pool_without_owner_is_a_violation() {
    let (fake, client) = started().await;
    let id = fake.seed(json!({"IdentityPoolName": "nobody's"}), false);
    let input = json!({"IdentityPoolId": id});
    client.call("DeleteIdentityPool", &input).await.unwrap();
    assert!(fake.violations()[0].contains("has no owner tag"));
}

#[tokio::test]
async fn changing_or_removing_an_owner_is_a_violation_and_keeping_it_is_none() {
    let (fake, client) = started().await;
    let id = create(&client, "cluster/uid").await;
    let mut same = owned("cluster/uid");
    same["IdentityPoolId"] = json!(id);
    client.call("UpdateIdentityPool", &same).await.unwrap();
    fake.assert_sound();

    let change = json!({"ResourceArn": arn(&id), "Tags": {OWNER: "cluster/other"}});
    client.call("TagResource", &change).await.unwrap();
    let removal = json!({"ResourceArn": arn(&id), "TagKeys": [OWNER]});
    client.call("UntagResource", &removal).await.unwrap();
    let violations = fake.violations();
    assert!(
        violations[0].contains("from cluster/uid to cluster/other"),
        "{violations:?}"
    );
    assert!(
        violations[1].contains("removed the owner cluster/other"),
        "{violations:?}"
    );
    assert_eq!(violations.len(), 2);
}

#[tokio::test]
async fn an_expected_handover_may_tag_and_untag_the_owner() {
    let (fake, client) = started().await;
    let id = fake.seed(json!({"IdentityPoolName": "to adopt"}), true);
    fake.expect_handover(&id);
    let adoption = json!({"ResourceArn": arn(&id), "Tags": {OWNER: "cluster/uid"}});
    client.call("TagResource", &adoption).await.unwrap();
    let release = json!({"ResourceArn": arn(&id), "TagKeys": [OWNER]});
    client.call("UntagResource", &release).await.unwrap();
    fake.assert_sound();
}

#[tokio::test]
#[should_panic(expected = "1 broken promises")]
async fn assert_sound_fails_the_test_that_broke_a_promise() {
    let (fake, client) = started().await;
    create(&client, "cluster/uid").await;
    create(&client, "cluster/uid").await;
    fake.assert_sound();
}
