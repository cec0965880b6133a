//! Values from other objects, on a real apiserver with the shapes of ACK and upjet.

use std::path::Path;
use std::time::Duration;

use harness::operator::Operator;
use harness::scratch::Scratch;
use identity_pool_operator::api::{IdentityPool, IdentityPoolSpec};
use identity_pool_operator::election::Timing;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind, Request};
use serde_json::{Value, json};

use crate::permissions::{documented_rules, grant, until_allowed};
use crate::rig::{Rig, Setup, message, pool_id};

const BINARY: &str = env!("CARGO_BIN_EXE_identity-pool-operator");
const USER: &str = "arn:aws:iam::123456789012:role/shop-user";
const OTHER: &str = "arn:aws:iam::123456789012:role/shop-other";
const STAFF: &str = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Staff";
const CANARY: &str = "canaryConsumerKey;canaryConsumerSecret";

fn spec(spec: Value) -> IdentityPoolSpec {
    serde_json::from_value(spec).expect("a spec")
}

/// A world in which the kinds of a file under `tests/crds` are installed.
async fn rig(prefix: &str, kinds: &[&str]) -> Rig {
    let rig = Rig::new(prefix).await;
    for file in kinds {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crds");
        let installed = rig.plane.apply_crd_file(&folder.join(file)).await;
        installed.expect("the definitions are accepted");
    }
    rig
}

/// A definition of a namespaced kind that no other test has.
fn definition(group: &str) -> String {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("roles.{group}") },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": { "kind": "Role", "plural": "roles", "singular": "role" },
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": { "openAPIV3Schema": {
                    "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                } },
            }],
        },
    })
    .to_string()
}

fn from_object(api_version: &str, kind: &str, name: &str, path: &str) -> Value {
    json!({ "objectRef": {
        "apiVersion": api_version, "kind": kind, "name": name, "fieldPath": path,
    } })
}

fn from_map(key: &str) -> Value {
    json!({ "configMapKeyRef": { "name": "ids", "key": key } })
}

impl Rig {
    fn dynamic(&self, api_version: &str, kind: &str) -> (Api<DynamicObject>, ApiResource) {
        let (group, version) = api_version.split_once('/').expect("<group>/<version>");
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        let api = Api::namespaced_with(self.client.clone(), &self.namespace, &resource);
        (api, resource)
    }

    /// Makes an object of another controller, with a spec of its own.
    async fn foreign(&self, api_version: &str, kind: &str, name: &str, data: Value) {
        let (api, resource) = self.dynamic(api_version, kind);
        let object = DynamicObject::new(name, &resource).data(data);
        api.create(&PostParams::default(), &object)
            .await
            .expect("it is accepted");
    }

    /// Writes status as another controller does.
    async fn foreign_status(&self, api_version: &str, kind: &str, name: &str, status: Value) {
        let (api, _) = self.dynamic(api_version, kind);
        let patch = Patch::Merge(json!({ "status": status }));
        api.patch_status(name, &PatchParams::default(), &patch)
            .await
            .expect("it is accepted");
    }

    /// Makes or changes the `ConfigMap` that tests refer to.
    async fn map(&self, data: Value) {
        let maps: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.namespace);
        let map = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "ids" }, "data": data,
        });
        let params = PatchParams::apply("test").force();
        maps.patch("ids", &params, &Patch::Apply(&map))
            .await
            .expect("it is accepted");
    }

    async fn secret(&self, value: &str) {
        let secrets: Api<k8s_openapi::api::core::v1::Secret> =
            Api::namespaced(self.client.clone(), &self.namespace);
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "twitter" },
            "stringData": { "keys": value },
        });
        let params = PatchParams::apply("test").force();
        secrets
            .patch("twitter", &params, &Patch::Apply(&secret))
            .await
            .expect("it is accepted");
    }

    async fn until_waiting(&self, name: &str, words: &str) -> IdentityPool {
        let words = words.to_owned();
        let what = format!("WaitingForReferences because {words}");
        self.until(name, &what, move |status| {
            let mut conditions = status.conditions.iter();
            conditions.any(|condition| {
                condition.type_ == "Reconciling"
                    && condition.status == "True"
                    && condition.reason == "WaitingForReferences"
                    && condition.message.contains(&words)
            })
        })
        .await
    }

    /// Waits until the wire shows something of a pool.
    async fn until_wire(&self, what: &str, check: impl Fn() -> bool) {
        let shown = async {
            while !check() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let shown = tokio::time::timeout(Duration::from_secs(60), shown).await;
        assert!(shown.is_ok(), "waited in vain for {what}");
    }

    fn role_of(&self, id: &str) -> Option<String> {
        let role = &self.fake.roles(id)?["Roles"]["authenticated"];
        role.as_str().map(str::to_owned)
    }

    /// Calls to AWS by operation, but for the census.
    fn calls(&self) -> Vec<String> {
        let calls = self.fake.calls().into_iter();
        let mut names: Vec<String> = calls
            .map(|call| call.operation)
            .filter(|name| name != "ListIdentityPools")
            .collect();
        names.sort();
        names
    }
}

