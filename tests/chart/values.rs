//! Every value makes a difference, and what comes of it is good for every Kubernetes release.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::control_plane::ControlPlane;
use harness::{project, python};
use serde_json::{Value, json};

use crate::helm::{Helm, RELEASES, SERVED, answer, chart, of_kind, tools};
use crate::space::{self, Leaf};

use crate::tried::{all, render};

#[test]
fn values_and_schema_know_the_same() {
    let missing: Vec<String> = space::leaves()
        .iter()
        .filter(|leaf| !leaf.has_default())
        .map(Leaf::name)
        .collect();
    assert!(
        missing.is_empty(),
        "in the schema, not in values.yaml: {missing:?}"
    );
    let unknown = space::unknown_defaults();
    assert!(
        unknown.is_empty(),
        "in values.yaml, not in the schema: {unknown:?}"
    );
}

#[test]
fn every_value_can_be_something_else_and_that_makes_a_difference() {
    let single: Vec<String> = space::leaves()
        .iter()
        .filter(|leaf| leaf.choices().is_empty())
        .map(Leaf::name)
        .collect();
    assert!(
        single.is_empty(),
        "without another choice: give them examples: {single:?}"
    );
    assert!(all().1.is_empty(), "without effect: {:?}", all().1);
}

/// Kinds of others, whose schemas Kubernetes does not have; the apiserver judges them below.
const FOREIGN: [&str; 3] = ["ServiceMonitor", "PodMonitor", "PrometheusRule"];

/// The strict schemas of a release, in a folder where they refer to each other: as published they
/// refer to a web site.
fn schemas(helm: &Helm, release: &str, published: &Path) -> PathBuf {
    let folder = helm.file(&format!("schemas-{release}"), "");
    fs::remove_file(&folder).expect("removed");
    fs::create_dir(&folder).expect("a folder");
    let source = published.join(format!("v{release}.0-local-strict"));
    for entry in fs::read_dir(&source).expect("the schemas of this release") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("a schema");
        let text = text.replace("\"/api/_definitions.json#", "\"_definitions.json#");
        let mut schema: Value = serde_json::from_str(&text).expect("JSON");
        schema.as_object_mut().expect("a schema").remove("$id");
        let name = path.file_name().expect("a name");
        fs::write(folder.join(name), schema.to_string()).expect("written");
    }
    folder
}

/// Where the published schemas are.
fn published() -> PathBuf {
    let requirements = project::root().join("tests/harness/python/kubernetes-schemas.txt");
    let python = python::venv("kubernetes-schemas", &requirements).expect("an environment");
    let script = "import importlib.util as u; print(u.find_spec('kubernetes_validate').submodule_search_locations[0])";
    let folder = answer(Command::new(python).args(["-c", script])).expect("the package");
    Path::new(folder.trim()).join("kubernetes-json-schema")
}

#[test]
fn what_is_rendered_is_valid_for_its_release() {
    let helm = Helm::offline();
    let published = published();
    for release in RELEASES {
        let schemas = schemas(&helm, release, &published);
        let folder = helm.file(release, "");
        fs::remove_file(&folder).expect("removed");
        fs::create_dir(&folder).expect("a folder");
        let mut seen = BTreeSet::new();
        for rendered in all()
            .0
            .iter()
            .filter(|rendered| rendered.release == release)
        {
            for document in &rendered.documents {
                let text = document.to_string();
                if seen.insert(text.clone()) {
                    let name = rendered
                        .what
                        .replace(|char: char| !char.is_alphanumeric(), "-");
                    let name: String = name.chars().take(80).collect();
                    let file = folder.join(format!("{}-{name}.json", seen.len()));
                    fs::write(file, text).expect("written");
                }
            }
        }
        let verdict = answer(
            Command::new(&tools().kubeconform)
                .args(["-strict", "-summary", "-skip", &FOREIGN.join(",")])
                .args(["-kubernetes-version", &format!("{release}.0")])
                .arg("-schema-location")
                .arg(schemas.join("{{.ResourceKind}}{{.KindSuffix}}.json"))
                .arg(&folder),
        );
        let verdict = verdict.unwrap_or_else(|error| panic!("{release}: {error}"));
        assert!(verdict.contains("Invalid: 0, Errors: 0"), "{verdict}");
    }
}

/// What kube-score says that we do not follow, and why.
const UNFOLLOWED: [&str; 1] = [
    // Tags of releases do not move, and a registry that is down must not keep a pod from starting.
    "container-image-pull-policy",
];

