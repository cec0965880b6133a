//! A real apiserver: only it knows the cost of CEL rules, pruning, defaults and field owners.

use std::time::Duration;

use harness::control_plane::{ControlPlane, Namespace};
use identity_pool_operator::api::crds::{class_crd, crd, crds_yaml};
use identity_pool_operator::api::{IdentityPool, IdentityPoolStatus};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::client::Body;
use kube::core::{DynamicObject, Request};
use kube::discovery::ApiResource;
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::corpus::{Manifest, manifests, object};

/// A namespace of the test's own in the control plane that all tests here share.
struct Desk {
    plane: &'static ControlPlane,
    client: Client,
    namespace: String,
}

impl Desk {
    async fn new(prefix: &str) -> Self {
        static DEFINED: OnceCell<()> = OnceCell::const_new();
        let plane = ControlPlane::shared().await;
        let define = async || {
            let yaml = crds_yaml().expect("YAML");
            plane
                .apply_crds(&yaml)
                .await
                .expect("the apiserver takes the definition");
        };
        DEFINED.get_or_init(define).await;
        let client = plane.client().await.expect("a client");
        let namespace = Namespace::create(&client, prefix)
            .await
            .expect("a namespace");
        Self {
            plane,
            client,
            namespace: namespace.name().to_owned(),
        }
    }

    fn pools(&self) -> Api<IdentityPool> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The objects as they are on the server, without our types in between.
    fn raw(&self) -> Api<DynamicObject> {
        let resource = ApiResource::erase::<IdentityPool>(&());
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
    }

    async fn create(&self, name: &str, spec: &Value) -> Value {
        let object = serde_json::from_value(object(name, spec)).expect("an object");
        let created = self.raw().create(&PostParams::default(), &object).await;
        created.expect("the object is legal").data
    }

    /// Writes status as the operator does.
    async fn write_status(&self, name: &str, status: &IdentityPoolStatus) -> Value {
        let patch = Patch::Merge(json!({ "status": status }));
        let patched = self
            .raw()
            .patch_status(name, &PatchParams::default(), &patch)
            .await;
        patched.expect("the status is legal").data["status"].clone()
    }

    /// Tries a manifest with strict field validation, as kubectl does. Of an update the first
    /// document is stored, nothing else.
    async fn submit(&self, manifest: &Manifest) -> kube::Result<Value> {
        let of_group = "/apis/cognito-identity.dev/v1alpha1";
        let requests = Request::new(if manifest.new["kind"] == "IdentityPoolClass" {
            format!("{of_group}/identitypoolclasses")
        } else {
            format!("{of_group}/namespaces/{}/identitypools", self.namespace)
        });
        let dry_run = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        let mut new = manifest.new.clone();
        let request = if let Some(old) = &manifest.old {
            let old = serde_json::from_value(old.clone()).expect("an object");
            let stored = self.raw().create(&PostParams::default(), &old).await;
            let stored = stored.expect("the first document is legal");
            new["metadata"]["resourceVersion"] = json!(stored.metadata.resource_version);
            requests.replace(manifest.name(), &dry_run, new.to_string().into_bytes())
        } else {
            requests.create(&dry_run, new.to_string().into_bytes())
        };
        let mut request = request.expect("a well-formed request");
        let strict = format!("{}&fieldValidation=Strict", request.uri());
        *request.uri_mut() = strict.parse().expect("a URI");
        self.client.request(request).await
    }
}

