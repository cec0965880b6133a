//! IAM policies on the wire: what a caller is not allowed is denied in AWS's words.

use serde_json::{Value, json};

use super::super::FakeCognito;
use super::client::Client;

const ROLE: &str = "arn:aws:iam::123456789012:role/apps/user";

/// A fake that lets a client do what these statements say.
async fn started(statements: &Value) -> (FakeCognito, Client) {
    let fake = FakeCognito::start().await;
    let client = Client::of(&fake);
    restrict(&fake, &client, statements);
    (fake, client)
}

/// Lets the client do what these statements say, and no more.
fn restrict(fake: &FakeCognito, client: &Client, statements: &Value) {
    let document = json!({"Version": "2012-10-17", "Statement": statements});
    let policy = document.to_string().parse().unwrap();
    fake.configure(|settings| settings.policies = [(client.access_key.clone(), policy)].into());
}

fn allow(actions: &[&str], resource: &str, condition: &Value) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": resource, "Condition": condition})
}

async fn refused(client: &Client, operation: &str, input: &Value) -> String {
    let refusal = client.call(operation, input).await.unwrap_err();
    format!("{}: {}", refusal.code, refusal.message)
}

fn creation(tags: &Value) -> Value {
    json!({"IdentityPoolName": "x", "AllowUnauthenticatedIdentities": false, "IdentityPoolTags": tags})
}

