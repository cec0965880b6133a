//! What tests may rely on from a control plane of their own or a shared one.

use std::time::{Duration, Instant};

use harness::control_plane::{ControlPlane, Error, Namespace};
use k8s_openapi::api::core::v1::{self, ConfigMap};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, PostParams};
use kube::{Api, Client};
use serde_json::json;

fn config_map(name: &str) -> ConfigMap {
    let mut object = ConfigMap::default();
    object.metadata.name = Some(name.to_owned());
    object
}

async fn create(client: &Client, namespace: &str, name: &str) -> Result<ConfigMap, kube::Error> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    api.create(&PostParams::default(), &config_map(name)).await
}

#[tokio::test]
async fn it_answers_with_the_pinned_version() {
    let client = ControlPlane::shared().await.client().await.unwrap();

    let version = client.apiserver_version().await.unwrap();

    assert_eq!(
        (version.major.as_str(), version.minor.as_str()),
        ("1", "36")
    );
}

#[test]
fn runtimes_that_come_and_go_share_one() {
    let ask_in_a_new_runtime = || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let plane = ControlPlane::shared().await;
            plane
                .client()
                .await
                .unwrap()
                .apiserver_version()
                .await
                .unwrap();
            plane.server_url()
        })
    };

    let answers = [(); 3].map(|()| std::thread::spawn(ask_in_a_new_runtime).join().unwrap());

    assert_eq!(answers, [answers[0]; 3]);
}

#[tokio::test]
async fn two_run_side_by_side_and_know_nothing_of_each_other() {
    let (one, other) = tokio::join!(
        tokio::spawn(ControlPlane::start()),
        tokio::spawn(ControlPlane::start())
    );
    let (one, other) = (one.unwrap().unwrap(), other.unwrap().unwrap());
    create(&one.client().await.unwrap(), "default", "mine")
        .await
        .unwrap();

    let others: Api<ConfigMap> = Api::namespaced(other.client().await.unwrap(), "default");

    assert_eq!(others.get_opt("mine").await.unwrap(), None);
}

#[tokio::test]
async fn a_restarted_apiserver_has_the_old_data_at_the_old_address() {
    let mut plane = ControlPlane::start().await.unwrap();
    let client = plane.client().await.unwrap();
    create(&client, "default", "kept").await.unwrap();

    plane.stop_apiserver();
    assert!(client.apiserver_version().await.is_err());
    plane.start_apiserver().await.unwrap();

    let api: Api<ConfigMap> = Api::namespaced(client, "default");
    assert_eq!(
        api.get("kept").await.unwrap().metadata.name.as_deref(),
        Some("kept")
    );
}

#[tokio::test]
async fn every_namespace_is_a_new_one() {
    let client = ControlPlane::shared().await.client().await.unwrap();

    let one = Namespace::create(&client, "unique").await.unwrap();
    let other = Namespace::create(&client, "unique").await.unwrap();

    assert_ne!(one.name(), other.name());
    let api: Api<v1::Namespace> = Api::all(client);
    assert!(one.name().starts_with("unique-") && api.get(one.name()).await.is_ok());
}

/// The authorizer learns of a new grant from a watch, so the first requests may still be refused.
async fn create_once_granted(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<ConfigMap, kube::Error> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match create(client, namespace, name).await {
            Err(kube::Error::Api(status)) if status.is_forbidden() && Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            outcome => return outcome,
        }
    }
}

#[tokio::test]
async fn a_user_may_do_what_rbac_grants_to_a_group_and_nothing_else() {
    let plane = ControlPlane::shared().await;
    let admin = plane.client().await.unwrap();
    let granted = Namespace::create(&admin, "granted").await.unwrap();
    let other = Namespace::create(&admin, "other").await.unwrap();
    for grant in [
        ["role", "writer", "--verb=create", "--resource=configmaps"],
        ["rolebinding", "writers", "--role=writer", "--group=writers"],
    ] {
        let arguments = [&["create", "--namespace", granted.name()], &grant[..]].concat();
        plane.kubectl(&arguments).await.unwrap();
    }

    let writer = plane
        .client_for("somebody", &["readers", "writers"])
        .await
        .unwrap();

    create_once_granted(&writer, granted.name(), "allowed")
        .await
        .unwrap();
    let refusal = create(&writer, other.name(), "refused").await.unwrap_err();
    assert!(
        matches!(&refusal, kube::Error::Api(status) if status.is_forbidden()),
        "{refusal:?}"
    );
}

#[tokio::test]
async fn a_kubeconfig_for_a_user_makes_kubectl_that_user() {
    let plane = ControlPlane::shared().await;
    let kubeconfig = plane.kubeconfig_for("somebody", &["writers"]).unwrap();

    let answer = plane
        .kubectl(&[
            "--kubeconfig",
            kubeconfig.to_str().unwrap(),
            "auth",
            "whoami",
        ])
        .await
        .unwrap();

    assert!(
        answer.contains("somebody") && answer.contains("writers"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_failed_kubectl_says_why() {
    let plane = ControlPlane::shared().await;

    let error = plane
        .kubectl(&["get", "configmap", "missing"])
        .await
        .unwrap_err();

    assert!(
        matches!(&error, Error::Kubectl { stderr, .. } if stderr.contains("NotFound")),
        "{error:?}"
    );
}

#[tokio::test]
async fn kubectl_reads_what_it_is_given() {
    let plane = ControlPlane::shared().await;
    let namespace = Namespace::create(&plane.client().await.unwrap(), "input")
        .await
        .unwrap();
    let object =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "given"}}).to_string();

    let arguments = [
        "apply",
        "--namespace",
        namespace.name(),
        "--filename=-",
        "--output=name",
    ];
    let answer = plane.kubectl_with_input(&arguments, &object).await.unwrap();

    assert_eq!(answer.trim(), "configmap/given");
}

/// Two definitions in one text, as a generated file has them.
const DEFINITIONS: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: cups.harness.example}
spec:
  group: harness.example
  scope: Namespaced
  names: {kind: Cup, plural: cups}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: jugs.harness.example}
spec:
  group: harness.example
  scope: Namespaced
  names: {kind: Jug, plural: jugs}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
";

#[tokio::test]
async fn objects_can_be_made_as_soon_as_definitions_are_applied() {
    let plane = ControlPlane::shared().await;

    plane.apply_crds(DEFINITIONS).await.unwrap();

    let client = plane.client().await.unwrap();
    for (kind, plural) in [("Cup", "cups"), ("Jug", "jugs")] {
        let kind = GroupVersionKind::gvk("harness.example", "v1", kind);
        let resource = ApiResource::from_gvk_with_plural(&kind, plural);
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), "default", &resource);
        let object = DynamicObject::new("first", &resource);
        api.create(&PostParams::default(), &object).await.unwrap();
    }
}

#[tokio::test]
async fn a_refused_definition_is_an_error_with_the_reason() {
    let plane = ControlPlane::shared().await;
    let unstructured = DEFINITIONS
        .replace("{type: object}", "{type: cup}")
        .replace("harness", "refused");

    let error = plane.apply_crds(&unstructured).await.unwrap_err();

    assert!(
        matches!(&error, Error::Kube(kube::Error::Api(status)) if status.message.contains("cup")),
        "{error:?}"
    );
}
