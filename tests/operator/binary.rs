//! The binary as kubelet and people run it: probes, log, metrics, SIGKILL.

use std::path::Path;
use std::time::Duration;

use harness::cognito::{FakeCognito, Fault, FaultKind};
use harness::control_plane::ControlPlane;
use harness::operator::{Operator, SECRET};
use harness::scratch::Scratch;
use identity_pool_operator::api::IdentityPoolSpec;

use crate::rig::{REGION, Rig, pool_id};
use crate::start::{BINARY, command, run, unreachable};

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
pub(crate) async fn until_page(operator: &Operator, line: &str) -> String {
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

#[tokio::test]
async fn crd_prints_what_is_installed() {
    let printed = run(
        command(Path::new("/nonexistent"), "http://127.0.0.1:1"),
        &["crd"],
    )
    .await;
    assert!(printed.status.success());
    let stored = ["identitypools.yaml", "identitypoolclasses.yaml"].map(|file| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("crds")
            .join(file);
        std::fs::read_to_string(path).expect("a definition")
    });
    assert_eq!(
        String::from_utf8_lossy(&printed.stdout),
        stored.join("---\n")
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
async fn readyz_says_what_the_start_waits_for() {
    let (rig, scratch) = (Rig::new("waits").await, Scratch::new().expect("a folder"));
    let kubeconfig = unreachable(&rig, &scratch);
    let nobody = rig.plane.kubeconfig_for("nobody", &[]);
    let nobody = nobody.expect("a kubeconfig");
    let named = "--installation-id=waits";
    let table: &[(&Path, &[&str], &str)] = &[
        (
            &kubeconfig,
            &[],
            "the apiserver does not answer yet: client error (Connect)",
        ),
        (
            &kubeconfig,
            &[named],
            "objects cannot be listed yet: client error (Connect)",
        ),
        (
            &nobody,
            &[named],
            "objects cannot be listed yet: identitypools",
        ),
    ];
    for (kubeconfig, flags, says) in table {
        let operator = start(kubeconfig, &rig.fake, &scratch, flags);
        until_probe(&operator, "/readyz", &format!("objects-listed: {says}")).await;
    }
    let trouble = FaultKind::ErrorBefore {
        status: 503,
        code: String::new(),
    };
    rig.fake.inject(Fault::on("GetCallerIdentity", trouble));
    let operator = start(rig.plane.kubeconfig_path(), &rig.fake, &scratch, &[]);
    let says = "aws-identity: AWS cannot be asked yet who the operator is";
    until_probe(&operator, "/readyz", says).await;
    until_probe(&operator, "/readyz", "HTTP/1.1 200").await;
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
        "\nidentity_pool_operator_leader 1\n",
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