#[tokio::test]
async fn a_role_that_trusts_the_pool_comes_after_the_pool_and_is_followed() {
    const IAM: &str = "iam.services.k8s.aws/v1alpha1";
    let rig = rig("egg", &["ack.yaml"]).await;
    let _operator = rig.operator().await;
    let from = from_object(IAM, "Role", "shop-user", "status.ackResourceMetadata.arn");
    rig.create(
        "app",
        spec(json!({ "roles": { "authenticatedFrom": from } })),
    )
    .await;
    let object = rig.until_waiting("app", "there is no such object").await;
    let id = pool_id(&object);
    assert!(rig.fake.pool(&id).is_some(), "the pool is there already");
    let said = message(&object, "Ready");
    for part in [
        "spec.roles.authenticatedFrom",
        "status.ackResourceMetadata.arn of Role shop-user (iam.services.k8s.aws/v1alpha1)",
    ] {
        assert!(said.contains(part), "{part} not in {said}");
    }

    let policy =
        json!({ "Condition": { "StringEquals": { "cognito-identity.amazonaws.com:aud": id } } });
    let data =
        json!({ "spec": { "name": "shop-user", "assumeRolePolicyDocument": policy.to_string() } });
    rig.foreign(IAM, "Role", "shop-user", data).await;
    rig.until_waiting("app", "the object has nothing there yet")
        .await;
    let status = |arn: &str| {
        json!({ "ackResourceMetadata": {
            "arn": arn, "ownerAccountID": "123456789012", "region": "eu-west-1",
        } })
    };
    rig.foreign_status(IAM, "Role", "shop-user", status(USER))
        .await;
    assert_eq!(pool_id(&rig.until_ready("app").await), id);
    assert_eq!(rig.role_of(&id).as_deref(), Some(USER));

    rig.foreign_status(IAM, "Role", "shop-user", status(OTHER))
        .await;
    rig.until_wire("the other role", || {
        rig.role_of(&id).as_deref() == Some(OTHER)
    })
    .await;
    assert_eq!(rig.fake.count("CreateIdentityPool"), 1);
    rig.fake.assert_sound();
}

