//! What Argo CD, Flux, Helm and `kubectl wait` make of our objects.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use harness::control_plane::{ControlPlane, Namespace};
use harness::project;
use harness::tools::debian;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams,
};
use serde_json::{Value, json};

use crate::helm::{Helm, answer, documents, text, tools};
use crate::states::{Kstatus, World, recorded};

/// A value as Lua writes it.
fn lua(value: &Value) -> String {
    let text = |text: &str| -> String {
        let bytes: Vec<String> = text.bytes().map(|byte| format!("\\{byte:03}")).collect();
        format!("\"{}\"", bytes.concat())
    };
    match value {
        Value::Null => "nil".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(string) => text(string),
        Value::Array(items) => format!(
            "{{{}}}",
            items.iter().map(lua).collect::<Vec<_>>().join(",")
        ),
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| format!("[{}]={}", text(name), lua(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
    }
}

/// Both kinds of Lua 5.1: the one that is part of Argo CD, and that of its authors, where there is a
/// Debian to have it from.
fn interpreters() -> &'static [PathBuf] {
    static FOUND: OnceLock<Vec<PathBuf>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let mut found = vec![tools().glua.clone()];
        match debian::lua() {
            Ok(lua) => found.push(lua),
            Err(error) => eprintln!("NOT TESTED: the health check in lua5.1: {error}"),
        }
        found
    })
}

/// Status and message that the health check gives an object, in every Lua.
fn health(object: &Value) -> (String, String) {
    let helm = Helm::offline();
    let check = text("docs/argocd-health.lua");
    let script = format!(
        "obj = {}\nlocal function check()\n{check}\nend\nlocal hs = check()\nprint(hs.status)\nprint(hs.message)\n",
        lua(object)
    );
    let file = helm.file("health.lua", &script);
    let mut answers = interpreters().iter().map(|lua| {
        let said = answer(Command::new(lua).arg(&file)).unwrap_or_else(|error| panic!("{error}"));
        let (status, message) = said.split_once('\n').expect("two lines");
        (status.to_owned(), message.trim().to_owned())
    });
    let first = answers.next().expect("there is one at least");
    for other in answers {
        assert_eq!(other, first, "Lua and Lua do not agree");
    }
    first
}

#[tokio::test]
async fn argo_cd_shows_each_state_by_its_health() {
    for (state, object) in recorded().await {
        let (status, message) = health(object);
        let (expected, says) = state.argo;
        assert_eq!(status, expected, "{}: {message}", state.name);
        assert!(message.contains(says), "{}: {message}", state.name);
    }
}

#[tokio::test]
async fn argo_cd_waits_for_the_generation_that_it_applied() {
    let (_, ready) = &recorded().await[0];
    let mut newer = ready.clone();
    newer["metadata"]["generation"] = json!(2);
    let mut fresh = newer.clone();
    fresh["status"] = json!({ "observedGeneration": -1 });
    let mut bare = newer.clone();
    bare.as_object_mut().expect("an object").remove("status");
    for object in [newer, fresh, bare] {
        assert_eq!(health(&object).0, "Progressing", "{}", object["status"]);
    }
    let mut going = ready.clone();
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    assert_eq!(
        health(&going),
        (
            "Progressing".into(),
            "The pool is being deleted or let go".into()
        )
    );
}

#[test]
fn the_documented_health_check_is_the_file() {
    let page = text("docs/gitops.md");
    let check = text("docs/argocd-health.lua");
    let indented: String = check
        .lines()
        .map(|line| {
            if line.is_empty() {
                "\n".into()
            } else {
                format!("    {line}\n")
            }
        })
        .collect();
    assert!(
        page.contains(&indented),
        "docs/gitops.md does not show docs/argocd-health.lua as it is"
    );
}

fn identity_pools(client: kube::Client, namespace: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("cognito-identity.dev", "v1alpha1", "IdentityPool");
    Api::namespaced_with(client, namespace, &ApiResource::from_gvk(&kind))
}

/// A namespace that no operator looks after, with an object whose status is put there.
async fn frozen(status: &Value, spec: &Value) -> (&'static ControlPlane, String) {
    let plane = ControlPlane::shared().await;
    let client = plane.client().await.expect("a client");
    let namespace = Namespace::create(&client, "frozen").await.expect("made");
    let namespace = namespace.name().to_owned();
    let pools = identity_pools(client, &namespace);
    let object = json!({ "apiVersion": "cognito-identity.dev/v1alpha1", "kind": "IdentityPool",
        "metadata": { "name": "pool" }, "spec": spec });
    let applied = pools
        .patch("pool", &PatchParams::apply("helm"), &Patch::Apply(&object))
        .await;
    applied.expect("accepted");
    let status = json!({ "status": status });
    let patched = pools
        .patch_status("pool", &PatchParams::default(), &Patch::Merge(status))
        .await;
    patched.expect("accepted");
    (plane, namespace)
}

