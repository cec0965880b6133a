//! What the account and the service are set to: quotas, rates, lags, modes.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::{FakeCognito, UpdateMode};
use super::client::Client;

fn pool(name: &str) -> Value {
    json!({"IdentityPoolName": name, "AllowUnauthenticatedIdentities": false})
}

async fn started() -> (FakeCognito, Client) {
    let fake = FakeCognito::start().await;
    let client = Client::of(&fake);
    (fake, client)
}

async fn create(client: &Client, name: &str) -> Result<String, String> {
    let made = client.call("CreateIdentityPool", &pool(name)).await;
    made.map(|pool| pool["IdentityPoolId"].as_str().unwrap().to_owned())
        .map_err(|refusal| refusal.code)
}

async fn list(client: &Client, size: usize) -> Vec<String> {
    let (mut ids, mut token) = (Vec::new(), Value::Null);
    loop {
        let input = json!({"MaxResults": size, "NextToken": token});
        let mut page = client.call("ListIdentityPools", &input).await.unwrap();
        let pools = page["IdentityPools"].as_array().unwrap();
        assert!(pools.len() <= size);
        let id = |pool: &Value| pool["IdentityPoolId"].as_str().unwrap().to_owned();
        ids.extend(pools.iter().map(id));
        token = page["NextToken"].take();
        if token.is_null() {
            return ids;
        }
    }
}