#[tokio::test]
async fn the_statuses_of_ack_and_upjet_are_read() {
    const ACK: &str = "cognitoidentityprovider.services.k8s.aws/v1alpha1";
    const IDP: &str = "cognitoidp.aws.m.upbound.io/v1beta1";
    const IAM: &str = "iam.aws.m.upbound.io/v1beta1";
    let rig = rig("shapes", &["ack.yaml", "upjet.yaml"]).await;
    rig.map(json!({ "client": "abc\n", "saml": "arn:aws:iam::123456789012:saml-provider/corp" }))
        .await;
    for (api_version, kind, name, status) in [
        (
            ACK,
            "UserPool",
            "customers",
            json!({ "id": "eu-west-1_Customers" }),
        ),
        (
            IDP,
            "UserPool",
            "staff",
            json!({ "atProvider": { "endpoint": STAFF } }),
        ),
        (
            IAM,
            "Role",
            "user",
            json!({ "atProvider": { "arn": USER } }),
        ),
    ] {
        rig.foreign(api_version, kind, name, json!({ "spec": {} }))
            .await;
        rig.foreign_status(api_version, kind, name, status).await;
    }
    let _operator = rig.operator().await;
    let role = || from_object(IAM, "Role", "user", "status.atProvider.arn");
    rig.create("app", spec(json!({
        "cognitoIdentityProviders": [
            { "name": "customers", "clientIdFrom": from_map("client"),
              "providerNameFrom": from_object(ACK, "UserPool", "customers", "status.id") },
            { "clientIdFrom": from_map("client"),
              "providerNameFrom": from_object(IDP, "UserPool", "staff", "status.atProvider.endpoint") },
        ],
        "samlProviderARNsFrom": [from_map("saml")],
        "roles": { "authenticatedFrom": role() },
        "roleMappings": [{
            "provider": "customers", "type": "Rules", "ambiguousRoleResolution": "Deny",
            "rules": [{ "claim": "team", "matchType": "Equals", "value": "ops", "roleARNFrom": role() }],
        }],
        "principalTagAttributeMaps": [{ "provider": "customers", "principalTags": { "team": "team" } }],
    })))
    .await;
    let id = pool_id(&rig.until_ready("app").await);
    let pool = rig.fake.pool(&id).expect("the pool");
    let mut names: Vec<&str> = pool["CognitoIdentityProviders"]
        .as_array()
        .expect("providers")
        .iter()
        .filter_map(|entry| entry["ProviderName"].as_str())
        .collect();
    names.sort_unstable();
    let customers = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Customers";
    assert_eq!(names, [customers, STAFF]);
    assert_eq!(
        pool["SamlProviderARNs"][0],
        "arn:aws:iam::123456789012:saml-provider/corp"
    );
    assert_eq!(rig.role_of(&id).as_deref(), Some(USER));
    let mapping = &rig.fake.roles(&id).expect("roles")["RoleMappings"][format!("{customers}:abc")];
    assert_eq!(mapping["RulesConfiguration"]["Rules"][0]["RoleARN"], USER);
    assert!(rig.fake.principal_tags(&id, customers).is_some());
    assert_eq!(
        rig.fake.count("UpdateIdentityPool"),
        0,
        "all was known at the start"
    );
    rig.fake.assert_sound();
}

/// How many passes have ended, by the page of the metrics.
fn passes(page: &str) -> u32 {
    let counted = page
        .lines()
        .filter(|line| line.starts_with("identity_pool_operator_reconcile_total{"));
    let counts = counted.filter_map(|line| line.rsplit(' ').next()?.parse::<u32>().ok());
    counts.sum()
}

#[tokio::test]
async fn a_change_that_touches_three_pools_costs_three_updates() {
    let rig = Rig::new("fan").await;
    rig.map(json!({ "client": "abc", "other": "x" })).await;
    let operator = rig.operator().await;
    for name in ["one", "two", "three"] {
        let clients = json!([{ "providerName": STAFF, "clientIdFrom": from_map("client") }]);
        rig.create(name, spec(json!({ "cognitoIdentityProviders": clients })))
            .await;
    }
    let clients = json!([{ "providerName": STAFF, "clientId": "abc" }]);
    rig.create(
        "aside",
        spec(json!({ "cognitoIdentityProviders": clients })),
    )
    .await;
    let mut ids = Vec::new();
    for name in ["one", "two", "three"] {
        ids.push(pool_id(&rig.until_ready(name).await));
    }
    rig.until_ready("aside").await;
    rig.fake.reset_journal();

    // Written, but not where anybody takes a value from.
    let before = passes(&operator.page());
    rig.map(json!({ "client": "abc", "other": "y" })).await;
    rig.until_wire("a pass of each", || passes(&operator.page()) >= before + 3)
        .await;
    assert!(rig.calls().is_empty(), "{:?}", rig.calls());
    rig.map(json!({ "client": "def", "other": "y" })).await;
    let client = |id: &String| {
        let pool = rig.fake.pool(id).expect("the pool");
        pool["CognitoIdentityProviders"][0]["ClientId"].clone()
    };
    rig.until_wire("the other client", || {
        ids.iter().all(|id| client(id) == "def")
    })
    .await;
    for name in ["one", "two", "three"] {
        rig.until_ready(name).await;
    }
    assert_eq!(rig.calls(), ["UpdateIdentityPool"; 3], "and no other call");
    rig.fake.assert_sound();
}