#[test]
fn what_is_rendered_follows_good_practice() {
    let helm = Helm::offline();
    let values = json!({ "networkPolicy": { "enabled": true } });
    let mut documents = render(&helm, "kube-score", &values, "1.36");
    // The pod of helm test lives for seconds, and is let in by the policy of the others.
    documents.retain(|document| document["kind"] != "Pod");
    let yaml: Vec<String> = documents.iter().map(ToString::to_string).collect();
    let file = helm.file("score.yaml", &yaml.join("\n---\n"));
    let mut score = Command::new(&tools().kube_score);
    score.arg("score").arg("--exit-one-on-warning");
    for check in UNFOLLOWED {
        score.args(["--ignore-test", check]);
    }
    answer(score.arg(file)).unwrap_or_else(|error| panic!("{error}"));
}

/// A cluster for looking only: every namespace is there, and takes restricted pods only.
async fn cluster() -> &'static ControlPlane {
    let plane = ControlPlane::shared().await;
    let crds = crate::helm::text("tests/crds/prometheus.yaml");
    plane.apply_crds(&crds).await.expect("accepted");
    let namespaces: BTreeSet<String> = all()
        .0
        .iter()
        .flat_map(|rendered| &rendered.documents)
        .filter_map(|document| {
            document["metadata"]["namespace"]
                .as_str()
                .map(str::to_owned)
        })
        .collect();
    let namespace = |name: &String| {
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": {
            "name": name, "labels": { "pod-security.kubernetes.io/enforce": "restricted" } } })
        .to_string()
    };
    let list: Vec<String> = namespaces.iter().map(namespace).collect();
    let apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    let made = plane
        .kubectl_with_input(&apply, &list.join("\n---\n"))
        .await;
    made.expect("namespaces");
    plane
}

/// Has the apiserver look at documents as it would store them, without storing them.
async fn tried(plane: &ControlPlane, documents: &BTreeSet<String>) {
    let apply = [
        "apply",
        "--server-side",
        "--force-conflicts",
        "--dry-run=server",
        "--validate=strict",
        "-f",
        "-",
    ];
    let documents: Vec<&str> = documents.iter().map(String::as_str).collect();
    let answer = plane
        .kubectl_with_input(&apply, &documents.join("\n---\n"))
        .await;
    answer.unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test]
async fn what_is_rendered_is_taken_by_a_real_apiserver() {
    let plane = cluster().await;
    let documents = all().0.iter().flat_map(|rendered| &rendered.documents);
    let mut different: BTreeSet<String> = documents.map(ToString::to_string).collect();
    // Without a namespace it goes to the one of the release.
    different
        .retain(|document| !document.contains("pools-extra") && !document.contains("extra-text"));
    assert!(different.len() > 100, "{}", different.len());
    tried(plane, &different).await;
}

#[tokio::test]
async fn every_pod_is_taken_where_only_restricted_pods_are() {
    let plane = cluster().await;
    let mut pods = BTreeSet::new();
    for rendered in &all().0 {
        for deployment in of_kind(&rendered.documents, "Deployment") {
            let template = &deployment["spec"]["template"];
            let mut pod = json!({ "apiVersion": "v1", "kind": "Pod",
                "metadata": template["metadata"], "spec": template["spec"] });
            pod["metadata"]["name"] = json!("pod");
            pod["metadata"]["namespace"] = deployment["metadata"]["namespace"].clone();
            pods.insert(pod.to_string());
        }
        pods.extend(
            of_kind(&rendered.documents, "Pod")
                .into_iter()
                .map(Value::to_string),
        );
    }
    // A PriorityClass that is not there is refused; those of Kubernetes are everywhere.
    tried(plane, &pods).await;
    let loose = pods
        .iter()
        .next()
        .expect("a pod")
        .replace("\"drop\":[\"ALL\"]", "\"drop\":[]");
    let refused = plane
        .kubectl_with_input(&["create", "--dry-run=server", "-f", "-"], &loose)
        .await
        .expect_err("the look is worth something");
    assert!(refused.to_string().contains("restricted"), "{refused}");
}

/// What helm says to values that it must refuse.
fn refusal(helm: &Helm, values: &Value) -> String {
    let refused = helm.render(values, "1.36").err();
    refused.unwrap_or_else(|| panic!("not refused: {values}"))
}

