//! Programs of Debian packages, for those that nothing better brings.
//!
//! The machine is left as it is: a package is unpacked into the project's cache, not installed.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache;
use crate::files::FileError;
use crate::process;
use crate::progress;

/// Why a package could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No Debian, no such package, or no way to its archive.
    #[error(
        "{package} could not be downloaded and unpacked: install it, so that {program} is in PATH"
    )]
    Package {
        /// The package's name.
        package: &'static str,
        /// The program that is looked for.
        program: &'static str,
        /// How `apt-get` or `dpkg-deb` ended.
        source: process::Error,
    },
    /// The cache is out of reach.
    #[error(transparent)]
    Cache(#[from] cache::Error),
    /// A file could not be written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Prometheus' own tool for rules: the one in PATH, or that of the Debian package.
///
/// # Errors
/// When it is in neither place; the message says what to install.
pub fn promtool() -> Result<PathBuf, Error> {
    find("prometheus", "promtool")
}

/// The Lua of its authors: the one in PATH, or that of the Debian package. It needs readline, which
/// every Debian has that has a shell for people.
///
/// # Errors
/// As [`promtool`].
pub fn lua() -> Result<PathBuf, Error> {
    find("lua5.1", "lua5.1")
}

fn find(package: &'static str, program: &'static str) -> Result<PathBuf, Error> {
    let folders = env::var_os("PATH").unwrap_or_default();
    let installed = env::split_paths(&folders).map(|folder| folder.join(program));
    if let Some(path) = installed.into_iter().find(|path| path.is_file()) {
        return Ok(path);
    }
    let task = format!("unpacking the Debian package {package}");
    let key = format!("debian/{package}");
    let folder = cache::entry(&key, &task, |folder| {
        progress::say(&format!("{task}; only the first time on a machine"));
        unpack(package, folder, &task).map_err(|source| Error::Package {
            package,
            program,
            source,
        })
    })?;
    Ok(folder.join("usr/bin").join(program))
}

fn unpack(package: &str, folder: &Path, task: &str) -> Result<(), process::Error> {
    let log = folder.join("unpack.log");
    let mut download = Command::new("apt-get");
    download.args(["download", package]).current_dir(folder);
    if process::run(&download, &log, task).is_err() {
        // A machine that was just set up knows no packages yet.
        let mut update = Command::new("apt-get");
        update.arg("update");
        process::run(&update, &log, task)?;
        process::run(&download, &log, task)?;
    }
    let mut unpack = Command::new("sh");
    unpack
        .args(["-c", "dpkg-deb -x ./*.deb . && rm ./*.deb"])
        .current_dir(folder);
    process::run(&unpack, &log, task)
}
