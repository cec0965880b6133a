//! A pod without AWS settings runs and says what is missing, and goes on when it appears.

use std::fs;
use std::process::Command;
use std::time::Duration;

use harness::operator::{Operator, SECRET};
use harness::scratch::Scratch;
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, ListParams};

use crate::binary::until_page;
use crate::rig::{REGION, Rig};
use crate::start::{changed, command};

/// The notes of the Events on a pod, with their reasons.
async fn events(rig: &Rig, pod: &str) -> Vec<(String, String)> {
    let events: Api<Event> = Api::all(rig.client.clone());
    let list = events.list(&ListParams::default()).await.expect("Events");
    let on_it = list
        .into_iter()
        .filter(|event| event.regarding.as_ref().and_then(|on| on.name.as_deref()) == Some(pod));
    on_it
        .map(|event| {
            (
                event.reason.unwrap_or_default(),
                event.note.unwrap_or_default(),
            )
        })
        .collect()
}

/// Waits until the readiness page says something.
async fn until_ready_says(operator: &Operator, says: &str) {
    let said = async {
        while !operator
            .probe("/readyz")
            .await
            .is_some_and(|page| page.contains(says))
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let said = tokio::time::timeout(Duration::from_secs(30), said).await;
    assert!(said.is_ok(), "never {says:?}; log: {}", operator.log());
}

/// The operator as in a pod that has its settings, but for these changes.
fn pod(rig: &Rig, changes: &[&str]) -> Command {
    let given = command(rig.plane.kubeconfig_path(), &rig.fake.endpoint());
    let mut pod = changed(given, changes);
    for name in ["METRICS_BIND_ADDRESS", "HEALTH_PROBE_BIND_ADDRESS"] {
        pod.env_remove(name);
    }
    pod.env("LOG_LEVEL", "info")
        .env("POD_NAME", &rig.namespace)
        .env("POD_UID", "0f7a3d63-95a1-4b0e-9a0c-6c1c0a7de3f1")
        .args(["run", "--wait-for-aws", "--leader-elect=false"])
        .arg(format!("--watch-namespaces={}", rig.namespace));
    pod
}

const NO_KEYS: [&str; 2] = ["-AWS_ACCESS_KEY_ID", "-AWS_SECRET_ACCESS_KEY"];

#[tokio::test]
async fn keys_of_a_secret_that_is_mounted_later_are_waited_for_by_the_name_of_the_file() {
    let (rig, scratch) = (Rig::new("keys").await, Scratch::new().expect("a folder"));
    let folder = scratch.path().join("aws");
    let mut without = pod(&rig, &NO_KEYS);
    without.arg(format!("--aws-keys-directory={}", folder.display()));
    let mut operator =
        Operator::start_command(without, &scratch.path().join("log")).expect("it starts");

    until_ready_says(&operator, "/aws/AWS_ACCESS_KEY_ID cannot be read").await;
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("AWS_ACCESS_KEY_ID"), "AKIATEST\n").expect("written");
    fs::write(folder.join("AWS_SECRET_ACCESS_KEY"), "\n").expect("written");
    until_ready_says(&operator, "/aws/AWS_SECRET_ACCESS_KEY is empty").await;
    fs::write(folder.join("AWS_SECRET_ACCESS_KEY"), SECRET).expect("written");
    operator.ready().await.expect("ready");
    operator.ensure_running().expect("it never ended");

    let log = operator.log();
    assert!(!log.contains(SECRET), "{log}");
    let told = log.lines().filter(|line| line.contains(" ERROR "));
    assert_eq!(told.count(), 2, "one line for each trouble: {log}");
    let events = events(&rig, &rig.namespace).await;
    let missing = events
        .iter()
        .find(|(_, note)| note.contains("no AWS credentials"));
    let (_, note) = missing.expect("an Event");
    assert!(note.contains("Secret that is mounted there"), "{note}");
}

#[tokio::test]
async fn region_and_credentials_that_are_missing_are_waited_for_and_told() {
    let (rig, scratch) = (Rig::new("without").await, Scratch::new().expect("a folder"));
    let path = |name: &str| scratch.path().join(name);
    let mut without = changed(pod(&rig, &NO_KEYS), &["-AWS_REGION"]);
    without
        .env("AWS_CONFIG_FILE", path("config"))
        .env("AWS_SHARED_CREDENTIALS_FILE", path("credentials"));
    let mut operator = Operator::start_command(without, &path("log")).expect("it starts");

    until_ready_says(&operator, "aws-identity: no AWS region").await;
    until_page(&operator, "\nidentity_pool_operator_aws_identity 0\n").await;
    // The SDK warns of files that are not there: once, however often they are looked for.
    let warnings = |log: &str| log.matches("env=AWS_SHARED_CREDENTIALS_FILE").count();
    let warned = warnings(&operator.log());
    fs::write(path("config"), format!("[default]\nregion = {REGION}\n")).expect("written");
    until_ready_says(&operator, "aws-identity: no AWS credentials that work").await;
    let keys =
        format!("[default]\naws_access_key_id = AKIATEST\naws_secret_access_key = {SECRET}\n");
    fs::write(path("credentials"), keys).expect("written");
    operator.ready().await.expect("ready");
    until_page(&operator, "\nidentity_pool_operator_aws_identity 1\n").await;
    operator.ensure_running().expect("it never ended");

    let log = operator.log();
    let told = log.lines().filter(|line| line.contains(" ERROR "));
    assert_eq!(told.count(), 2, "one line for each trouble: {log}");
    assert_eq!(warnings(&log), warned, "{log}");
    let mut events = events(&rig, &rig.namespace).await;
    events.sort();
    let reasons: Vec<&str> = events.iter().map(|(reason, _)| reason.as_str()).collect();
    assert_eq!(
        reasons,
        ["AwsSettingsInvalid", "AwsUsable", "CredentialsRefused"]
    );
    let notes: String = events.iter().map(|(_, note)| note.as_str()).collect();
    for words in [
        "no AWS region: set AWS_REGION",
        "no AWS credentials",
        "the operator is arn:aws:sts",
    ] {
        assert!(notes.contains(words), "{words} not in {notes}");
    }
}