/// Has helm apply an object that is there already, and wait for it with kstatus.
fn helm_waits(plane: &ControlPlane, namespace: &str, spec: &Value) -> Kstatus {
    let helm = Helm::on(plane.kubeconfig_path());
    let folder = helm.file("chart", "");
    fs::remove_file(&folder).expect("removed");
    fs::create_dir_all(folder.join("templates")).expect("a folder");
    let chart = "{apiVersion: v2, name: pool, version: 1.0.0}";
    fs::write(folder.join("Chart.yaml"), chart).expect("written");
    let object = json!({ "apiVersion": "cognito-identity.dev/v1alpha1", "kind": "IdentityPool",
        "metadata": { "name": "pool" }, "spec": spec });
    fs::write(folder.join("templates/pool.yaml"), object.to_string()).expect("written");
    let installed = helm.run(&[
        "install",
        "pool",
        &folder.to_string_lossy(),
        "--take-ownership",
        "--force-conflicts",
        "--wait=watcher",
        "--timeout=3s",
        "--namespace",
        namespace,
    ]);
    match installed {
        Ok(_) => Kstatus::Current,
        Err(said) if said.contains("InProgress") => Kstatus::InProgress,
        Err(said) if said.contains("Failed") => Kstatus::Failed,
        Err(said) => panic!("{said}"),
    }
}

/// kstatus as Helm has it, which is that of Flux.
#[tokio::test(flavor = "multi_thread")]
async fn helm_and_flux_see_each_state_by_kstatus() {
    let mut waits = Vec::new();
    for (state, object) in recorded().await {
        // An object that is being deleted cannot be applied.
        if object["metadata"]["deletionTimestamp"].is_string() {
            continue;
        }
        let mut status = object["status"].clone();
        status["observedGeneration"] = json!(1);
        let (plane, namespace) = frozen(&status, &object["spec"]).await;
        let spec = object["spec"].clone();
        waits.push(tokio::task::spawn_blocking(move || {
            (state, helm_waits(plane, &namespace, &spec))
        }));
    }
    for wait in waits {
        let (state, seen) = wait.await.expect("helm runs");
        assert_eq!(seen, state.kstatus, "{}", state.name);
    }
    // Not seen yet, and seen in an older generation only.
    let (_, ready) = &recorded().await[0];
    let mut old = ready["status"].clone();
    old["observedGeneration"] = json!(0);
    for status in [json!({ "observedGeneration": -1 }), old] {
        let (plane, namespace) = frozen(&status, &json!({})).await;
        let wait = tokio::task::spawn_blocking(move || helm_waits(plane, &namespace, &json!({})));
        assert_eq!(
            wait.await.expect("helm runs"),
            Kstatus::InProgress,
            "{status}"
        );
    }
}

/// Removes what stands for nothing.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

/// No tool sees a difference for ever: what is stored is what was applied. The apiserver adds
/// members of the spec alone, never inside of what was given, where tools compare the whole.
#[tokio::test]
async fn what_is_stored_is_what_was_applied() {
    let plane = ControlPlane::shared().await;
    let crds = identity_pool_operator::api::crds::crds_yaml().expect("CRDs");
    plane.apply_crds(&crds).await.expect("accepted");
    let client = plane.client().await.expect("a client");
    let namespace = Namespace::create(&client, "applied").await.expect("made");
    let pools = identity_pools(client, namespace.name());
    let params = PatchParams::apply("argocd-controller");
    let folder = project::root().join("tests/manifests/accepted");
    let mut seen = 0;
    for entry in fs::read_dir(folder).expect("the manifests") {
        let path = entry.expect("an entry").path();
        let mut manifests = documents(&fs::read_to_string(&path).expect("a manifest"));
        // With two documents it is an update: the latter is what stays.
        let mut object = manifests.pop().expect("an object");
        // Server-side apply takes null for a value, and refuses it as one of the wrong type.
        without_nulls(&mut object);
        let name = object["metadata"]["name"]
            .as_str()
            .expect("a name")
            .to_owned();
        let wanted = Patch::Apply(object.clone());
        let answer = pools.patch(&name, &params, &wanted).await;
        let first = answer.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for (field, value) in object["spec"].as_object().into_iter().flatten() {
            assert_eq!(
                &first.data["spec"][field],
                value,
                "{}: {field}",
                path.display()
            );
        }
        // The apiserver stores with the second write what it showed by default after the first.
        let second = pools
            .patch(&name, &params, &wanted)
            .await
            .expect("accepted");
        let third = pools
            .patch(&name, &params, &wanted)
            .await
            .expect("accepted");
        assert_eq!(
            third.metadata.resource_version,
            second.metadata.resource_version,
            "{}: applied again, it is written again",
            path.display()
        );
        assert_eq!(third.metadata.generation, first.metadata.generation);
        pools
            .delete(&name, &DeleteParams::default())
            .await
            .expect("accepted");
        seen += 1;
    }
    assert!(seen > 40, "{seen}");
}

/// The examples of `kubectl wait` in the docs work as they stand there.
#[tokio::test]
async fn the_documented_waits_end() {
    let world = World::start("waits").await;
    let page = text("docs/gitops.md");
    let lines: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("kubectl "))
        .collect();
    assert!(
        lines.iter().filter(|line| line.contains(" wait ")).count() > 3,
        "{lines:?}"
    );
    let object =
        "{apiVersion: cognito-identity.dev/v1alpha1, kind: IdentityPool, metadata: {name: web}}";
    let apply = ["apply", "-n", &world.namespace, "-f", "-"];
    world
        .plane
        .kubectl_with_input(&apply, object)
        .await
        .expect("accepted");
    for line in lines {
        let line = line.split(" #").next().unwrap_or_default().trim();
        let line = line.replace("-n shop", &format!("-n {}", world.namespace));
        let arguments: Vec<String> = line
            .split_whitespace()
            .skip(1)
            .map(|word| word.replace('\'', ""))
            .collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let answer = world.plane.kubectl(&arguments).await;
        answer.unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}
