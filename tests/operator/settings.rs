//! AWS equals the spec after every edit, and nothing else changes.

use harness::cognito::{Fault, FaultKind, UpdateMode};
use identity_pool_operator::api::IdentityPoolSpec;
use serde_json::{Value, json};

use crate::rig::{Rig, message, pool_id};

const OIDC: &str = "arn:aws:iam::123456789012:oidc-provider/login.example.com";
const SAML: &str = "arn:aws:iam::123456789012:saml-provider/corp";
const PROVIDER: &str = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Abc123";

/// A spec field, the AWS parameter, and three values: first, changed, and what AWS
/// shows once the field is removed.
fn parameters() -> Vec<(&'static str, &'static str, Value, Value, Value)> {
    let client = |id: &str, check: bool| json!([{ "providerName": PROVIDER, "clientId": id, "serverSideTokenCheck": check }]);
    vec![
        (
            "identityPoolName",
            "IdentityPoolName",
            json!("first"),
            json!("a new name"),
            Value::Null,
        ),
        (
            "allowUnauthenticatedIdentities",
            "AllowUnauthenticatedIdentities",
            json!(true),
            json!(false),
            json!(false),
        ),
        (
            "allowClassicFlow",
            "AllowClassicFlow",
            json!(true),
            json!(false),
            json!(false),
        ),
        (
            "supportedLoginProviders",
            "SupportedLoginProviders",
            json!({"graph.facebook.com": "1"}),
            json!({"accounts.google.com": "x.apps.googleusercontent.com"}),
            json!({}),
        ),
        (
            "openIdConnectProviderARNs",
            "OpenIdConnectProviderARNs",
            json!([OIDC]),
            json!([OIDC, format!("{OIDC}/2")]),
            json!([]),
        ),
        (
            "samlProviderARNs",
            "SamlProviderARNs",
            json!([SAML]),
            json!([format!("{SAML}2")]),
            json!([]),
        ),
        (
            "cognitoIdentityProviders",
            "CognitoIdentityProviders",
            client("abc", true),
            client("def", false),
            json!([]),
        ),
        (
            "identityPoolTags",
            "IdentityPoolTags",
            json!({"team": "web"}),
            json!({"team": "api", "cost": "7"}),
            json!({}),
        ),
    ]
}

/// What the wire shows of a parameter, in the form of the spec.
fn shown(pool: &Value, parameter: &str) -> Value {
    let value = match &pool[parameter] {
        Value::Null => match parameter {
            "SupportedLoginProviders" | "IdentityPoolTags" => json!({}),
            "AllowUnauthenticatedIdentities" | "AllowClassicFlow" => json!(false),
            _ => json!([]),
        },
        value => value.clone(),
    };
    match value {
        Value::Object(mut map) if parameter == "IdentityPoolTags" => {
            map.retain(|key, _| !key.starts_with("cognito-identity.dev/"));
            Value::Object(map)
        }
        Value::Array(items) if parameter == "CognitoIdentityProviders" => {
            let renamed = |item: &Value| {
                json!({
                    "providerName": item["ProviderName"],
                    "clientId": item["ClientId"],
                    "serverSideTokenCheck": item["ServerSideTokenCheck"].as_bool().unwrap_or(false),
                })
            };
            items.iter().map(renamed).collect()
        }
        Value::Array(mut items) => {
            items.sort_by_key(ToString::to_string);
            Value::Array(items)
        }
        other => other,
    }
}

/// The whole pool in the form of the spec.
fn whole(pool: &Value) -> Vec<Value> {
    parameters()
        .iter()
        .map(|(_, parameter, ..)| shown(pool, parameter))
        .collect()
}

#[tokio::test]
async fn each_parameter_is_set_changed_and_removed_and_no_other_moves() {
    for mode in [UpdateMode::Replace, UpdateMode::Merge] {
        let rig = Rig::new("each").await;
        rig.fake.configure(|settings| settings.update_mode = mode);
        let _operator = rig.operator().await;
        rig.create("app", IdentityPoolSpec::default()).await;
        rig.until_ready("app").await;
        let id = pool_id(&rig.until_ready("app").await);
        rig.fake.tamper(&id, |pool| {
            pool["IdentityPoolTags"]["billing"] = "theirs".into();
        });
        for (place, (field, parameter, first, changed, removed)) in
            parameters().into_iter().enumerate()
        {
            for (value, wanted) in [
                (first.clone(), first),
                (changed.clone(), changed),
                (Value::Null, removed),
            ] {
                let before = whole(&rig.pool_of("app").await);
                rig.set("app", field, &value).await;
                rig.until_ready("app").await;
                let pool = rig.pool_of("app").await;
                let mut expected = before;
                expected[place] = match (parameter, wanted) {
                    ("IdentityPoolName", Value::Null) => json!(format!("{}-app", rig.namespace)),
                    ("IdentityPoolTags", mut tags) => {
                        tags["billing"] = json!("theirs");
                        tags
                    }
                    (_, wanted) => wanted,
                };
                assert_eq!(whole(&pool), expected, "{field} = {value}");
            }
        }
        assert_eq!(
            pool_id(&rig.until_ready("app").await),
            id,
            "it is the same pool"
        );
        rig.fake.assert_sound();
    }
}

