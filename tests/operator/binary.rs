//! The binary as kubelet and people run it: flags, exit codes, probes, SIGKILL.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use harness::cognito::{FakeCognito, Fault, FaultKind};
use harness::control_plane::ControlPlane;
use harness::operator::{Operator, SECRET};
use harness::scratch::Scratch;
use identity_pool_operator::api::IdentityPoolSpec;

use crate::rig::{REGION, Rig, pool_id};

const BINARY: &str = env!("CARGO_BIN_EXE_identity-pool-operator");

/// The binary with nothing of this machine's environment but what it needs.
fn command(kubeconfig: &Path, endpoint: &str) -> Command {
    let mut command = Command::new(BINARY);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("KUBECONFIG", kubeconfig)
        .env("AWS_REGION", REGION)
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ACCESS_KEY_ID", "AKIATEST")
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("NO_PROXY", "127.0.0.1");
    command
}

/// Starts it for one world.
fn start(kubeconfig: &Path, fake: &FakeCognito, scratch: &Scratch, flags: &[&str]) -> Operator {
    let log = scratch.path().join("operator.log");
    Operator::start(Path::new(BINARY), fake, Some(kubeconfig), flags, &log).expect("it starts")
}

/// Waits until a probe says something.
async fn until_probe(operator: &Operator, path: &str, says: &str) -> String {
    let answered = async {
        loop {
            let answer = operator.probe(path).await;
            if let Some(answer) = answer.filter(|answer| answer.contains(says)) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(30), answered).await;
    answer.unwrap_or_else(|_| panic!("{path} never said {says:?}; log: {}", operator.log()))
}

/// Waits until the metrics say something.
async fn until_page(operator: &Operator, line: &str) -> String {
    let mut page = String::new();
    let said = async {
        while !page.contains(line) {
            page = operator.metrics().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let said = tokio::time::timeout(Duration::from_secs(30), said).await;
    assert!(said.is_ok(), "{line} not in {page}");
    page
}

/// Runs it to its end; one that runs on instead is ended, which no test takes for success.
async fn run(command: Command, arguments: &[&str]) -> Output {
    let mut command = tokio::process::Command::from(command);
    let ended = command.args(arguments).kill_on_drop(true).output();
    let output = tokio::time::timeout(Duration::from_secs(20), ended).await;
    output
        .unwrap_or_else(|_| panic!("{arguments:?}: it still runs"))
        .expect("it runs")
}

/// One line on standard error, and code 2.
fn assert_misuse(output: &Output, says: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    let last = said.lines().last().unwrap_or_default();
    assert!(last.contains(says), "{says:?} not in {said}");
}

#[tokio::test]
async fn wrong_flags_and_credentials_end_it_with_one_line_and_code_2() {
    let rig = Rig::new("misuse").await;
    let kubeconfig = rig.plane.kubeconfig_path();
    let endpoint = rig.fake.endpoint();
    let quiet = [
        "run",
        "--metrics-bind-address",
        "0",
        "--health-probe-bind-address",
        "0",
    ];
    let filter: Vec<&str> = quiet
        .into_iter()
        .chain(["--log-level", "in fo=5=x"])
        .collect();
    assert_misuse(
        &run(command(kubeconfig, &endpoint), &filter).await,
        "--log-level",
    );
    let nowhere = run(command(Path::new("/nonexistent"), &endpoint), &quiet).await;
    assert_misuse(&nowhere, "KUBECONFIG");
    let mut no_region = command(kubeconfig, &endpoint);
    no_region.env_remove("AWS_REGION");
    assert_misuse(&run(no_region, &quiet).await, "AWS_REGION");
    let mut no_credentials = command(kubeconfig, &endpoint);
    no_credentials
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY");
    assert_misuse(&run(no_credentials, &quiet).await, "credentials");
    let unknown = FaultKind::ErrorBefore {
        status: 403,
        code: "InvalidClientTokenId".into(),
    };
    rig.fake.inject(Fault::on("GetCallerIdentity", unknown));
    let wrong_key = run(command(kubeconfig, &endpoint), &quiet).await;
    assert_misuse(&wrong_key, "InvalidClientTokenId");
    let bad_address = run(
        command(kubeconfig, &endpoint),
        &["run", "--metrics-bind-address", "8080"],
    )
    .await;
    assert_eq!(bad_address.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&bad_address.stderr).contains("host:port"));
}

#[tokio::test]
async fn crd_prints_what_is_installed() {
    let printed = run(
        command(Path::new("/nonexistent"), "http://127.0.0.1:1"),
        &["crd"],
    )
    .await;
    assert!(printed.status.success());
    let stored = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/crds/identitypools.yaml"
    ));
    assert_eq!(
        String::from_utf8_lossy(&printed.stdout),
        stored.expect("crds/identitypools.yaml")
    );
}

