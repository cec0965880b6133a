//! A tenant with `edit` in its namespace tries the threats T1 to T8 of docs/security.md, and gets
//! nothing but sentences.

use identity_pool_operator::api::{IdentityPool, IdentityPoolClass};
use k8s_openapi::api::rbac::v1::PolicyRule;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, Error, ResourceExt};
use serde_json::{Value, json};

use crate::permissions::{grant, until_allowed};
use crate::rig::{ACCOUNT, Rig, condition, message};

const USERS: &str = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Staff";

/// What the chart adds to the `ClusterRole` edit, and what edit has of references.
fn edit() -> Vec<PolicyRule> {
    let all = [
        "get", "list", "watch", "create", "update", "patch", "delete",
    ];
    let rule = |group: &str, resources: &[&str]| PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(resources.iter().map(ToString::to_string).collect()),
        verbs: all.iter().map(ToString::to_string).collect(),
        ..PolicyRule::default()
    };
    vec![
        rule("cognito-identity.dev", &["identitypools"]),
        rule("", &["configmaps", "secrets"]),
    ]
}

struct Tenant {
    client: Client,
    pools: Api<IdentityPool>,
    class: String,
}

impl Tenant {
    async fn new(rig: &Rig) -> Self {
        let user = format!("tenant-{}", rig.namespace);
        grant(rig, &user, "edit", edit()).await;
        until_allowed::<IdentityPool>(rig, &user).await;
        let client = rig.plane.client_for(&user, &[]).await.expect("a client");
        let class = rig
            .class(
                "offer",
                json!({ "guardrails": {
                    "roleARNs": [format!("arn:aws:iam::{ACCOUNT}:role/apps/*")],
                    "providers": { "userPools": [USERS], "social": ["api.twitter.com"] },
                } }),
            )
            .await;
        Self {
            pools: Api::namespaced(client.clone(), &rig.namespace),
            client,
            class,
        }
    }

    /// Applies an object with unknown fields refused, as kubectl does.
    async fn apply(&self, name: &str, mut spec: Value) -> Result<IdentityPool, Error> {
        let fields = spec.as_object_mut().expect("an object");
        fields.entry("className").or_insert(json!(self.class));
        let object = json!({
            "apiVersion": "cognito-identity.dev/v1alpha1",
            "kind": "IdentityPool",
            "metadata": { "name": name },
            "spec": spec,
        });
        let params = PatchParams {
            field_validation: Some(kube::api::ValidationDirective::Strict),
            ..PatchParams::apply("tenant").force()
        };
        self.pools
            .patch(name, &params, &Patch::Apply(&object))
            .await
    }

    /// The apiserver itself refuses it, with this in its sentence.
    async fn is_refused(&self, threat: &str, spec: Value, sentence: &str) {
        let answer = self.apply("refused", spec).await;
        let Err(Error::Api(status)) = answer else {
            panic!("{threat}: {answer:?}");
        };
        assert!(
            status.message.contains(sentence),
            "{threat}: {}",
            status.message
        );
    }
}

/// The operator holds it back, and names these.
async fn is_stalled(rig: &Rig, name: &str, reason: &str, parts: &[&str]) {
    let wanted = format!("True/{reason}");
    let object = rig.until_condition(name, "Stalled", &wanted).await;
    let told = message(&object, "Ready");
    for part in parts {
        assert!(told.contains(part), "{name}: {part} is not in {told}");
    }
}

fn forbidden<T: std::fmt::Debug>(answer: Result<T, Error>) -> String {
    match answer {
        Err(Error::Api(status)) if status.code == 403 => status.message,
        other => panic!("not forbidden: {other:?}"),
    }
}

#[tokio::test]
async fn a_tenant_who_tries_everything_gets_nothing_but_sentences() {
    let rig = Rig::new("tenant").await;
    let tenant = Tenant::new(&rig).await;
    let theirs = rig.fake.seed(
        json!({
            "IdentityPoolId": "eu-west-1:0b1f1b1e-5c3a-4c0e-9c33-aaaaaaaaaaaa",
            "IdentityPoolName": "production",
            "IdentityPoolTags": { "team": "other" },
        }),
        true,
    );
    let foreign_class = rig
        .class(
            "foreign",
            json!({ "allowedNamespaces": { "matchLabels": { "team": "other" } } }),
        )
        .await;
    let operator = rig.operator_of_classes().await;
    tenant
        .apply("own", json!({}))
        .await
        .expect("what is allowed");
    rig.until_ready("own").await;

    takes_no_pool(&rig, &tenant, &theirs).await;
    forges_no_record(&rig, &tenant, &theirs).await;
    passes_no_role(&rig, &tenant).await;
    lets_nobody_in(&rig, &tenant).await;
    reaches_nowhere_else(&rig, &tenant, &foreign_class).await;
    nothing_came_of_it(&rig, &theirs).await;
    operator.stop().await;
}

