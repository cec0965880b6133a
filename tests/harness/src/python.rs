//! Python environments for programs of others that the tests run against (AWS's own SDK,
//! `MiniStack`).
//!
//! An environment is named by what is in it: the requirements and the interpreter. It is made once,
//! in the project's cache, and never changed.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache;
use crate::files::{self, FileError};
use crate::process;
use crate::progress;

/// Why there is no Python environment.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No interpreter.
    #[error(
        "`python3` cannot be run: install Python 3.10 or newer with its venv module \
         and put it into PATH"
    )]
    NoPython(#[source] io::Error),
    /// An interpreter without the module that makes environments.
    #[error(
        "`python3 -m venv` failed: install Python's venv module (on Debian and Ubuntu: \
         apt-get install python3-venv)"
    )]
    NoVenv(#[source] process::Error),
    /// A package could not be installed.
    #[error("pip could not install what {} asks for", requirements.display())]
    Install {
        /// The file that names the packages.
        requirements: PathBuf,
        /// How pip ended.
        source: process::Error,
    },
    /// The cache for environments is out of reach.
    #[error(transparent)]
    Cache(#[from] cache::Error),
    /// The requirements could not be read.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The interpreter of an environment with the packages of `requirements`, made if need be.
/// `name` is for people who look into the cache. Blocks: an async caller uses `spawn_blocking`.
///
/// The environment's programs must be run as `python -m MODULE`: scripts in its `bin` point to the
/// folder it was made in, before it got its final name.
///
/// # Errors
/// When Python is missing or a package cannot be installed; the message says what to do.
pub fn venv(name: &str, requirements: &Path) -> Result<PathBuf, Error> {
    let content = files::read(requirements)?;
    let key = format!(
        "python/{name}-{}",
        cache::digest(&[&content, &python_version()?])
    );
    let task = format!("installing the Python packages for {name}");
    let folder = cache::entry(&key, &task, |folder| fill(folder, requirements, &task))?;
    Ok(interpreter(&folder))
}

fn fill(folder: &Path, requirements: &Path, task: &str) -> Result<(), Error> {
    progress::say(&format!("{task}; only the first time on a machine"));
    let log = folder.join("install.log");
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).arg(folder);
    process::run(&venv, &log, task).map_err(Error::NoVenv)?;
    let mut pip = Command::new(interpreter(folder));
    pip.args([
        "-m",
        "pip",
        "install",
        "--no-input",
        "--disable-pip-version-check",
        "--requirement",
    ]);
    pip.arg(requirements);
    process::run(&pip, &log, task).map_err(|source| Error::Install {
        requirements: requirements.to_owned(),
        source,
    })
}

fn interpreter(folder: &Path) -> PathBuf {
    folder.join("bin/python")
}

fn python_version() -> Result<String, Error> {
    let output = Command::new("python3")
        .arg("--version")
        .output()
        .map_err(Error::NoPython)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