#[tokio::test]
async fn a_developer_provider_name_is_set_late_and_then_held_fast() {
    let rig = Rig::new("developer").await;
    let _operator = rig.operator().await;
    rig.create("app", IdentityPoolSpec::default()).await;
    let id = pool_id(&rig.until_ready("app").await);
    rig.patch(
        "app",
        json!({ "spec": { "developerProviderName": "login.example" } }),
    )
    .await;
    rig.until_ready("app").await;
    assert_eq!(
        rig.pool_of("app").await["DeveloperProviderName"],
        "login.example"
    );
    for refused in [json!("other"), Value::Null] {
        let patch =
            kube::api::Patch::Merge(json!({ "spec": { "developerProviderName": refused } }));
        let error = rig
            .pools
            .patch("app", &kube::api::PatchParams::default(), &patch)
            .await;
        let error = error.expect_err("refused at admission").to_string();
        assert!(error.contains("developerProviderName"), "{error}");
    }
    rig.patch("app", json!({ "spec": { "allowClassicFlow": true } }))
        .await;
    rig.until_ready("app").await;
    assert_eq!(
        rig.pool_of("app").await["DeveloperProviderName"],
        "login.example"
    );
    // AWS has another than the spec, as after an import or by another hand.
    rig.fake
        .tamper(&id, |pool| pool["DeveloperProviderName"] = "another".into());
    rig.ask("app").await;
    let object = rig
        .until_condition("app", "Stalled", "True/ImmutableField")
        .await;
    assert!(
        message(&object, "Stalled").contains("another"),
        "{}",
        message(&object, "Stalled")
    );
    assert_eq!(rig.pool_of("app").await["DeveloperProviderName"], "another");
}

#[tokio::test]
async fn lists_in_another_order_and_empty_values_are_no_difference() {
    let rig = Rig::new("order").await;
    let _operator = rig.operator().await;
    let arns: Vec<String> = (0..5).map(|n| format!("{OIDC}/{n}")).collect();
    let spec = IdentityPoolSpec {
        open_id_connect_provider_arns: arns,
        ..Default::default()
    };
    rig.create("app", spec).await;
    let id = pool_id(&rig.until_ready("app").await);
    rig.fake.tamper(&id, |pool| {
        if let Some(arns) = pool["OpenIdConnectProviderARNs"].as_array_mut() {
            arns.reverse();
        }
        pool["SamlProviderARNs"] = json!([]);
        pool["SupportedLoginProviders"] = json!({});
    });
    rig.look("app").await;
    assert_eq!(rig.fake.count("UpdateIdentityPool"), 0);
}

#[tokio::test]
async fn a_concurrent_modification_is_repeated_by_the_operator() {
    let rig = Rig::new("concurrent").await;
    let _operator = rig.operator().await;
    rig.create("app", IdentityPoolSpec::default()).await;
    rig.until_ready("app").await;
    let kind = FaultKind::ErrorBefore {
        status: 400,
        code: "ConcurrentModificationException".into(),
    };
    rig.fake
        .inject(Fault::on("UpdateIdentityPool", kind).times(2));
    rig.patch("app", json!({ "spec": { "allowClassicFlow": true } }))
        .await;
    rig.until_ready("app").await;
    assert_eq!(rig.pool_of("app").await["AllowClassicFlow"], true);
}

#[tokio::test]
async fn what_is_clicked_in_the_console_is_put_right() {
    let rig = Rig::new("drift").await;
    let operator = rig.operator().await;
    rig.create("app", IdentityPoolSpec::default()).await;
    let id = pool_id(&rig.until_ready("app").await);
    rig.fake.tamper(&id, |pool| {
        pool["AllowUnauthenticatedIdentities"] = true.into();
    });
    rig.look("app").await;
    assert_eq!(
        rig.pool_of("app").await["AllowUnauthenticatedIdentities"],
        false
    );
    let line =
        "identity_pool_operator_drift_corrected_total{field=\"allowUnauthenticatedIdentities\"} 1";
    // Counted when the pass has ended, which is after its status.
    operator.until_counted(line).await;
}

#[tokio::test]
async fn drift_is_only_reported_where_the_policy_says_so() {
    let rig = Rig::new("report").await;
    let _operator = rig.operator().await;
    rig.create("app", IdentityPoolSpec::default()).await;
    rig.patch("app", json!({ "spec": { "driftPolicy": "Report" } }))
        .await;
    let id = pool_id(&rig.until_ready("app").await);
    rig.fake
        .tamper(&id, |pool| pool["IdentityPoolName"] = "clicked".into());
    rig.ask("app").await;
    let object = rig.until_condition("app", "Drifted", "True/Drifted").await;
    let drift = object
        .status
        .and_then(|status| status.drift)
        .unwrap_or_default();
    assert_eq!(drift.len(), 1);
    assert_eq!(
        (drift[0].field.as_str(), drift[0].actual.as_str()),
        ("identityPoolName", "\"clicked\"")
    );
    assert_eq!(rig.fake.count("UpdateIdentityPool"), 0);
    rig.patch("app", json!({ "spec": { "driftPolicy": "Correct" } }))
        .await;
    let object = rig.until_ready("app").await;
    assert_eq!(object.status.and_then(|status| status.drift), None);
}

#[tokio::test]
async fn suspended_objects_are_left_alone() {
    let rig = Rig::new("suspend").await;
    let _operator = rig.operator().await;
    let spec = serde_json::from_value(json!({ "managementPolicy": "Suspend" })).expect("a spec");
    rig.create("app", spec).await;
    rig.until_condition("app", "Ready", "Unknown/Suspended")
        .await;
    assert_eq!(rig.fake.calls().len(), 0);
    rig.patch("app", json!({ "spec": { "managementPolicy": "Manage" } }))
        .await;
    rig.until_ready("app").await;
}