/// T1: a pool of another team.
async fn takes_no_pool(rig: &Rig, tenant: &Tenant, theirs: &str) {
    for (name, adopt) in [
        (
            "t1-id",
            json!({ "identityPoolId": theirs, "overwrite": true }),
        ),
        (
            "t1-name",
            json!({ "identityPoolName": "production", "overwrite": true }),
        ),
    ] {
        tenant
            .apply(name, json!({ "adopt": adopt }))
            .await
            .expect("legal");
        is_stalled(rig, name, "DeniedByClass", &["allowAdoption", "spec.adopt"]).await;
    }
}

/// T2: status may not be written, and a forged claim leads nowhere.
async fn forges_no_record(rig: &Rig, tenant: &Tenant, theirs: &str) {
    let forged = Patch::Merge(json!({ "status": { "identityPoolId": theirs } }));
    let answer = tenant
        .pools
        .patch_status("own", &PatchParams::default(), &forged)
        .await;
    assert!(forbidden(answer).contains("identitypools/status"));
    tenant
        .apply("t2", json!({ "deletionPolicy": "Delete" }))
        .await
        .expect("legal");
    let ready = rig.until_ready("t2").await;
    let claim = json!({ "id": uuid::Uuid::now_v7(), "uid": ready.uid(), "accountId": "999999999999", "region": "us-east-1" });
    let claim = json!({ "metadata": { "annotations": { "cognito-identity.dev/claim": claim.to_string() } } });
    let patched = tenant
        .pools
        .patch("t2", &PatchParams::default(), &Patch::Merge(claim))
        .await;
    patched.expect("annotations may be written");
    rig.ask("t2").await;
    is_stalled(rig, "t2", "AccountMismatch", &["999999999999"]).await;
}

/// T3: any role, in each place, and from elsewhere.
async fn passes_no_role(rig: &Rig, tenant: &Tenant) {
    let admin = format!("arn:aws:iam::{ACCOUNT}:role/admin");
    let rules = json!([{ "claim": "c", "matchType": "Equals", "value": "v", "roleARN": admin }]);
    let map = json!({ "metadata": { "name": "ids" }, "data": { "role": admin } });
    let maps: Api<k8s_openapi::api::core::v1::ConfigMap> =
        Api::namespaced(tenant.client.clone(), &rig.namespace);
    let map = serde_json::from_value(map).expect("a map");
    maps.create(&PostParams::default(), &map)
        .await
        .expect("created");
    let social = json!({ "api.twitter.com": "a;b" });
    for (name, of) in [
        ("t3-role", json!({ "roles": { "unauthenticated": admin } })),
        (
            "t3-from",
            json!({ "roles": { "authenticatedFrom": { "configMapKeyRef": { "name": "ids", "key": "role" } } } }),
        ),
        (
            "t3-rule",
            json!({ "supportedLoginProviders": social, "roleMappings": [{
            "identityProvider": "api.twitter.com", "type": "Rules",
            "ambiguousRoleResolution": "Deny", "rules": rules,
        }] }),
        ),
    ] {
        tenant.apply(name, of).await.expect("legal");
        is_stalled(rig, name, "DeniedByClass", &["roleARNs", &admin]).await;
    }
}

