//! `MiniStack`, a fake AWS by other authors: a second opinion beside our own fake Cognito.
//!
//! Where both agree, our fake did not merely repeat our own reading of AWS's documentation.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::files::FileError;
use crate::ports::{self, NoFreePort};
use crate::process::{self, Process};
use crate::python;
use crate::scratch::Scratch;

/// It starts within 1 s on an idle machine; a busy one with a cold disk gets this long.
const START_LIMIT: Duration = Duration::from_mins(1);

/// Why `MiniStack` does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be installed.
    #[error(transparent)]
    Python(#[from] python::Error),
    /// It could not be started, or ended, or did not get ready.
    #[error(transparent)]
    Process(#[from] process::Error),
    /// No port for it.
    #[error(transparent)]
    Port(#[from] NoFreePort),
    /// No folder for it.
    #[error(transparent)]
    File(#[from] FileError),
}

/// A running `MiniStack`; dropping it ends it.
#[derive(Debug)]
pub struct Ministack {
    port: u16,
    // Fields are dropped in this order: the server first, then its folder.
    _server: Process,
    _scratch: Scratch,
}

impl Ministack {
    /// Installs it if need be, starts it on a free port and waits until it answers.
    ///
    /// # Errors
    /// When it cannot be installed or does not get ready; the message has its last words.
    ///
    /// # Panics
    /// When the installation panics.
    pub async fn start() -> Result<Self, Error> {
        let python = tokio::task::spawn_blocking(|| python::venv("ministack", &requirements()))
            .await
            .expect("the installation does not panic")?;
        let start = |[port]: [u16; 1]| Self::start_on(port, &python);
        ports::start_on_free_ports(
            start,
            |error| matches!(error, Error::Process(error) if error.port_was_taken()),
        )
        .await
    }

    /// Its base URL, for `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    async fn start_on(port: u16, python: &Path) -> Result<Self, Error> {
        let scratch = Scratch::new()?;
        let mut command = Command::new(python);
        command
            .args(["-m", "ministack"])
            .current_dir(scratch.path());
        command
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string());
        command.env("PYTHONUNBUFFERED", "1");
        let mut server = Process::start(&command, &scratch.path().join("ministack.log"))?;
        server.wait_for_line("Running on http", START_LIMIT).await?;
        Ok(Self {
            port,
            _server: server,
            _scratch: scratch,
        })
    }
}

fn requirements() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python/ministack.txt")
}
