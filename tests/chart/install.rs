//! Install, upgrade, uninstall: real helm on a real apiserver. No nodes are needed, since nothing is
//! waited for.

use harness::control_plane::ControlPlane;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};

use identity_pool_operator::api::IdentityPool;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

use crate::helm::{Helm, chart, text};

const CRD: &str = "identitypools.cognito-identity.dev";

/// A cluster of the test's own: the definitions belong to one release.
struct Cluster {
    plane: ControlPlane,
    helm: Helm,
}

impl Cluster {
    async fn start() -> Self {
        let plane = ControlPlane::start().await.expect("a control plane");
        let helm = Helm::on(plane.kubeconfig_path());
        Self { plane, helm }
    }

    /// `helm VERB pools CHART …` in the documented namespace.
    fn helm(&self, verb: &str, chart: &str, more: &[&str]) -> Result<String, String> {
        let named = [verb, "pools", chart, "--namespace=identity-pool-operator"];
        self.helm.run(&[&named, more].concat())
    }

    async fn kubectl(&self, line: &str) -> String {
        let arguments: Vec<&str> = line.split(' ').collect();
        let answer = self.plane.kubectl(&arguments).await;
        answer.unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    async fn crd(&self) -> Option<CustomResourceDefinition> {
        let api: Api<CustomResourceDefinition> = Api::all(self.plane.client().await.expect("in"));
        api.get_opt(CRD).await.expect("an answer")
    }

    async fn pools(&self) -> Api<IdentityPool> {
        Api::namespaced(self.plane.client().await.expect("in"), "default")
    }
}

/// A copy of the chart as of another version: its definition has one field more.
fn with_another_field(cluster: &Cluster) -> String {
    let folder = cluster.helm.file("copy", "");
    std::fs::remove_file(&folder).expect("a file");
    let copied = std::process::Command::new("cp")
        .arg("-rL")
        .args([chart(), folder.clone()])
        .status();
    assert!(copied.expect("cp").success());
    let crd = folder.join("definitions/identitypools.yaml");
    let before = std::fs::read_to_string(&crd).expect("the definition");
    let after = before.replace(
        "              resyncPeriodSeconds:\n",
        "              newInThisVersion:\n                type: string\n              resyncPeriodSeconds:\n",
    );
    assert_ne!(before, after);
    std::fs::write(&crd, after).expect("written");
    folder.to_string_lossy().into_owned()
}

fn has_field(crd: &CustomResourceDefinition, field: &str) -> bool {
    let crd = serde_json::to_value(crd).expect("JSON");
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    !schema["properties"]["spec"]["properties"][field].is_null()
}

#[tokio::test]
async fn a_release_is_installed_without_values_upgraded_with_its_definitions_and_leaves_these() {
    let cluster = Cluster::start().await;
    let here = chart();
    let here = here.to_string_lossy();
    let notes = cluster
        .helm("install", &here, &["--create-namespace"])
        .expect("installed");
    for words in [
        "rollout status deployment/pools-identity-pool-operator",
        "kubectl -n default apply -f -",
        "kubectl -n default wait --for=condition=Ready idpool/first",
    ] {
        assert!(notes.contains(words), "{words} not in\n{notes}");
    }
    assert!(!notes.contains("WARNING"), "{notes}");
    assert_eq!(
        serde_json::to_value(cluster.crd().await.expect("the definition").spec).expect("JSON")["versions"],
        serde_json::to_value(identity_pool_operator::api::crds::crd().spec).expect("JSON")["versions"],
    );

    let copy = with_another_field(&cluster);
    cluster.helm("upgrade", &copy, &[]).expect("upgraded");
    assert!(has_field(
        &cluster.crd().await.expect("there"),
        "newInThisVersion"
    ));

    let pools = cluster.pools().await;
    let object = IdentityPool::new("first", serde_json::from_value(json!({})).expect("a spec"));
    pools
        .create(&PostParams::default(), &object)
        .await
        .expect("accepted");
    let said = cluster
        .helm("uninstall", "--ignore-not-found", &[])
        .expect("uninstalled");
    assert!(said.contains(CRD), "it says what it keeps: {said}");
    assert!(pools.get_opt("first").await.expect("an answer").is_some());
    let left = cluster
        .kubectl("get deploy,sa,clusterrole,clusterrolebinding,role,rolebinding,pdb,svc -A -l app.kubernetes.io/instance=pools -o name")
        .await;
    assert_eq!(left, "", "nothing else stays");

    // The same release takes its definitions back by itself.
    cluster
        .helm("install", &here, &[])
        .expect("installed again");
    assert!(!has_field(
        &cluster.crd().await.expect("there"),
        "newInThisVersion"
    ));
}

#[tokio::test]
async fn definitions_of_somebody_else_are_taken_over_by_the_documented_command() {
    let cluster = Cluster::start().await;
    let crds = identity_pool_operator::api::crds::crds_yaml().expect("CRDs");
    cluster.plane.apply_crds(&crds).await.expect("accepted");
    let here = chart();
    let here = here.to_string_lossy();
    let refused = cluster
        .helm("install", &here, &["--create-namespace"])
        .expect_err("they are not of this release");
    let group = CRD.trim_start_matches("identitypools");
    assert!(refused.contains(group), "{refused}");
    assert!(refused.contains("cannot be imported"), "{refused}");
    assert!(text("docs/install.md").contains("--take-ownership"));
    cluster
        .helm(
            "install",
            &here,
            &[
                "--create-namespace",
                "--take-ownership",
                "--force-conflicts",
            ],
        )
        .expect("taken over");
    let labels = cluster.crd().await.expect("there").metadata.labels;
    assert_eq!(
        labels.expect("labels")["app.kubernetes.io/managed-by"],
        "Helm"
    );
}

/// As docs/install.md has it under "Several in one cluster".
#[tokio::test]
async fn a_team_has_an_operator_of_its_own_beside_the_one_of_the_cluster() {
    let cluster = Cluster::start().await;
    let here = chart();
    let here = here.to_string_lossy();
    let installed = cluster.helm("install", &here, &["--create-namespace"]);
    installed.expect("installed");
    let settings = "--set=installScope=namespace,installationId=eu-prod-1-shop,crds.enabled=false";
    let team = [
        "install",
        "team",
        &here,
        "--namespace=shop",
        "--create-namespace",
        settings,
    ];
    cluster.helm.run(&team).expect("installed");
    let roles = "get clusterroles,clusterrolebindings -l app.kubernetes.io/instance=team -o name";
    assert_eq!(
        cluster.kubectl(roles).await,
        "",
        "nothing of it is the cluster's"
    );
    let gone = cluster.helm.run(&["uninstall", "team", "--namespace=shop"]);
    let said = gone.expect("uninstalled");
    assert!(!said.contains(CRD), "{said}");
    assert!(cluster.crd().await.is_some());
}

#[tokio::test]
async fn without_keep_the_definitions_go_with_the_release() {
    let cluster = Cluster::start().await;
    let here = chart();
    let notes = cluster
        .helm(
            "install",
            &here.to_string_lossy(),
            &["--create-namespace", "--set=crds.keep=false"],
        )
        .expect("installed");
    assert!(notes.contains("WARNING crds.keep"), "{notes}");
    cluster
        .helm("uninstall", "--ignore-not-found", &[])
        .expect("uninstalled");
    let going = match cluster.crd().await {
        None => true,
        Some(crd) => crd.metadata.deletion_timestamp.is_some(),
    };
    assert!(going);
}

#[tokio::test]
async fn a_packed_chart_brings_the_definitions_with_it() {
    let helm = Helm::offline();
    let folder = helm.file("x", "");
    let folder = folder
        .parent()
        .expect("a folder")
        .to_string_lossy()
        .into_owned();
    let packed = helm
        .run(&[
            "package",
            &chart().to_string_lossy(),
            "--destination",
            &folder,
        ])
        .expect("packed");
    let archive = packed
        .trim()
        .rsplit(": ")
        .next()
        .expect("a path")
        .to_owned();
    let rendered = helm
        .run(&["template", "pools", &archive])
        .expect("rendered");
    assert!(rendered.contains("kind: CustomResourceDefinition"));
}

#[tokio::test]
async fn the_definitions_are_those_of_the_repository_but_for_the_marks_of_the_release() {
    let rendered = Helm::offline()
        .render(&json!({}), crate::helm::SERVED)
        .expect("rendered");
    for file in ["identitypools", "identitypoolclasses"] {
        let is_it = |document: &&Value| {
            document["kind"] == "CustomResourceDefinition"
                && document["spec"]["names"]["plural"] == file
        };
        let mut crd = rendered.iter().find(is_it).expect("it is there").clone();
        let metadata = crd["metadata"].as_object_mut().expect("metadata");
        metadata.remove("labels");
        let annotations = metadata.remove("annotations").expect("annotations");
        assert_eq!(annotations, json!({ "helm.sh/resource-policy": "keep" }));
        let stored = text(&format!("crds/{file}.yaml"));
        let stored: Value = serde_saphyr::from_str(&stored).expect("YAML");
        assert_eq!(crd, stored);
    }
}
