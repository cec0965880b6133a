//! The fake against a client that we did not write: boto3 runs the conformance lists.

use std::path::Path;

use harness::cognito::FakeCognito;
use harness::python;

#[tokio::test]
async fn boto3_agrees_with_every_case_of_the_conformance_lists() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
    let requirements = folder.join("requirements.txt");
    let python = tokio::task::spawn_blocking(move || python::venv("boto3", &requirements));
    let python = python.await.expect("no panic").expect("boto3 is installed");
    let fake = FakeCognito::start().await;
    let output = tokio::process::Command::new(python)
        .arg(folder.join("run.py"))
        .arg(fake.endpoint())
        .kill_on_drop(true)
        .output()
        .await
        .expect("the client runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    let closing = said.lines().last().unwrap_or_default();
    let passed: usize = closing
        .split_whitespace()
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    assert!(passed >= 100 && closing.contains(" 0 failed"), "{closing}");
}