#[test]
fn a_typo_is_refused_with_its_path() {
    let helm = Helm::offline();
    for object in space::objects() {
        let mistyped = [&object[..], &["tpyo".to_owned()]].concat();
        let said = refusal(&helm, &space::lone(&mistyped, &json!(1)));
        let place = format!("at '/{}'", object.join("/")).replace("'/'", "''");
        assert!(
            said.contains(&place) && said.contains("'tpyo' not allowed"),
            "{object:?}: {said}"
        );
    }
}

#[test]
fn a_value_of_another_type_is_refused_with_its_path() {
    let helm = Helm::offline();
    for leaf in space::leaves() {
        let said = refusal(&helm, &space::lone(&leaf.path, &leaf.absurd()));
        let place = format!("at '/{}'", leaf.path.join("/"));
        assert!(said.contains(&place), "{}: {said}", leaf.name());
    }
}

/// With null helm takes a default away.
#[test]
fn a_value_that_is_taken_away_is_missed_by_its_path_or_leaves_no_hole() {
    let helm = Helm::offline();
    let (mut missed, mut harmless) = (0, 0);
    for path in space::objects().into_iter().skip(1).chain(paths()) {
        let mut values = space::everything();
        space::merge(&mut values, &space::lone(&path, &Value::Null));
        let name = path.last().expect("a name");
        match helm.render(&values, SERVED) {
            Ok(documents) => {
                assert!(!documents.iter().any(has_hole), "{path:?} leaves a hole");
                harmless += 1;
            }
            Err(said) => {
                let place = format!("at '/{}'", path[..path.len() - 1].join("/"));
                let place = place.replace("'/'", "''");
                assert!(said.contains(&place), "{path:?}: {said}");
                assert!(
                    said.contains(&format!("missing property '{name}'")),
                    "{path:?}: {said}"
                );
                missed += 1;
            }
        }
    }
    assert!(
        missed > 80 && harmless > 30,
        "{missed} missed, {harmless} harmless"
    );
}

/// Null, or what a template makes of it in a text.
fn has_hole(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.contains("%!"),
        Value::Array(items) => items.iter().any(has_hole),
        Value::Object(members) => members.values().any(has_hole),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn paths() -> impl Iterator<Item = Vec<String>> {
    space::leaves().into_iter().map(|leaf| leaf.path)
}

#[test]
fn values_that_do_not_go_together_are_refused_with_a_sentence() {
    let helm = Helm::offline();
    let monitors =
        json!({ "serviceMonitor": { "enabled": true }, "podMonitor": { "enabled": true } });
    let unmeasured = json!({ "enabled": false, "serviceMonitor": { "enabled": true } });
    for (values, says) in [
        (
            json!({ "installScope": "namespace" }),
            "installationId: with installScope: namespace",
        ),
        (
            json!({ "installScope": "namespace", "installationId": "x", "guardrails": { "enabled": true } }),
            "guardrails.enabled: a ValidatingAdmissionPolicy is for the whole cluster",
        ),
        (
            json!({ "leaderElection": { "enabled": false } }),
            "replicaCount: without leader election",
        ),
        (
            json!({ "leaderElection": { "leaseDurationSeconds": 10 } }),
            "leaderElection.leaseDurationSeconds: must be more than",
        ),
        (
            json!({ "leaderElection": { "retryPeriodSeconds": 10 } }),
            "leaderElection.renewDeadlineSeconds: must be more than",
        ),
        (
            json!({ "metrics": monitors }),
            "metrics.podMonitor.enabled: with",
        ),
        (
            json!({ "metrics": unmeasured }),
            "metrics.enabled: there is nothing to scrape",
        ),
        (
            json!({ "fullnameOverride": "1st" }),
            "fullnameOverride: 1st begins with a digit",
        ),
        (
            json!({ "healthProbePort": 8080 }),
            "healthProbePort: metrics.port is the same",
        ),
    ] {
        let said = refusal(&helm, &values);
        assert!(said.contains(says), "{values}: {said}");
    }
}

#[test]
fn helm_finds_nothing_to_say() {
    let helm = Helm::offline();
    let file = helm.file("values.json", &space::everything().to_string());
    let chart = chart();
    let chart = chart.to_string_lossy();
    for values in [&[][..], &["--values", &file.to_string_lossy()]] {
        let said = helm.run(&[&["lint", &chart, "--strict"], values].concat());
        said.unwrap_or_else(|error| panic!("{error}"));
    }
}
