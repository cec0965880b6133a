//! Child processes that never outlive us and that explain themselves when they end too early.
//!
//! Everything a child prints goes to a log file; an error carries that file's last lines. Dropping
//! a [`Process`] kills it and waits until it is gone, so that its ports and files are free. Nothing
//! here belongs to an async runtime: a process may be started in one test and used in another.

mod spawner;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};

use crate::deadline::Deadline;
use crate::files::{self, FileError, failed};
use crate::progress::Progress;

/// Enough for a stack of causes, and little enough to read in a failed test.
const TAIL_LINES: usize = 25;

/// Why a child process could not be started or did not do what it was started for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be started at all.
    #[error("cannot start {name}: the harness needs `setpriv` (package util-linux) and `sh`")]
    Start {
        /// The program's name.
        name: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// It ended although it was still needed, or with a failure.
    #[error("{name} ended with {status}; the last lines it printed:\n{tail}")]
    Ended {
        /// The program's name.
        name: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of its log.
        tail: Tail,
    },
    /// It runs, but has not come as far as it should.
    #[error("{name} has not printed {line:?} within {limit:?}; the last lines it printed:\n{tail}")]
    Silent {
        /// The program's name.
        name: String,
        /// What it was expected to print.
        line: &'static str,
        /// How long it was waited for.
        limit: Duration,
        /// The end of its log.
        tail: Tail,
    },
    /// It runs on.
    #[error("{name} has not ended within {limit:?}; the last lines it printed:\n{tail}")]
    RunsOn {
        /// The program's name.
        name: String,
        /// How long it was waited for.
        limit: Duration,
        /// The end of its log.
        tail: Tail,
    },
    /// It could not be signalled.
    #[error("cannot signal {name}")]
    Signal {
        /// The program's name.
        name: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// Its log could not be written or read, or its state not be asked for.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Error {
    /// Whether the child ended because a port it was given belongs to another process.
    #[must_use]
    pub fn port_was_taken(&self) -> bool {
        matches!(self, Self::Ended { tail, .. } if tail.0.contains("already in use"))
    }
}

/// The last lines of a log, kept readable where an error is shown with `{:?}`, as tests do.
#[derive(Clone)]
pub struct Tail(String);

impl Tail {
    fn of(log: &Path) -> Self {
        let text = files::read(log).unwrap_or_else(|error| error.to_string());
        let lines: Vec<&str> = text.lines().collect();
        Self(lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n"))
    }
}

impl fmt::Display for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{}\n", self.0)
    }
}

/// What stands before a program's own words to have it run somewhere else: `nsenter …`.
#[derive(Debug, Clone)]
pub(crate) struct Within(pub(crate) Vec<OsString>);

/// A running child process.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`, appending what it prints to `log`. It reads nothing and is a process group
    /// of its own, so that Ctrl-C in a terminal reaches only us.
    ///
    /// # Errors
    /// When the log cannot be opened or the process not be started.
    pub fn start(command: &Command, log: &Path) -> Result<Self, Error> {
        Self::start_within(None, command, log)
    }

    /// As [`start`](Self::start), somewhere else.
    pub(crate) fn start_within(
        within: Option<&Within>,
        command: &Command,
        log: &Path,
    ) -> Result<Self, Error> {
        let name = file_name(command.get_program());
        let out = File::options()
            .create(true)
            .append(true)
            .open(log)
            .map_err(failed("open the log", log))?;
        let err = out.try_clone().map_err(failed("open the log", log))?;
        let mut bound = spawner::bound_to_us(within, command);
        bound
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .process_group(0);
        match spawner::spawn(bound) {
            Ok(child) => Ok(Self {
                name,
                child,
                log: log.to_owned(),
            }),
            Err(source) => Err(Error::Start { name, source }),
        }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The file that holds all it has printed.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Fails, with the last lines of the log, if the process has ended.
    ///
    /// # Errors
    /// [`Error::Ended`] when it has.
    pub fn ensure_running(&mut self) -> Result<(), Error> {
        match self.status()? {
            None => Ok(()),
            Some(status) => Err(self.ended(status)),
        }
    }

    /// Sends a signal to this process alone.
    ///
    /// # Errors
    /// [`Error::Signal`] when it is no more.
    pub fn signal(&self, signal: Signal) -> Result<(), Error> {
        rustix::process::kill_process(Pid::from_child(&self.child), signal).map_err(|error| {
            Error::Signal {
                name: self.name.clone(),
                source: error.into(),
            }
        })
    }

    /// Waits until it ends by itself, and tells how.
    ///
    /// # Errors
    /// [`Error::RunsOn`] when it does not in time.
    pub async fn ended_within(&mut self, limit: Duration) -> Result<ExitStatus, Error> {
        let deadline = Deadline::after(limit);
        loop {
            if let Some(status) = self.status()? {
                return Ok(status);
            }
            if !deadline.allows_another_look().await {
                return Err(Error::RunsOn {
                    name: self.name.clone(),
                    limit,
                    tail: self.tail(),
                });
            }
        }
    }

    /// Waits until it ends by itself, and fails unless it succeeded.
    pub(crate) async fn succeeded_within(&mut self, limit: Duration) -> Result<(), Error> {
        match self.ended_within(limit).await? {
            status if status.success() => Ok(()),
            status => Err(self.ended(status)),
        }
    }

    /// Waits until the log holds `line`. A server's own word that it listens is worth more than an
    /// answer on its port, which could come from a stranger who took the port before.
    pub(crate) async fn wait_for_line(
        &mut self,
        line: &'static str,
        limit: Duration,
    ) -> Result<(), Error> {
        let deadline = Deadline::after(limit);
        while !files::read(&self.log)?.contains(line) {
            self.ensure_running()?;
            if !deadline.allows_another_look().await {
                return Err(Error::Silent {
                    name: self.name.clone(),
                    line,
                    limit,
                    tail: self.tail(),
                });
            }
        }
        Ok(())
    }

    /// The last lines of the log.
    pub(crate) fn tail(&self) -> Tail {
        Tail::of(&self.log)
    }

    fn status(&mut self) -> Result<Option<ExitStatus>, Error> {
        Ok(self.child.try_wait().map_err(failed(
            "ask for the state of the process that writes",
            &self.log,
        ))?)
    }

    fn ended(&self, status: ExitStatus) -> Error {
        Error::Ended {
            name: self.name.clone(),
            status,
            tail: self.tail(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has ended already, which is what we want.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `command` to its end, saying on standard error every now and then that `task` goes on.
pub(crate) fn run(command: &Command, log: &Path, task: &str) -> Result<(), Error> {
    let mut process = Process::start(command, log)?;
    let mut progress = Progress::of(task);
    loop {
        match process.status()? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(process.ended(status)),
            None => progress.tick(),
        }
    }
}

fn file_name(program: &OsStr) -> String {
    Path::new(program)
        .file_name()
        .unwrap_or(program)
        .to_string_lossy()
        .into_owned()
}