#[tokio::test]
async fn a_sweep_lists_every_pool_once_and_no_two_sweeps_agree_on_the_order() {
    let (fake, client) = started().await;
    let seeded: BTreeSet<String> = (0..130).map(|_| fake.seed(json!({}), true)).collect();
    let (first, second) = (list(&client, 60).await, list(&client, 7).await);
    assert_eq!((first.len(), second.len()), (130, 130));
    assert_eq!(first.iter().cloned().collect::<BTreeSet<_>>(), seeded);
    assert_eq!(second.iter().cloned().collect::<BTreeSet<_>>(), seeded);
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_lagging_list_hides_the_new_and_shows_the_deleted() {
    let (fake, client) = started().await;
    let old = fake.seed(json!({}), true);
    let lag = Duration::from_millis(500);
    tokio::time::sleep(lag).await;
    fake.configure(|settings| settings.list_lag = lag);
    let new = create(&client, "new").await.unwrap();
    fake.remove(&old);
    assert_eq!(list(&client, 60).await, [old]);

    tokio::time::sleep(lag).await;
    assert_eq!(list(&client, 60).await, [new]);
}

#[tokio::test]
async fn a_new_pool_may_be_unknown_to_describe_for_a_while() {
    let (fake, client) = started().await;
    fake.configure(|settings| settings.describe_lag = Duration::from_millis(200));
    let id = create(&client, "new").await.unwrap();
    let input = json!({"IdentityPoolId": id});
    let refusal = client
        .call("DescribeIdentityPool", &input)
        .await
        .unwrap_err();
    assert_eq!(refusal.code, "ResourceNotFoundException");
    tokio::time::sleep(Duration::from_millis(220)).await;
    assert!(client.call("DescribeIdentityPool", &input).await.is_ok());
}

#[tokio::test]
async fn the_quota_counts_live_pools_of_one_region() {
    let (fake, client) = started().await;
    fake.configure(|settings| settings.quota = 1);
    let first = create(&client, "a").await.unwrap();
    assert_eq!(
        create(&client, "b").await,
        Err("LimitExceededException".to_owned())
    );
    assert!(create(&client.in_region("eu-west-1"), "c").await.is_ok());
    fake.remove(&first);
    assert!(create(&client, "d").await.is_ok());
}

#[tokio::test]
async fn merging_updates_keep_what_they_leave_out() {
    let (fake, client) = started().await;
    fake.configure(|settings| settings.update_mode = UpdateMode::Merge);
    let mut input = pool("a");
    input["AllowClassicFlow"] = json!(true);
    input["IdentityPoolId"] = json!(fake.seed(input.clone(), false));
    input.as_object_mut().unwrap().remove("AllowClassicFlow");
    let updated = client.call("UpdateIdentityPool", &input).await.unwrap();
    assert_eq!(updated["AllowClassicFlow"], true);
}

#[tokio::test]
async fn overlapping_writes_of_one_pool_are_refused_and_of_two_are_not() {
    let (fake, client) = started().await;
    fake.configure(|settings| settings.latency = Duration::from_millis(400));
    let (one, two) = (fake.seed(pool("one"), false), fake.seed(pool("two"), false));
    let set_roles = |id: &str| {
        let (client, input) = (client.clone(), json!({"IdentityPoolId": id, "Roles": {}}));
        tokio::spawn(async move { client.call("SetIdentityPoolRoles", &input).await })
    };
    let (first, other) = (set_roles(&one), set_roles(&two));
    tokio::time::sleep(Duration::from_millis(150)).await;
    let mut update = pool("one");
    update["IdentityPoolId"] = json!(one);
    let refusal = client
        .call("UpdateIdentityPool", &update)
        .await
        .unwrap_err();
    assert_eq!(refusal.code, "ConcurrentModificationException");

    assert!(first.await.unwrap().is_ok() && other.await.unwrap().is_ok());
    assert!(
        client.call("UpdateIdentityPool", &update).await.is_ok(),
        "the lock is gone"
    );
}

#[tokio::test]
async fn latency_is_the_service_time_of_every_call() {
    let (fake, client) = started().await;
    fake.configure(|settings| settings.latency = Duration::from_millis(100));
    let start = Instant::now();
    client.call("GetCallerIdentity", &json!({})).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn an_operation_over_its_rate_is_throttled_and_others_are_not() {
    let (fake, client) = started().await;
    fake.configure(|settings| {
        settings.rates.insert("CreateIdentityPool".to_owned(), 2.0);
    });
    let mut codes = Vec::new();
    for name in ["a", "b", "c"] {
        codes.push(create(&client, name).await.err().unwrap_or_default());
    }
    assert_eq!(codes, ["", "", "TooManyRequestsException"]);
    assert_eq!(list(&client, 60).await.len(), 2);
}

#[tokio::test]
async fn a_denied_operation_is_denied_until_it_is_allowed() {
    let (fake, client) = started().await;
    fake.configure(|settings| {
        settings.denied.insert("CreateIdentityPool".to_owned());
    });
    assert_eq!(
        create(&client, "a").await,
        Err("AccessDeniedException".to_owned())
    );
    fake.configure(|settings| settings.denied.clear());
    assert!(create(&client, "a").await.is_ok());
}

#[tokio::test]
async fn a_user_pool_and_a_role_may_be_missing_for_a_while() {
    let (fake, client) = started().await;
    let role = "arn:aws:iam::123456789012:role/late";
    fake.configure(|settings| {
        settings
            .missing_user_pools
            .insert("us-east-1_Late".to_owned());
        settings.forbidden_roles.insert(role.to_owned());
    });
    let mut input = pool("a");
    input["CognitoIdentityProviders"] = json!([
        {"ProviderName": "cognito-idp.us-east-1.amazonaws.com/us-east-1_Late", "ClientId": "c"}
    ]);
    let refusal = client.call("CreateIdentityPool", &input).await.unwrap_err();
    assert_eq!(refusal.code, "InvalidParameterException");

    let id = fake.seed(pool("b"), false);
    let roles = json!({"IdentityPoolId": id, "Roles": {"authenticated": role}});
    let refusal = client
        .call("SetIdentityPoolRoles", &roles)
        .await
        .unwrap_err();
    assert_eq!(refusal.code, "NotAuthorizedException");
}

#[tokio::test]
async fn an_access_key_has_its_own_account_and_pools() {
    let (fake, client) = started().await;
    fake.configure(|settings| {
        settings
            .accounts
            .insert("KEYB".to_owned(), "210987654321".to_owned());
    });
    let id = create(&client, "a").await.unwrap();
    let other = client.with_key("KEYB");
    let input = json!({"IdentityPoolId": id});
    let refusal = other
        .call("DescribeIdentityPool", &input)
        .await
        .unwrap_err();
    assert_eq!(refusal.code, "ResourceNotFoundException");
    let caller = other.call("GetCallerIdentity", &json!({})).await.unwrap();
    assert_eq!(caller["Account"], "210987654321");
}

#[tokio::test]
async fn tampering_changes_what_the_wire_shows() {
    let (fake, client) = started().await;
    let id = create(&client, "a").await.unwrap();
    fake.tamper(&id, |pool| pool["IdentityPoolName"] = json!("changed"));
    fake.add_identity(&id);
    let described = client
        .call("DescribeIdentityPool", &json!({"IdentityPoolId": id}))
        .await
        .unwrap();
    assert_eq!(described["IdentityPoolName"], "changed");
    let input = json!({"IdentityPoolId": id, "MaxResults": 60});
    let identities = client.call("ListIdentities", &input).await.unwrap();
    assert_eq!(identities["Identities"].as_array().unwrap().len(), 1);
    assert_eq!(fake.pool(&id).unwrap(), described);
}
