//! The binary asked to stop while it waits: SIGTERM ends it at once, unless passes run.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use harness::scratch::Scratch;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;

use crate::rig::Rig;
use crate::start::{NOBODY, assert_in_words, changed, command, unreachable, written};

/// A debug build on a busy machine ends within this; the operator's own limits, 10 s for an
/// answer of AWS and 25 s for passes, are far above.
const AT_ONCE: Duration = Duration::from_secs(4);

/// An operator whose lines are read as they come.
struct Started {
    process: tokio::process::Child,
    lines: tokio::io::Lines<BufReader<tokio::process::ChildStderr>>,
}

impl Started {
    fn start(mut command: Command) -> Self {
        command.arg("run").stderr(Stdio::piped());
        let command = tokio::process::Command::from(command)
            .kill_on_drop(true)
            .spawn();
        let mut process = command.expect("it starts");
        let stderr = process.stderr.take().expect("a pipe");
        let lines = BufReader::new(stderr).lines();
        Self { process, lines }
    }

    /// Waits until it says something.
    async fn says(&mut self, words: &str) {
        let said = async {
            while let Some(line) = self.lines.next_line().await.expect("text") {
                assert_in_words(&line);
                assert!(!line.contains(" ERROR "), "it only waits: {line}");
                if line.contains(words) {
                    return;
                }
            }
            panic!("it ended and never said {words:?}");
        };
        let said = tokio::time::timeout(Duration::from_secs(20), said).await;
        said.unwrap_or_else(|_| panic!("it never said {words:?}"));
    }

    /// Asks it to stop as kubelet does, and waits for a clean end.
    async fn ends_at_once(mut self, what: &str) {
        let id = self.process.id().expect("it runs").to_string();
        let begun = Instant::now();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(sent.expect("kill runs").success());
        let ended = tokio::time::timeout(Duration::from_secs(60), self.process.wait()).await;
        let status = ended.expect("it ends").expect("a status");
        let took = begun.elapsed();
        assert!(status.success(), "{what}: {status}");
        assert!(took < AT_ONCE, "{what}: it took {took:?}");
    }
}

#[tokio::test]
async fn sigterm_ends_it_at_once_while_aws_hangs() {
    let rig = Rig::new("hangs").await;
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}", silent.local_addr().expect("an address"));
    let operator = Started::start(command(rig.plane.kubeconfig_path(), &endpoint));
    let asked = tokio::time::timeout(Duration::from_secs(20), silent.accept()).await;
    let _held = asked.expect("AWS is asked").expect("a connection");
    operator.ends_at_once("AWS hangs").await;
}

#[tokio::test]
async fn sigterm_ends_it_at_once_while_it_waits_for_what_may_come_right() {
    let rig = Rig::new("waits").await;
    let scratch = Scratch::new().expect("a folder");
    let fine = rig.plane.kubeconfig_path();
    let nowhere = unreachable(&rig, &scratch);
    let nobody = rig.plane.kubeconfig_for("nobody", &[]);
    let nobody = nobody.expect("a kubeconfig");
    let closed = format!("AWS_ENDPOINT_URL=http://{NOBODY}");
    let token = written(&scratch, "token", "a token");
    let token = format!("AWS_WEB_IDENTITY_TOKEN_FILE={}", token.display());
    let role = "AWS_ROLE_ARN=arn:aws:iam::123456789012:role/operator";
    // The fake knows no roles and says so, as AWS does of one that was made a moment ago.
    let assumed = [role, &token, "-AWS_ACCESS_KEY_ID", "-AWS_SECRET_ACCESS_KEY"];
    let refused = "AWS cannot be asked yet who the operator is: Unknown operation";
    let named = "INSTALLATION_ID=waits";
    let table: &[(&Path, &[&str], &str)] = &[
        (
            fine,
            &[&closed],
            "AWS cannot be asked yet who the operator is",
        ),
        (fine, &assumed, refused),
        (&nowhere, &[], "the apiserver does not answer yet"),
        (&nowhere, &[named], "watch broke"),
        (&nobody, &[named, "LEADER_ELECT=false"], "watch broke"),
    ];
    for (kubeconfig, environment, says) in table {
        let command = command(kubeconfig, &rig.fake.endpoint());
        let mut operator = Started::start(changed(command, environment));
        operator.says(says).await;
        operator.ends_at_once(says).await;
    }
}

#[tokio::test]
async fn a_namespace_that_does_not_exist_yet_is_warned_of() {
    let rig = Rig::new("absent").await;
    let namespaces = format!("WATCH_NAMESPACES={},nobody-made-me", rig.namespace);
    let command = command(rig.plane.kubeconfig_path(), &rig.fake.endpoint());
    let mut operator = Started::start(changed(command, &[&namespaces]));
    operator.says("no namespace nobody-made-me yet").await;
    operator.ends_at_once("a namespace is absent").await;
}