#[tokio::test]
async fn what_goes_missing_is_named_and_the_pool_stays_as_it_is() {
    let rig = Rig::new("missing").await;
    rig.map(json!({ "client": "abc" })).await;
    let _operator = rig.operator().await;
    let clients = json!([{ "providerName": STAFF, "clientIdFrom": from_map("client") }]);
    rig.create("app", spec(json!({ "cognitoIdentityProviders": clients })))
        .await;
    let id = pool_id(&rig.until_ready("app").await);
    let before = rig.fake.pool(&id);
    rig.fake.reset_journal();
    rig.map(json!({ "else": "abc" })).await;
    let words = "spec.cognitoIdentityProviders[0].clientIdFrom takes key client of ConfigMap ids, but \
                 the object has nothing there yet. The pool stays as it is until then.";
    rig.until_waiting("app", words).await;
    let maps: Api<ConfigMap> = Api::namespaced(rig.client.clone(), &rig.namespace);
    maps.delete("ids", &DeleteParams::default())
        .await
        .expect("it goes");
    rig.until_waiting("app", "there is no such object").await;
    assert_eq!(rig.fake.pool(&id), before);
    assert_eq!(rig.calls(), Vec::<String>::new());
    rig.map(json!({ "client": "not a client" })).await;
    let object = rig
        .until_condition("app", "Stalled", "True/InvalidReference")
        .await;
    let said = message(&object, "Ready");
    for part in [
        "an app client id has letters",
        "key client of ConfigMap ids",
    ] {
        assert!(said.contains(part), "{part} not in {said}");
    }
    assert_eq!(rig.calls(), Vec::<String>::new());
    rig.map(json!({ "client": "def" })).await;
    rig.until_ready("app").await;
    rig.delete("app").await;
    rig.until_gone("app").await;
    rig.fake.assert_sound();
}

#[tokio::test]
async fn a_kind_is_waited_for_until_its_definition_is_installed() {
    let rig = Rig::new("kinds").await;
    let group = format!("{}.example.com", rig.namespace);
    let api_version = format!("{group}/v1");
    let _operator = rig.operator().await;
    let from = from_object(&api_version, "Role", "user", "status.arn");
    rig.create(
        "app",
        spec(json!({ "roles": { "authenticatedFrom": from } })),
    )
    .await;
    let object = rig
        .until_waiting("app", "the cluster serves no such kind")
        .await;
    let id = pool_id(&object);
    let definition = definition(&group);
    rig.plane.apply_crds(&definition).await.expect("accepted");
    let data = json!({ "status": { "arn": USER } });
    rig.foreign(&api_version, "Role", "user", data).await;
    rig.until_ready("app").await;
    assert_eq!(rig.role_of(&id).as_deref(), Some(USER));
}

#[tokio::test]
async fn a_kind_without_namespace_is_out_of_reach() {
    let rig = rig("scope", &["upjet.yaml"]).await;
    let _operator = rig.operator().await;
    let from = from_object(
        "iam.aws.upbound.io/v1beta1",
        "Role",
        "user",
        "status.atProvider.arn",
    );
    rig.create(
        "app",
        spec(json!({ "roles": { "authenticatedFrom": from } })),
    )
    .await;
    rig.until_waiting("app", "the kind is not namespaced").await;
}

/// How many watches of a group's roles the apiserver serves.
async fn watches(rig: &Rig, group: &str) -> usize {
    let request = Request::new("/metrics").get("", &kube::api::GetParams::default());
    let mut request = request.unwrap_or_default();
    *request.uri_mut() = "/metrics".parse().expect("a path");
    let page = rig.client.request_text(request).await.expect("metrics");
    let group = format!("group=\"{group}\"");
    let mut lines = page.lines().filter(|line| {
        line.starts_with("apiserver_longrunning_requests{")
            && line.contains(&group)
            && line.contains("verb=\"WATCH\"")
    });
    let count = lines.next().and_then(|line| line.rsplit(' ').next());
    count.and_then(|count| count.parse().ok()).unwrap_or(0)
}

