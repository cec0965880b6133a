//! The fake against a client that we did not write, and beside an emulator that we did not
//! write: boto3 runs the conformance lists, and random calls against both.

use std::path::{Path, PathBuf};

use harness::cognito::FakeCognito;
use harness::ministack::Ministack;
use harness::python;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance")
}

/// Runs a script with boto3 to its good end, and returns its last line.
async fn boto3(script: &str, arguments: &[String]) -> String {
    let requirements = folder().join("requirements.txt");
    let python = tokio::task::spawn_blocking(move || python::venv("boto3", &requirements));
    let python = python.await.expect("no panic").expect("boto3 is installed");
    let output = tokio::process::Command::new(python)
        // No compiled copies in the source tree.
        .arg("-B")
        .arg(folder().join(script))
        .args(arguments)
        .kill_on_drop(true)
        .output()
        .await
        .expect("the client runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    said.lines().last().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn boto3_agrees_with_every_case_of_the_conformance_lists() {
    let fake = FakeCognito::start().await;
    let closing = boto3("run.py", &[fake.endpoint()]).await;
    let passed: usize = closing
        .split_whitespace()
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    assert!(passed >= 100 && closing.contains(" 0 failed"), "{closing}");
}

#[tokio::test]
async fn random_calls_are_answered_as_ministack_answers_them_where_it_is_faithful() {
    let ministack = Ministack::start().await.expect("MiniStack starts");
    let fake = FakeCognito::start().await;
    let closing = boto3("random/walk.py", &[fake.endpoint(), ministack.endpoint()]).await;
    assert!(
        closing.starts_with("100 sequences of 30 calls"),
        "{closing}"
    );
    assert!(closing.ends_with(" 0 failures"), "{closing}");
}
