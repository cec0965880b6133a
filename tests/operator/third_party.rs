//! The core flow against an AWS that others wrote, so that our fake cannot agree
//! with our own misunderstanding.

use aws_sdk_cognitoidentity::Client;
use aws_sdk_cognitoidentity::operation::describe_identity_pool::DescribeIdentityPoolOutput;
use harness::ministack::Ministack;
use serde_json::json;

use crate::rig::{Rig, Setup, pool_id};

async fn describe(client: &Client, id: &str) -> DescribeIdentityPoolOutput {
    let described = client
        .describe_identity_pool()
        .identity_pool_id(id)
        .send()
        .await;
    described.expect("the pool is there")
}

#[tokio::test]
async fn the_life_of_a_pool_on_ministack() {
    let ministack = Ministack::start().await.expect("MiniStack starts");
    let rig = Rig::new("ministack").await;
    let setup = Setup {
        endpoint: Some(ministack.endpoint()),
        ..Setup::default()
    };
    let operator = rig.operator_with(setup.clone()).await;
    operator.listed().await;
    let client = Client::new(&rig.sdk_config(&setup));
    let spec = json!({
        "identityPoolName": "first",
        "allowClassicFlow": true,
        "developerProviderName": "login.example",
        "supportedLoginProviders": { "graph.facebook.com": "123" },
        "samlProviderARNs": ["arn:aws:iam::123456789012:saml-provider/corp"],
        "identityPoolTags": { "team": "web" },
    });
    rig.create("app", serde_json::from_value(spec).expect("a spec"))
        .await;
    let id = pool_id(&rig.until_ready("app").await);
    let pool = describe(&client, &id).await;
    assert_eq!(pool.identity_pool_name(), "first");
    assert_eq!(pool.developer_provider_name(), Some("login.example"));
    assert!(
        pool.identity_pool_tags()
            .is_some_and(|tags| tags["team"] == "web")
    );

    rig.set("app", "identityPoolName", &json!("renamed")).await;
    rig.set("app", "samlProviderARNs", &json!(null)).await;
    rig.set("app", "allowClassicFlow", &json!(null)).await;
    rig.until_ready("app").await;
    let pool = describe(&client, &id).await;
    assert_eq!(pool.identity_pool_name(), "renamed");
    assert_eq!(pool.allow_classic_flow(), Some(false));
    assert!(pool.saml_provider_arns().is_empty());

    // Clicked in the console.
    let clicked = client
        .update_identity_pool()
        .identity_pool_id(&id)
        .identity_pool_name("clicked");
    clicked
        .allow_unauthenticated_identities(true)
        .send()
        .await
        .expect("updated");
    rig.look("app").await;
    let pool = describe(&client, &id).await;
    assert_eq!(pool.identity_pool_name(), "renamed");
    assert!(!pool.allow_unauthenticated_identities());

    rig.delete("app").await;
    rig.until_gone("app").await;
    let gone = client
        .describe_identity_pool()
        .identity_pool_id(&id)
        .send()
        .await;
    assert!(gone.is_err_and(|error| error.into_service_error().is_resource_not_found_exception()));
}

#[tokio::test]
async fn a_record_lost_on_ministack_is_found_again() {
    let ministack = Ministack::start().await.expect("MiniStack starts");
    let rig = Rig::new("ministack").await;
    let setup = Setup {
        endpoint: Some(ministack.endpoint()),
        ..Setup::default()
    };
    let operator = rig.operator_with(setup.clone()).await;
    rig.create("app", serde_json::from_value(json!({})).expect("a spec"))
        .await;
    let before = pool_id(&rig.until_ready("app").await);
    operator.kill();
    rig.erase("app").await;
    let _operator = rig.operator_with(setup.clone()).await;
    assert_eq!(pool_id(&rig.until_ready("app").await), before);
    let client = Client::new(&rig.sdk_config(&setup));
    let listed = client
        .list_identity_pools()
        .max_results(60)
        .send()
        .await
        .expect("listed");
    assert_eq!(listed.identity_pools().len(), 1);
}

#[tokio::test]
async fn roles_and_principal_tags_on_ministack() {
    const USER: &str = "arn:aws:iam::123456789012:role/user";
    const STAFF: &str = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Staff";
    let ministack = Ministack::start().await.expect("MiniStack starts");
    let rig = Rig::new("ministack-access").await;
    let setup = Setup {
        endpoint: Some(ministack.endpoint()),
        ..Setup::default()
    };
    let operator = rig.operator_with(setup.clone()).await;
    operator.listed().await;
    let client = Client::new(&rig.sdk_config(&setup));
    let spec = json!({
        "cognitoIdentityProviders": [{ "name": "staff", "providerName": STAFF, "clientId": "abc" }],
        "roles": { "authenticated": USER },
        "roleMappings": [{
            "provider": "staff", "type": "Rules", "ambiguousRoleResolution": "Deny",
            "rules": [{ "claim": "team", "matchType": "Equals", "value": "a", "roleARN": USER }],
        }],
        "principalTagAttributeMaps": [{ "provider": "staff", "principalTags": { "team": "custom:team" } }],
    });
    rig.create("app", serde_json::from_value(spec).expect("a spec"))
        .await;
    let id = pool_id(&rig.until_ready("app").await);
    let roles = || async {
        let found = client
            .get_identity_pool_roles()
            .identity_pool_id(&id)
            .send();
        found.await.expect("roles are read")
    };
    let found = roles().await;
    assert_eq!(
        found.roles().map(|roles| roles["authenticated"].as_str()),
        Some(USER)
    );
    let mapping = found
        .role_mappings()
        .and_then(|all| all.get(&format!("{STAFF}:abc")));
    let by_rules = mapping.and_then(|mapping| mapping.rules_configuration());
    assert_eq!(by_rules.map(|all| all.rules()[0].value()), Some("a"));

    for field in ["roles", "roleMappings", "principalTagAttributeMaps"] {
        rig.set("app", field, &json!(null)).await;
    }
    rig.until_ready("app").await;
    let found = roles().await;
    assert!(
        found
            .roles()
            .is_none_or(std::collections::HashMap::is_empty)
    );
    assert!(
        found
            .role_mappings()
            .is_none_or(std::collections::HashMap::is_empty)
    );
    let tags = client
        .get_principal_tag_attribute_map()
        .identity_pool_id(&id)
        .identity_provider_name(STAFF)
        .send()
        .await
        .expect("a map");
    assert_eq!(tags.use_defaults(), Some(true));
}
