//! The operator as a process against a fake Cognito: started, asked, signalled, killed.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

pub use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::cognito::FakeCognito;
use crate::ports;
use crate::process::{self, Process};

/// A debug build lists its objects well within this.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// The access key of every operator started here.
pub const ACCESS_KEY: &str = "FAKE";

/// The secret key of every operator started here: it may turn up nowhere.
pub const SECRET: &str = "canary-of-a-secret-key";

/// What the caller's environment may hold that would lead the operator elsewhere.
const STRAY: [&str; 5] = [
    "AWS_ENDPOINT_URL_COGNITO_IDENTITY",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "WATCH_SELECTOR",
];

/// What can go wrong with the process.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such binary.
    #[error("{0} cannot be run: {1}; build it first")]
    Binary(PathBuf, io::Error),
    /// No port is free.
    #[error(transparent)]
    Port(#[from] ports::NoFreePort),
    /// It could not be started.
    #[error("the operator did not start")]
    Start(#[from] process::Error),
    /// It did not become ready.
    #[error("the operator is not ready after 30 s; its log:\n{0}")]
    NotReady(String),
}

/// The operator that cargo has put beside the running program, in whatever folder it builds into.
///
/// # Errors
/// When the system does not say which program is running.
pub fn built_beside() -> io::Result<PathBuf> {
    Ok(env::current_exe()?.with_file_name("identity-pool-operator"))
}

/// A running operator; dropping it is SIGKILL.
#[derive(Debug)]
pub struct Operator {
    process: Process,
    probes: u16,
    metrics: u16,
}

impl Operator {
    /// Starts `binary run` with the flags given, for the pools of a fake Cognito. It takes
    /// part in no election unless a flag says so: it begins at once, and alone.
    ///
    /// # Errors
    /// When there is no such binary or it cannot be started.
    pub fn start<I>(
        binary: &Path,
        fake: &FakeCognito,
        kubeconfig: Option<&Path>,
        flags: I,
        log: &Path,
    ) -> Result<Self, Error>
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        // A path without a slash would be looked for in PATH.
        let binary =
            fs::canonicalize(binary).map_err(|error| Error::Binary(binary.to_owned(), error))?;
        let mut command = Command::new(binary);
        command
            .arg("run")
            .args(flags.into_iter().map(Into::into))
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ENDPOINT_URL", fake.endpoint())
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .env("LEADER_ELECT", "false")
            .env("NO_PROXY", "127.0.0.1");
        for stray in STRAY {
            command.env_remove(stray);
        }
        if let Some(kubeconfig) = kubeconfig {
            command.env("KUBECONFIG", kubeconfig);
        }
        Self::start_command(command, log)
    }

    /// Starts a command line of the caller's own, whose pages are on ports that this chooses.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_command(mut command: Command, log: &Path) -> Result<Self, Error> {
        let [probes, metrics] = ports::free_ports()?;
        command
            .arg(format!("--health-probe-bind-address=127.0.0.1:{probes}"))
            .arg(format!("--metrics-bind-address=127.0.0.1:{metrics}"));
        let process = Process::start(&command, log)?;
        Ok(Self {
            process,
            probes,
            metrics,
        })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until it has listed its objects.
    ///
    /// # Errors
    /// When it takes too long; the message has the log.
    pub async fn ready(&self) -> Result<(), Error> {
        let begun = Instant::now();
        while !self
            .probe("/readyz")
            .await
            .is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
        {
            if begun.elapsed() > READY_WITHIN {
                return Err(Error::NotReady(self.log()));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// The answer of a probe, status line and all, if it answers.
    pub async fn probe(&self, path: &str) -> Option<String> {
        get(self.probes, path).await
    }

    /// What it has printed so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.process.log()).unwrap_or_default()
    }

    /// Fails when it has ended by itself.
    ///
    /// # Errors
    /// With its last lines, when it has.
    pub fn ensure_running(&mut self) -> Result<(), Error> {
        Ok(self.process.ensure_running()?)
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// When it has ended and was waited for.
    pub fn signal(&self, signal: Signal) -> Result<(), Error> {
        Ok(self.process.signal(signal)?)
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// When it takes too long.
    pub async fn ended(&mut self, limit: Duration) -> Result<ExitStatus, Error> {
        Ok(self.process.ended_within(limit).await?)
    }

    /// Its metrics page, empty when it does not answer.
    pub async fn metrics(&self) -> String {
        get(self.metrics, "/metrics").await.unwrap_or_default()
    }
}

async fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: operator\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    Some(answer)
}