#[tokio::test]
async fn a_creation_needs_its_tags_allowed_too() {
    let like = json!({"StringLike": {"aws:RequestTag/owner": "us/*"}});
    let create = allow(&["cognito-identity:CreateIdentityPool"], "*", &like);
    let (fake, client) = started(&json!([create])).await;
    let owned = creation(&json!({"owner": "us/1"}));
    let said = refused(&client, "CreateIdentityPool", &owned).await;
    assert!(
        said.starts_with("AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/")
            && said.contains(" is not authorized to perform: cognito-identity:TagResource on resource: arn:aws:cognito-identity:")
            && said.ends_with(" because no identity-based policy allows the cognito-identity:TagResource action"),
        "{said}"
    );
    let tag = allow(
        &["cognito-identity:TagResource"],
        "arn:aws:cognito-identity:*:*:identitypool/*",
        &like,
    );
    restrict(&fake, &client, &json!([create, tag]));
    client.call("CreateIdentityPool", &owned).await.unwrap();
    for tags in [json!({"owner": "them/1"}), json!({"team": "a"}), json!({})] {
        let said = refused(&client, "CreateIdentityPool", &creation(&tags)).await;
        assert!(
            said.contains("cognito-identity:CreateIdentityPool on resource: *"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn tags_of_the_pool_decide_about_changes_and_those_of_an_update_count_as_tag_calls() {
    let own = json!({"StringEquals": {"aws:ResourceTag/owner": "us"}});
    let changes = [
        "cognito-identity:UpdateIdentityPool",
        "cognito-identity:DeleteIdentityPool",
    ];
    let only_changes = json!([allow(&changes, "*", &own)]);
    let (fake, client) = started(&only_changes).await;
    let pool = |owner: &str| {
        fake.seed(
            json!({"IdentityPoolName": "x", "IdentityPoolTags": {"owner": owner, "old": "1"}}),
            false,
        )
    };
    let (ours, theirs) = (pool("us"), pool("them"));
    let update = |id: &str, tags: Option<Value>| {
        let mut input = json!({"IdentityPoolId": id, "IdentityPoolName": "y", "AllowUnauthenticatedIdentities": false});
        if let Some(tags) = tags {
            input["IdentityPoolTags"] = tags;
        }
        input
    };
    client
        .call("UpdateIdentityPool", &update(&ours, None))
        .await
        .unwrap();
    let said = refused(&client, "UpdateIdentityPool", &update(&theirs, None)).await;
    assert!(
        said.contains("cognito-identity:UpdateIdentityPool on resource: arn:aws:"),
        "{said}"
    );
    let said = refused(
        &client,
        "DeleteIdentityPool",
        &json!({"IdentityPoolId": theirs}),
    )
    .await;
    assert!(
        said.contains("cognito-identity:DeleteIdentityPool"),
        "{said}"
    );
    let fewer = update(&ours, Some(json!({"owner": "us"})));
    let said = refused(&client, "UpdateIdentityPool", &fewer).await;
    assert!(said.contains("cognito-identity:TagResource"), "{said}");
    let tagging = [changes[0], "cognito-identity:TagResource"];
    restrict(&fake, &client, &json!([allow(&tagging, "*", &own)]));
    let said = refused(&client, "UpdateIdentityPool", &fewer).await;
    assert!(said.contains("cognito-identity:UntagResource"), "{said}");
    restrict(
        &fake,
        &client,
        &json!([allow(&["cognito-identity:*"], "*", &own)]),
    );
    client.call("UpdateIdentityPool", &fewer).await.unwrap();
}

#[tokio::test]
async fn roles_have_to_be_passed() {
    let set = allow(&["cognito-identity:SetIdentityPoolRoles"], "*", &json!({}));
    let pass = allow(
        &["iam:PassRole"],
        "arn:aws:iam::123456789012:role/apps/*",
        &json!({}),
    );
    let (fake, client) = started(&json!([set, pass])).await;
    let id = fake.seed(
        json!({"SupportedLoginProviders": {"graph.facebook.com": "1"}}),
        false,
    );
    let roles = |role: &str, ruled: &str| {
        let rule = json!({"Claim": "a", "MatchType": "Equals", "Value": "b", "RoleARN": ruled});
        let mapping = json!({"Type": "Rules", "AmbiguousRoleResolution": "Deny", "RulesConfiguration": {"Rules": [rule]}});
        json!({"IdentityPoolId": id, "Roles": {"authenticated": role}, "RoleMappings": {"graph.facebook.com": mapping}})
    };
    let admin = "arn:aws:iam::123456789012:role/admin";
    client
        .call("SetIdentityPoolRoles", &roles(ROLE, ROLE))
        .await
        .unwrap();
    for (role, ruled) in [(admin, ROLE), (ROLE, admin)] {
        let said = refused(&client, "SetIdentityPoolRoles", &roles(role, ruled)).await;
        assert_eq!(
            said,
            format!("NotAuthorizedException: Access to Role '{admin}' is forbidden.")
        );
    }
}

#[tokio::test]
async fn a_denial_is_told_from_what_nobody_allowed() {
    let all = allow(&["*"], "*", &json!({}));
    let deny = json!({"Effect": "Deny", "Action": "cognito-identity:List*", "Resource": "*",
        "Condition": {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}});
    let (fake, client) = started(&json!([all, deny])).await;
    let said = refused(&client, "ListIdentityPools", &json!({"MaxResults": 1})).await;
    assert!(
        said.ends_with("with an explicit deny in an identity-based policy"),
        "{said}"
    );
    fake.configure(|settings| settings.policies.clear());
    client
        .call("ListIdentityPools", &json!({"MaxResults": 1}))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_policy_is_set_by_the_control_endpoint_and_refused_when_it_is_none() {
    let fake = FakeCognito::start().await;
    let client = Client::of(&fake);
    let list = json!({"MaxResults": 1});
    let nothing = json!({"Version": "2012-10-17", "Statement": []});
    let key = client.access_key.clone();
    let change = json!({"policies": {key.clone(): nothing}});
    let (status, _) = client.control("POST", "settings", &change).await;
    assert_eq!(status, 200);
    assert!(
        refused(&client, "ListIdentityPools", &list)
            .await
            .contains("on resource: *")
    );
    client
        .with_key("ANOTHER")
        .call("ListIdentityPools", &list)
        .await
        .unwrap();
    let change = json!({"policies": {key: {"Version": "2008-10-17", "Statement": []}}});
    let (status, said) = client.control("POST", "settings", &change).await;
    assert_eq!(status, 400);
    assert!(said.to_string().contains("2012-10-17"), "{said}");
}