/// T4: guests, flows, claims, providers of its own.
async fn lets_nobody_in(rig: &Rig, tenant: &Tenant) {
    let oidc = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/evil.example.com");
    let saml = format!("arn:aws:iam::{ACCOUNT}:saml-provider/evil");
    let evil = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Evil";
    let staff = json!([{ "name": "staff", "providerName": USERS, "clientId": "abc" }]);
    for (name, rule, of) in [
        (
            "t4-guests",
            "allowUnauthenticated",
            json!({ "allowUnauthenticatedIdentities": true }),
        ),
        (
            "t4-classic",
            "allowClassicFlow",
            json!({ "allowClassicFlow": true }),
        ),
        (
            "t4-token",
            "allowTokenRoleMappings",
            json!({
                "cognitoIdentityProviders": staff,
                "roleMappings": [{ "provider": "staff", "type": "Token", "ambiguousRoleResolution": "Deny" }],
            }),
        ),
        (
            "t4-oidc",
            "providers.openIdConnect",
            json!({ "openIdConnectProviderARNs": [oidc] }),
        ),
        (
            "t4-saml",
            "providers.saml",
            json!({ "samlProviderARNs": [saml] }),
        ),
        (
            "t4-users",
            "providers.userPools",
            json!({
                "cognitoIdentityProviders": [{ "providerName": evil, "clientId": "abc" }],
            }),
        ),
        (
            "t4-social",
            "providers.social",
            json!({ "supportedLoginProviders": { "graph.facebook.com": "7" } }),
        ),
        (
            "t4-developer",
            "allowDeveloperProvider",
            json!({ "developerProviderName": "evil" }),
        ),
        (
            "t4-tags",
            "allowPrincipalTags",
            json!({
                "cognitoIdentityProviders": staff,
                "principalTagAttributeMaps": [{ "provider": "staff", "principalTags": { "admin": "sub" } }],
            }),
        ),
    ] {
        tenant.apply(name, of).await.expect("legal");
        is_stalled(rig, name, "DeniedByClass", &[rule]).await;
    }
}

/// T5: tags of the owner. T6: another namespace. T7: another region, another class, another
/// account, a class of its own making. T8: a Secret where its value would be shown.
async fn reaches_nowhere_else(rig: &Rig, tenant: &Tenant, foreign_class: &str) {
    let tags = json!({ "identityPoolTags": { "cognito-identity.dev/owner": "cluster/other" } });
    tenant
        .is_refused("T5", tags, "does not begin with cognito-identity.dev/")
        .await;

    let abroad = json!({ "roles": { "authenticatedFrom": {
        "configMapKeyRef": { "name": "ids", "key": "role", "namespace": "kube-system" },
    } } });
    tenant.is_refused("T6", abroad, "namespace").await;

    tenant
        .apply("t7-region", json!({ "region": "us-east-1" }))
        .await
        .expect("legal");
    is_stalled(
        rig,
        "t7-region",
        "DeniedByClass",
        &["regions", "spec.region"],
    )
    .await;
    tenant
        .apply("t7-class", json!({ "className": foreign_class }))
        .await
        .expect("legal");
    is_stalled(rig, "t7-class", "ClassNotAllowed", &["allowedNamespaces"]).await;
    let abroad = json!({ "roles": { "authenticated": "arn:aws:iam::999999999999:role/apps/x" } });
    tenant.apply("t7-account", abroad).await.expect("legal");
    is_stalled(rig, "t7-account", "DeniedByClass", &["roleARNs"]).await;
    let classes: Api<IdentityPoolClass> = Api::all(tenant.client.clone());
    let wide = serde_json::from_value(json!({ "allowedNamespaces": {} })).expect("a spec");
    let own = IdentityPoolClass::new("own", wide);
    assert!(
        forbidden(classes.create(&PostParams::default(), &own).await)
            .contains("identitypoolclasses")
    );
    let widen = Patch::Merge(json!({ "spec": { "guardrails": { "allowClassicFlow": true } } }));
    forbidden(
        classes
            .patch(&tenant.class, &PatchParams::default(), &widen)
            .await,
    );

    let key = json!({ "secretKeyRef": { "name": "s", "key": "k" } });
    tenant
        .is_refused(
            "T8",
            json!({ "roles": { "authenticatedFrom": key } }),
            "secretKeyRef",
        )
        .await;
}

async fn nothing_came_of_it(rig: &Rig, theirs: &str) {
    let listed = rig
        .pools
        .list(&kube::api::ListParams::default())
        .await
        .expect("a list");
    for object in listed
        .iter()
        .filter(|object| object.name_any().starts_with("t4-"))
    {
        let status = object.status.clone().unwrap_or_default();
        assert_eq!(status.identity_pool_id, None, "{}", object.name_any());
        assert_ne!(condition(&status, "Ready"), "True/InSync");
    }
    let production = rig.fake.pool(theirs).expect("it is there");
    assert_eq!(production["IdentityPoolTags"], json!({ "team": "other" }));
    // Of all that was tried only two pools came, as empty as the class allows.
    assert_eq!(rig.fake.count("CreateIdentityPool"), 2);
    for operation in [
        "UpdateIdentityPool",
        "SetIdentityPoolRoles",
        "SetPrincipalTagAttributeMap",
        "TagResource",
        "DeleteIdentityPool",
    ] {
        assert_eq!(rig.fake.count(operation), 0, "{operation}");
    }
    rig.fake.assert_sound();
}
