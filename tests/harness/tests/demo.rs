//! The demo as a guest: a cluster where somebody uses identity pools stays as it is.

use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use harness::control_plane::ControlPlane;
use harness::project;
use serde_json::json;
use tokio::process::{Child, Command};

/// A kubectl command takes a fraction of a second, on a busy machine more.
const LIMIT: Duration = Duration::from_secs(60);

const EVERYTHING: [&str; 4] = [
    "get",
    "namespaces,crds,identitypools",
    "-A",
    "-o=jsonpath={range .items[*]}{.metadata.name} {.metadata.resourceVersion} {end}",
];

async fn start_with_definition() -> ControlPlane {
    let plane = ControlPlane::start().await.unwrap();
    plane.apply_crd_file(&project::crds()).await.unwrap();
    plane
}

fn start_demo(plane: &ControlPlane) -> Child {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = vec![plane.kubectl_path().parent().unwrap().to_owned()];
    folders.extend(std::env::split_paths(&path));
    Command::new(env!("CARGO_BIN_EXE_demo"))
        .arg("--kubeconfig")
        .arg(plane.kubeconfig_path())
        .env("PATH", std::env::join_paths(folders).unwrap())
        .env("KUBECACHEDIR", plane.folder().join("kubectl-cache"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

async fn end(demo: Child) -> Output {
    let ended = tokio::time::timeout(LIMIT, demo.wait_with_output()).await;
    ended.expect("the demo ends").unwrap()
}

/// Fails unless the demo has refused, and told which cluster it was about to use.
fn assert_refused(plane: &ControlPlane, output: &Output, why: &str) {
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{out}");
    assert!(err.contains(why), "{out}{err}");
    let first = out.lines().next().unwrap_or_default();
    assert!(
        first.contains(plane.server_url()) && first.contains("context test"),
        "{first}"
    );
}

#[tokio::test]
async fn a_cluster_with_identity_pools_is_not_touched() {
    let plane = start_with_definition().await;
    let object = json!({"apiVersion": "cognito-identity.dev/v1alpha1", "kind": "IdentityPool",
        "metadata": {"name": "somebodys", "namespace": "default"}});
    let apply = ["apply", "-f", "-"];
    plane
        .kubectl_with_input(&apply, &object.to_string())
        .await
        .unwrap();
    let before = plane.kubectl(&EVERYTHING).await.unwrap();

    let output = end(start_demo(&plane)).await;

    assert_refused(&plane, &output, "default/somebodys");
    assert_eq!(plane.kubectl(&EVERYTHING).await.unwrap(), before);
}

#[tokio::test]
async fn a_definition_of_another_version_is_not_replaced() {
    let plane = start_with_definition().await;
    let names = r#"{"spec":{"names":{"shortNames":["theirs"]}}}"#;
    let crd = "crd/identitypools.cognito-identity.dev";
    let patch = ["patch", crd, "--type=merge", "-p", names];
    plane.kubectl(&patch).await.unwrap();
    let before = plane.kubectl(&EVERYTHING).await.unwrap();

    let output = end(start_demo(&plane)).await;

    assert_refused(&plane, &output, "the CRD of this cluster differs");
    assert_eq!(plane.kubectl(&EVERYTHING).await.unwrap(), before);
}

#[tokio::test]
async fn an_operator_without_objects_is_heard_and_nothing_stays() {
    let plane = start_with_definition().await;
    let before = plane.kubectl(&EVERYTHING).await.unwrap();

    let demo = start_demo(&plane);
    answer_as_an_operator(&plane).await;
    let output = end(demo).await;

    assert_refused(&plane, &output, "another operator is at work");
    assert_eq!(plane.kubectl(&EVERYTHING).await.unwrap(), before);
}

/// Waits for the object that asks, and writes a status to it.
async fn answer_as_an_operator(plane: &ControlPlane) {
    let begun = Instant::now();
    let list = ["get", "idpool", "-n", "default", "-o", "name"];
    let object = loop {
        let found = plane.kubectl(&list).await.unwrap();
        if let Some(object) = found.lines().next() {
            break object.to_owned();
        }
        assert!(begun.elapsed() < LIMIT, "nobody asks");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let condition = json!({"type": "Ready", "status": "True", "reason": "Suspended", "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1});
    let status = json!({"status": {"conditions": [condition]}}).to_string();
    let patch = [
        "patch",
        &object,
        "-n=default",
        "--subresource=status",
        "--type=merge",
        "-p",
    ];
    let patch = [&patch[..], &[&status]].concat();
    plane.kubectl(&patch).await.unwrap();
}
