//! A pool is made, and is in AWS what it is in the spec.

use serde_json::{Value, json};

use super::{CREATE, id, owner};
use crate::failure::{Failure, require};
use crate::stage::Stage;
use crate::tables;

const MANIFEST: &str = r#"apiVersion: cognito-identity.dev/v1alpha1
kind: IdentityPool
metadata:
  name: web
spec:
  identityPoolName: shop web
  allowUnauthenticatedIdentities: true
  allowClassicFlow: true
  developerProviderName: login.shop.example
  supportedLoginProviders:
    graph.facebook.com: "7346241598935552"
  openIdConnectProviderARNs:
    - arn:aws:iam::123456789012:oidc-provider/login.shop.example
  samlProviderARNs:
    - arn:aws:iam::123456789012:saml-provider/staff
  cognitoIdentityProviders:
    - providerName: cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123
      clientId: 3n4b5urk1ft4fl3mg5e62d9ado
      serverSideTokenCheck: true
  identityPoolTags:
    team: shop
"#;

/// One line for each condition that holds.
const CONDITIONS: &str = r#"jsonpath={range .status.conditions[?(@.status=="True")]}{.type}: {.reason}. {.message}{"\n"}{end}"#;

pub(super) async fn create(stage: &mut Stage) -> Result<(), Failure> {
    stage
        .screen
        .act("Apply an IdentityPool with all nine parameters of CreateIdentityPool.")
        .await;
    stage.apply(MANIFEST).await?;
    let object = stage.wait_for("Ready", "web").await?;
    stage
        .screen
        .say("Look at POOL-ID, which AWS has given, and at the conditions that hold.");
    stage.kubectl(&["get", "idpool"]).await?;
    let conditions = ["get", "idpool", "web", "-o", CONDITIONS];
    stage.kubectl(&conditions).await?;
    stage
        .screen
        .say("Look at the calls that it took, as the fake has counted them.");
    let calls = stage.look("calls").await?;
    tables::calls(&calls);
    let creations = tables::of_operation(&calls, CREATE);
    let parameters = |call: &Value| call["request"].as_object().map_or(0, serde_json::Map::len);
    stage.check(
        matches!(creations[..], [call] if parameters(call) == 9),
        "one CreateIdentityPool call, with nine parameters",
    )?;
    stage.check(
        stage.fake.pool(id(&object)).is_some(),
        "AWS has the pool that status names",
    )
}

pub(super) async fn on_the_wire(stage: &mut Stage) -> Result<(), Failure> {
    stage
        .screen
        .act("Ask AWS for the pool: its wire protocol, with no SDK between.")
        .await;
    let object = stage.object("web").await?;
    stage.teach_cognito();
    let answer = stage.describe(id(&object)).await?;
    require(answer.status == 200, "the pool is described")?;
    tables::pool(&answer.body);
    for (parameter, wanted) in parameters(stage, &object) {
        let found = answer.body[parameter] == wanted;
        require(found, &format!("{parameter} is {wanted}"))?;
    }
    stage.check(
        true,
        "all nine are as in the spec; three more tags say whose pool it is",
    )
}

/// What the manifest comes to in AWS's words.
fn parameters(stage: &Stage, object: &Value) -> [(&'static str, Value); 9] {
    let tag = |key: &str| format!("cognito-identity.dev/{key}");
    let claim = object["metadata"]["annotations"][tag("claim")].as_str();
    let claim: Value = serde_json::from_str(claim.unwrap_or_default()).unwrap_or_default();
    [
        ("IdentityPoolName", json!("shop web")),
        ("AllowUnauthenticatedIdentities", json!(true)),
        ("AllowClassicFlow", json!(true)),
        ("DeveloperProviderName", json!("login.shop.example")),
        (
            "SupportedLoginProviders",
            json!({"graph.facebook.com": "7346241598935552"}),
        ),
        (
            "OpenIdConnectProviderARNs",
            json!(["arn:aws:iam::123456789012:oidc-provider/login.shop.example"]),
        ),
        (
            "SamlProviderARNs",
            json!(["arn:aws:iam::123456789012:saml-provider/staff"]),
        ),
        (
            "CognitoIdentityProviders",
            json!([{
                "ProviderName": "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123",
                "ClientId": "3n4b5urk1ft4fl3mg5e62d9ado",
                "ServerSideTokenCheck": true,
            }]),
        ),
        (
            "IdentityPoolTags",
            json!({
                "team": "shop",
                tag("owner"): owner(stage, object),
                tag("source"): format!("{}/web", stage.namespace),
                tag("claim"): claim["id"],
            }),
        ),
    ]
}
