//! The operator as a process: started, asked whether it is ready, killed.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use harness::causes::with_causes;
use harness::cognito::FakeCognito;
use harness::process::Process;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::stage::{Failure, Kubectl};

/// A debug build lists its objects well within this.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// A running operator; dropping it is SIGKILL.
pub(crate) struct Operator {
    process: Process,
    probes: u16,
}

impl Operator {
    pub(crate) fn start(
        binary: &Path,
        kubectl: &Kubectl,
        fake: &FakeCognito,
        namespace: &str,
        log: &Path,
    ) -> Result<Self, Failure> {
        // A path without a slash would be looked for in PATH.
        let binary = fs::canonicalize(binary)
            .map_err(|error| Failure(format!("{}: {error}", binary.display())))?;
        let probes = free_port()?;
        let mut command = Command::new(binary);
        command
            .args([
                "run",
                "--metrics-bind-address=0",
                "--watch-namespaces",
                namespace,
            ])
            .args(["--installation-id", namespace])
            .arg(format!("--health-probe-bind-address=127.0.0.1:{probes}"))
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ENDPOINT_URL", fake.endpoint())
            .env("AWS_ACCESS_KEY_ID", "DEMO")
            .env("AWS_SECRET_ACCESS_KEY", "demo")
            .env("NO_PROXY", "127.0.0.1");
        if let Some(kubeconfig) = kubectl.kubeconfig() {
            command.env("KUBECONFIG", kubeconfig);
        }
        if let Some(context) = kubectl.context() {
            command.args(["--context", context]);
        }
        let process =
            Process::start(&command, log).map_err(|error| Failure(with_causes(&error)))?;
        Ok(Self { process, probes })
    }

    /// Its process id, which a person would kill.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until it has listed its objects.
    pub(crate) async fn ready(&self) -> Result<(), Failure> {
        let begun = Instant::now();
        while !self
            .answers()
            .await
            .is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
        {
            if begun.elapsed() > READY_WITHIN {
                let log = fs::read_to_string(self.process.log()).unwrap_or_default();
                return Err(Failure(format!("the operator is not ready:\n{log}")));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    async fn answers(&self) -> Option<String> {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", self.probes))
            .await
            .ok()?;
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n")
            .await
            .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer)
    }
}

fn free_port() -> Result<u16, Failure> {
    let bound = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    bound
        .map(|address| address.port())
        .map_err(|error| Failure(format!("no free port: {error}")))
}
