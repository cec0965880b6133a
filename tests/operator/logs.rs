//! The log of the real binary, as a log store gets it: one JSON object a line, every
//! field at its top.

use std::path::Path;
use std::time::Duration;

use harness::cognito::{Fault, FaultKind};
use harness::operator::Operator;
use harness::scratch::Scratch;
use identity_pool_operator::api::IdentityPoolSpec;
use serde_json::Value;

use crate::rig::{Rig, pool_id};

const BINARY: &str = env!("CARGO_BIN_EXE_identity-pool-operator");
const CREATE: &str = "CreateIdentityPool";

/// A binary that logs JSON about one rig's objects.
struct Logged {
    operator: Operator,
    _folder: Scratch,
}

impl Logged {
    async fn start(rig: &Rig) -> Self {
        let folder = Scratch::new().expect("a folder");
        let namespace = format!("--watch-namespaces={}", rig.namespace);
        let flags = ["--log-format=json", namespace.as_str()];
        let log = folder.path().join("operator.log");
        let kubeconfig = Some(rig.plane.kubeconfig_path());
        let operator = Operator::start(Path::new(BINARY), &rig.fake, kubeconfig, flags, &log);
        let operator = operator.expect("it starts");
        operator.ready().await.expect("ready");
        Self {
            operator,
            _folder: folder,
        }
    }

    /// Waits for a line about the end of a pass.
    async fn pass(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let found = async {
            loop {
                let log = self.operator.log();
                // The last line may be half written.
                let lines = log
                    .lines()
                    .filter_map(|line| serde_json::from_str(line).ok());
                let mut ended = lines.filter(|line: &Value| line["message"] == "pass ended");
                if let Some(line) = ended.find(&wanted) {
                    return line;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(30), found).await;
        found.unwrap_or_else(|_| panic!("no such line in {}", self.operator.log()))
    }
}

#[tokio::test]
async fn a_line_names_object_pool_calls_and_request() {
    let rig = Rig::new("logs").await;
    let refusal = FaultKind::ErrorBefore {
        status: 400,
        code: "LimitExceededException".into(),
    };
    rig.fake.inject(Fault::on(CREATE, refusal));
    let logged = Logged::start(&rig).await;
    let object = rig.create("app", IdentityPoolSpec::default()).await;
    let refused = logged.pass(|line| line["level"] == "WARN").await;
    assert_eq!(refused["reason"], "QuotaExceeded", "{refused}");
    let id = refused["request_id"].as_str().expect("a request id");
    let detail = refused["detail"].as_str().expect("a detail");
    for part in [CREATE, "LimitExceededException", id] {
        assert!(detail.contains(part), "{part} not in {detail}");
    }
    rig.ask("app").await;
    let object_now = rig.until_ready("app").await;
    let made = logged.pass(|line| line["outcome"] == "applied").await;
    let uid = object.metadata.uid.expect("a uid");
    for (field, value) in [
        ("level", "INFO"),
        ("namespace", rig.namespace.as_str()),
        ("name", "app"),
        ("uid", uid.as_str()),
        ("pool_id", pool_id(&object_now).as_str()),
        ("changed", CREATE),
    ] {
        assert_eq!(made[field], value, "{field} in {made}");
    }
}

#[tokio::test]
async fn what_is_waited_for_and_what_is_found_again_is_told_at_the_usual_level() {
    let rig = Rig::new("waiting").await;
    rig.fake
        .configure(|settings| settings.list_lag = Duration::from_secs(2));
    rig.fake
        .inject(Fault::on(CREATE, FaultKind::LoseReplyBeforeStatus));
    let logged = Logged::start(&rig).await;
    rig.create("app", IdentityPoolSpec::default()).await;
    let waits = logged.pass(|line| line["reason"] == "Settling").await;
    assert_eq!(waits["level"], "INFO");
    let detail = waits["detail"].as_str().expect("a detail");
    assert!(detail.contains(CREATE), "{detail}");
    let object = rig.until_ready("app").await;
    let found = logged
        .pass(|line| line["level"] == "INFO" && line["reason"].is_null())
        .await;
    let detail = found["detail"].as_str().expect("a detail");
    assert!(
        detail.contains(&pool_id(&object)) && detail.contains("found"),
        "{detail}"
    );
}