#[tokio::test]
async fn without_the_crd_it_waits_and_says_so() {
    let plane = ControlPlane::start().await.expect("a control plane");
    let (fake, scratch) = (
        FakeCognito::start().await,
        Scratch::new().expect("a folder"),
    );
    let mut operator = start(plane.kubeconfig_path(), &fake, &scratch, &[]);
    let page = until_probe(&operator, "/readyz", "identitypools.cognito-identity.dev").await;
    assert!(page.starts_with("HTTP/1.1 503"), "{page}");
    let page = until_probe(&operator, "/livez", "ok").await;
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    let crds = identity_pool_operator::api::crds::crds_yaml().expect("CRDs");
    plane.apply_crds(&crds).await.expect("accepted");
    until_probe(&operator, "/readyz", "HTTP/1.1 200").await;
    operator.ensure_running().expect("it did not crash-loop");
}

#[tokio::test]
async fn it_says_in_one_line_what_it_runs_as_and_never_tells_its_secret() {
    let (rig, scratch) = (Rig::new("line").await, Scratch::new().expect("a folder"));
    let namespace = format!("--watch-namespaces={}", rig.namespace);
    let flags = [
        namespace.as_str(),
        "--log-level=trace",
        "--settle-window-seconds=10",
    ];
    let operator = start(rig.plane.kubeconfig_path(), &rig.fake, &scratch, &flags);
    operator.ready().await.expect("ready");
    rig.create("app", IdentityPoolSpec::default()).await;
    rig.until_ready("app").await;
    // The operator's own cache hears of Ready a moment after us.
    let mut page = String::new();
    for line in [
        "identity_pool_operator_identity_pools{ready=\"true\"} 1",
        "identity_pool_operator_reconcile_total{outcome=\"applied\"} 1",
        "identity_pool_operator_aws_requests_total{operation=\"CreateIdentityPool\",outcome=\"ok\"} 1",
    ] {
        page = until_page(&operator, line).await;
    }
    let log = operator.log();
    let line = log
        .lines()
        .find(|line| line.contains("starts"))
        .expect("a line");
    for part in [
        "version",
        "installation",
        "123456789012",
        REGION,
        "identity=",
    ] {
        assert!(line.contains(part), "{part} not in {line}");
    }
    assert!(
        log.contains("--settle-window-seconds 10 is below"),
        "a warning"
    );
    assert!(!log.contains(SECRET) && !page.contains(SECRET));
}

#[tokio::test]
async fn a_real_sigkill_at_any_instant_leaves_one_pool_per_object() {
    let (rig, scratch) = (Rig::new("sigkill").await, Scratch::new().expect("a folder"));
    rig.fake.configure(|settings| {
        settings.latency = Duration::from_millis(8);
        settings.signature_window = Duration::from_secs(2);
    });
    for n in 0..30 {
        rig.create(&format!("app-{n}"), IdentityPoolSpec::default())
            .await;
    }
    let namespace = format!("--watch-namespaces={}", rig.namespace);
    let installation = format!("--installation-id={}", rig.namespace);
    let flags = [
        namespace.as_str(),
        installation.as_str(),
        "--settle-window-seconds=3",
    ];
    for kill in 0..12_u64 {
        let operator = start(rig.plane.kubeconfig_path(), &rig.fake, &scratch, &flags);
        operator.ready().await.expect("ready");
        tokio::time::sleep(Duration::from_millis(kill * 9)).await;
        // Dropping it is SIGKILL and a wait.
        drop(operator);
    }
    let _operator = start(rig.plane.kubeconfig_path(), &rig.fake, &scratch, &flags);
    for n in 0..30 {
        let object = rig.until_ready(&format!("app-{n}")).await;
        assert_eq!(rig.pools_owned_by(&object), [pool_id(&object)]);
    }
    assert_eq!(rig.fake.pools().len(), 30);
    rig.fake.assert_sound();
}