async fn until_watches(rig: &Rig, group: &str, wanted: usize) {
    let reached = async {
        while watches(rig, group).await != wanted {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let reached = tokio::time::timeout(Duration::from_secs(30), reached).await;
    assert!(reached.is_ok(), "{group}: never {wanted} watches");
}

#[tokio::test]
async fn a_kind_is_watched_once_while_it_is_in_use_and_then_no_more() {
    let rig = Rig::new("watches").await;
    let group = format!("{}.example.com", rig.namespace);
    let api_version = format!("{group}/v1");
    rig.plane
        .apply_crds(&definition(&group))
        .await
        .expect("accepted");
    let data = json!({ "status": { "arn": USER } });
    rig.foreign(&api_version, "Role", "user", data).await;
    let _operator = rig.operator().await;
    assert_eq!(watches(&rig, &group).await, 0, "nobody uses the kind");
    for name in ["one", "two"] {
        let from = from_object(&api_version, "Role", "user", "status.arn");
        rig.create(
            name,
            spec(json!({ "roles": { "authenticatedFrom": from } })),
        )
        .await;
        rig.until_ready(name).await;
    }
    until_watches(&rig, &group, 1).await;
    rig.set("one", "roles", &Value::Null).await;
    rig.until_ready("one").await;
    assert_eq!(watches(&rig, &group).await, 1, "the other still uses it");
    rig.delete("two").await;
    rig.until_gone("two").await;
    until_watches(&rig, &group, 0).await;
}

#[tokio::test]
async fn a_replica_that_stands_by_follows_nothing_and_follows_all_of_it_when_it_leads() {
    let rig = Rig::new("standby").await;
    let group = format!("{}.example.com", rig.namespace);
    let api_version = format!("{group}/v1");
    let installed = rig.plane.apply_crds(&definition(&group)).await;
    installed.expect("accepted");
    let data = json!({ "status": { "arn": USER } });
    rig.foreign(&api_version, "Role", "user", data).await;
    let elected = |name| Setup {
        elected: Some((name, Timing::new(5, 4, 1).expect("an order"))),
        ..Setup::default()
    };
    let leader = rig.operator_with(elected("one")).await;
    leader.listed().await;
    let from = from_object(&api_version, "Role", "user", "status.arn");
    let wanted = json!({
        "roles": { "authenticatedFrom": from },
        "export": { "configMap": { "name": "app-pool" } },
    });
    rig.create("app", spec(wanted)).await;
    let id = pool_id(&rig.until_ready("app").await);
    let standby = rig.operator_with(elected("two")).await;
    standby.listed().await;
    let (roles, _) = rig.dynamic(&api_version, "Role");
    let maps: Api<ConfigMap> = Api::namespaced(rig.client.clone(), &rig.namespace);
    let (ours, id) = (PatchParams::default(), &id);
    let follows = async |arn: &'static str| {
        let change = Patch::Merge(json!({ "status": { "arn": arn } }));
        roles.patch("user", &ours, &change).await.expect("accepted");
        rig.until_wire("the other role", || rig.role_of(id).as_deref() == Some(arn))
            .await;
        let edit = Patch::Merge(json!({ "data": { "AUTHENTICATED_ROLE_ARN": "forged" } }));
        maps.patch("app-pool", &ours, &edit).await.expect("edited");
        let told = |map: &ConfigMap| map.data.as_ref()?.get("AUTHENTICATED_ROLE_ARN").cloned();
        let mended = async {
            while told(&maps.get("app-pool").await.expect("there")).as_deref() != Some(arn) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let mended = tokio::time::timeout(Duration::from_secs(30), mended).await;
        assert!(mended.is_ok(), "the ConfigMap is not put right");
    };
    follows(OTHER).await;
    assert_eq!(watches(&rig, &group).await, 1, "of the leader alone");
    assert_eq!(passes(&standby.page()), 0);
    leader.stop().await;
    follows(USER).await;
    until_watches(&rig, &group, 1).await;
    standby.stop().await;
}

#[tokio::test]
async fn what_the_operator_may_not_watch_is_said_and_followed_once_it_may() {
    let rig = Rig::new("rbac").await;
    let user = format!("operator-{}", rig.namespace);
    let always = documented_rules("identity-pool-operator");
    grant(&rig, &user, "operator", always).await;
    until_allowed::<IdentityPool>(&rig, &user).await;
    rig.map(json!({ "client": "abc" })).await;
    let operator = rig.operator_as(&user).await;
    operator.listed().await;
    let clients = json!([{ "providerName": STAFF, "clientIdFrom": from_map("client") }]);
    rig.create("app", spec(json!({ "cognitoIdentityProviders": clients })))
        .await;
    rig.create("plain", IdentityPoolSpec::default()).await;
    let object = rig
        .until_waiting("app", "the operator may not get, list and watch the kind")
        .await;
    assert!(message(&object, "Ready").contains(r#"resource "configmaps""#));
    rig.until_ready("plain").await;
    let references = documented_rules("identity-pool-operator-references");
    grant(&rig, &user, "references", references).await;
    rig.until_ready("app").await;
}

#[tokio::test]
async fn a_restart_with_references_asks_aws_for_nothing() {
    let rig = Rig::new("restart").await;
    rig.map(json!({ "login": "login.example.com" })).await;
    let operator = rig.operator().await;
    let from = json!({ "developerProviderNameFrom": from_map("login") });
    rig.create("app", spec(from)).await;
    let version = rig.until_ready("app").await.metadata.resource_version;
    operator.kill();
    rig.fake.reset_journal();
    let next = rig.operator().await;
    let page = || next.page();
    rig.until_wire("the first pass", || {
        page().contains("outcome=\"unchanged\"}")
    })
    .await;
    assert_eq!(rig.calls(), Vec::<String>::new());
    let object = rig.pools.get("app").await.expect("the object");
    assert_eq!(object.metadata.resource_version, version);
}

#[tokio::test]
async fn a_secret_is_in_aws_and_nowhere_else() {
    let rig = Rig::new("canary").await;
    let folder = Scratch::new().expect("a folder");
    let namespace = format!("--watch-namespaces={}", rig.namespace);
    let flags = ["--log-format=json", "--log-level=trace", namespace.as_str()];
    let log = folder.path().join("operator.log");
    let kubeconfig = Some(rig.plane.kubeconfig_path());
    let operator = Operator::start(Path::new(BINARY), &rig.fake, kubeconfig, flags, &log);
    let operator = operator.expect("it starts");
    operator.ready().await.expect("ready");
    let keys = json!({ "secretKeyRef": { "name": "twitter", "key": "keys" } });
    // One that does not look like a secret, and one of the form that is not allowed.
    let none = json!({ "secretKeyRef": { "name": "twitter", "key": "missing" } });
    rig.create(
        "app",
        spec(json!({
            "supportedLoginProvidersFrom": { "api.twitter.com": keys, "www.example.com": none },
        })),
    )
    .await;
    rig.until_waiting("app", "Secret twitter").await;
    rig.secret(&format!("{CANARY} spaced")).await;
    rig.until_waiting("app", "key missing of Secret twitter")
        .await;
    let only = json!({ "api.twitter.com": keys });
    rig.set("app", "supportedLoginProvidersFrom", &only).await;
    rig.until_condition("app", "Stalled", "True/InvalidReference")
        .await;
    rig.secret(CANARY).await;
    let id = pool_id(&rig.until_ready("app").await);
    let in_aws = || {
        rig.fake.pool(&id).expect("a pool")["SupportedLoginProviders"]["api.twitter.com"].clone()
    };
    assert_eq!(in_aws(), CANARY);
    rig.set("app", "driftPolicy", &json!("Report")).await;
    rig.until_ready("app").await;
    rig.fake.tamper(&id, |pool| {
        pool["SupportedLoginProviders"] = json!({ "api.twitter.com": "canaryOfOthers" });
    });
    rig.ask("app").await;
    let object = rig.until_condition("app", "Stalled", "True/Drifted").await;
    let drift = object
        .status
        .as_ref()
        .and_then(|status| status.drift.clone());
    assert!(drift.expect("drift")[0].desired.contains("(redacted)"));
    rig.secret("canaryWithoutSemicolon").await;
    rig.set("app", "driftPolicy", &json!("Correct")).await;
    rig.until_ready("app").await;
    assert_eq!(in_aws(), "canaryWithoutSemicolon");

    let object = rig.pools.get("app").await.expect("the object");
    let events: Api<Event> = Api::namespaced(rig.client.clone(), &rig.namespace);
    let events = events.list(&ListParams::default()).await.expect("a list");
    let text = |value: &Value| value.to_string();
    for (what, told) in [
        ("the object", text(&json!(object))),
        ("an Event", text(&json!(events.items))),
        ("the metrics", operator.metrics().await),
        ("the log", operator.log()),
    ] {
        assert!(!told.is_empty());
        let at = told.find("canaryConsumer").or(told.find("canaryWith"));
        let at = at.or(told.find("canaryOf"));
        let around = |at: usize| &told[at.saturating_sub(300)..(at + 60).min(told.len())];
        assert!(at.is_none(), "{what} tells: …{}…", at.map_or("", around));
    }
    let trace = operator.log();
    assert!(trace.contains("\"level\":\"TRACE\""), "it was a trace");
}