#[tokio::test]
async fn bad_manifests_are_refused_with_a_sentence_that_helps() {
    let desk = Desk::new("refused").await;
    let mut failures = Vec::new();
    for manifest in [manifests("refused"), manifests("classes/refused")].concat() {
        match desk.submit(&manifest).await {
            Err(kube::Error::Api(status)) => failures.extend(manifest.judge(&status.message)),
            other => failures.push(format!("{}: {other:?}", manifest.file)),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[tokio::test]
async fn legal_manifests_are_accepted() {
    let desk = Desk::new("accepted").await;
    for manifest in [manifests("accepted"), manifests("classes/accepted")].concat() {
        let answer = desk.submit(&manifest).await;
        assert!(answer.is_ok(), "{}: {answer:?}", manifest.file);
    }
}

/// Creates a definition without storing it, and gives the warnings of the apiserver.
async fn warnings(client: &Client, crd: &CustomResourceDefinition) -> Vec<String> {
    let dry_run = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let request = Request::new("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
        .create(&dry_run, serde_json::to_vec(crd).expect("JSON"))
        .expect("a well-formed request");
    let response = client
        .send(request.map(Body::from))
        .await
        .expect("an answer");
    assert!(response.status().is_success(), "{response:?}");
    let warnings = response.headers().get_all("warning");
    warnings
        .iter()
        .map(|warning| format!("{warning:?}"))
        .collect()
}

#[tokio::test]
async fn the_definition_is_created_without_warnings() {
    let desk = Desk::new("warnings").await;
    // Under another group, because the real ones exist.
    let elsewhere = |mut crd: CustomResourceDefinition| {
        crd.spec.group = "warnings.example.com".into();
        crd.metadata.name = Some(format!("{}.warnings.example.com", crd.spec.names.plural));
        crd
    };
    let classes = elsewhere(class_crd());
    assert_eq!(warnings(&desk.client, &classes).await, Vec::<String>::new());
    let mut crd = elsewhere(crd());
    assert_eq!(warnings(&desk.client, &crd).await, Vec::<String>::new());

    // And a definition that deserves one gets one, so the look is worth something.
    let schema = crd.spec.versions[0].schema.as_mut().expect("a schema");
    let root = schema.open_api_v3_schema.as_mut().expect("a schema");
    let spec = root
        .properties
        .as_mut()
        .and_then(|all| all.get_mut("spec"))
        .expect("spec");
    let fields = spec.properties.as_mut().expect("fields");
    fields
        .get_mut("resyncPeriodSeconds")
        .expect("the field")
        .format = Some("uint32".into());
    assert_eq!(warnings(&desk.client, &crd).await.len(), 1);
}

#[tokio::test]
async fn a_bare_object_gets_every_default_and_never_looks_done() {
    let desk = Desk::new("bare").await;
    let created = desk.create("bare", &Value::Null).await;
    let spec = json!({
        "allowClassicFlow": false,
        "allowUnauthenticatedIdentities": false,
        "managementPolicy": "Manage",
        "onExternalDeletion": "Block",
    });
    assert_eq!(
        created,
        json!({ "spec": spec, "status": { "observedGeneration": -1 } })
    );
}

#[tokio::test]
async fn taking_the_last_field_away_by_server_side_apply_is_not_refused() {
    let desk = Desk::new("last-field").await;
    let params = PatchParams::apply("user");
    let raw = desk.raw();
    for spec in [json!({ "identityPoolName": "shop" }), Value::Null] {
        let mut applied = object("shop", &spec);
        if spec.is_null() {
            applied.as_object_mut().expect("an object").remove("spec");
        }
        let answer = raw.patch("shop", &params, &Patch::Apply(&applied)).await;
        let stored = answer.expect("legal").data;
        assert_eq!(stored["spec"]["identityPoolName"], spec["identityPoolName"]);
    }
}

#[tokio::test]
async fn two_owners_share_sets_and_tags() {
    let desk = Desk::new("owners").await;
    for owner in ["team", "platform"] {
        let spec = json!({
            "samlProviderARNs": [format!("arn:aws:iam::123456789012:saml-provider/{owner}")],
            "identityPoolTags": { owner: "yes" },
        });
        let applied = object("shop", &spec);
        let params = PatchParams::apply(owner);
        desk.raw()
            .patch("shop", &params, &Patch::Apply(&applied))
            .await
            .expect("no conflict");
    }
    let spec = desk.pools().get("shop").await.expect("the object").spec;
    assert_eq!(spec.saml_provider_arns.len(), 2);
    assert_eq!(spec.identity_pool_tags.len(), 2);
}

#[tokio::test]
async fn a_status_value_that_is_no_longer_true_goes_from_the_server() {
    let desk = Desk::new("status").await;
    desk.create("shop", &json!({})).await;
    let full = IdentityPoolStatus {
        observed_generation: Some(1),
        identity_pool_id: Some("eu-west-1:00000000-0000-0000-0000-000000000000".into()),
        drift: Some(Vec::new()),
        ..IdentityPoolStatus::default()
    };
    let stored = desk.write_status("shop", &full).await;
    assert_eq!(stored["identityPoolId"], json!(full.identity_pool_id));
    let stored = desk
        .write_status("shop", &IdentityPoolStatus::default())
        .await;
    assert_eq!(
        stored,
        json!({ "conditions": [], "observedGeneration": -1 })
    );
}

#[tokio::test]
async fn pools_are_selected_by_id_policy_and_guests() {
    let desk = Desk::new("fields").await;
    for (name, guests) in [("shop", true), ("staff", false)] {
        desk.create(name, &json!({ "allowUnauthenticatedIdentities": guests }))
            .await;
        let status =
            json!({ "identityPoolId": format!("eu-west-1:{name}"), "deletionPolicy": "Retain" });
        let status = serde_json::from_value(status).expect("a status");
        desk.write_status(name, &status).await;
    }
    for (selector, expected) in [
        ("status.identityPoolId=eu-west-1:staff", vec!["staff"]),
        ("spec.allowUnauthenticatedIdentities=true", vec!["shop"]),
        ("status.deletionPolicy=Retain", vec!["shop", "staff"]),
        ("status.deletionPolicy=Delete", vec![]),
    ] {
        let list = desk
            .pools()
            .list(&ListParams::default().fields(selector))
            .await
            .expect("a list");
        let names: Vec<_> = list
            .iter()
            .filter_map(|pool| pool.metadata.name.as_deref())
            .collect();
        assert_eq!(names, expected, "{selector}");
    }
}

#[tokio::test]
async fn kubectl_get_shows_what_matters() {
    let desk = Desk::new("columns").await;
    desk.create("shop", &json!({ "allowUnauthenticatedIdentities": true }))
        .await;
    let status = json!({
        "identityPoolId": "eu-west-1:0f1e",
        "identityPoolName": "shop-in-aws",
        "region": "eu-west-1",
        "deletionPolicy": "DeleteIfEmpty",
        "conditions": [{
            "type": "Ready",
            "status": "True",
            "reason": "InSync",
            "message": "all is well",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }],
    });
    desk.write_status("shop", &serde_json::from_value(status).expect("a status"))
        .await;
    let get = async |more: &[&str]| {
        let arguments = [&["get", "idpool", "-n", &desk.namespace], more].concat();
        let table = desk.plane.kubectl(&arguments).await.expect("a table");
        table.lines().map(columns).collect::<Vec<_>>()
    };
    let narrow = get(&[]).await;
    assert_eq!(
        narrow[0],
        ["NAME", "READY", "STATUS", "POOL-ID", "REGION", "AGE"]
    );
    assert_eq!(
        narrow[1][..5],
        ["shop", "True", "InSync", "eu-west-1:0f1e", "eu-west-1"]
    );
    let wide = get(&["-o", "wide"]).await;
    assert_eq!(wide[0][6..], ["NAME-IN-AWS", "GUESTS", "POLICY", "MESSAGE"]);
    assert_eq!(
        wide[1][6..],
        ["shop-in-aws", "true", "DeleteIfEmpty", "all is well"]
    );
}

/// The cells of a line; kubectl puts three spaces between them.
fn columns(line: &str) -> Vec<String> {
    line.split("   ")
        .map(str::trim)
        .filter(|cell| !cell.is_empty())
        .map(Into::into)
        .collect()
}

/// Waits until the apiserver has published the schema that `kubectl explain` reads: it does so
/// some time after it serves the kind.
async fn published(plane: &ControlPlane) {
    let answers = async {
        while plane.kubectl(&["explain", "identitypools"]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let published = tokio::time::timeout(Duration::from_secs(60), answers).await;
    published.expect("the schema is published");
}

#[tokio::test]
async fn kubectl_explain_says_what_each_field_does() {
    let desk = Desk::new("explain").await;
    published(desk.plane).await;
    for (field, words) in [
        (
            "spec.identityPoolName",
            "the pool is renamed and keeps its id",
        ),
        (
            "spec.deletionPolicy",
            "it is deleted unless it has issued identities",
        ),
        ("spec.managementPolicy", "Suspend: hands off"),
        (
            "spec.cognitoIdentityProviders.providerName",
            "The user pool, without https://",
        ),
        ("status.deletionPolicy", "The deletion policy in effect"),
    ] {
        let path = format!("identitypools.{field}");
        let page = desk
            .plane
            .kubectl(&["explain", &path])
            .await
            .expect("a page");
        let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(page.contains(words), "{field}: {page}");
    }
}
