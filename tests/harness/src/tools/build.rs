//! Builds one pinned program with the machine's Go, in a folder that holds nothing but its module.

use std::io;
use std::path::Path;
use std::process::Command;

use super::pinned::Pinned;
use crate::cache;
use crate::files::{self, FileError};
use crate::process;
use crate::progress;

/// The module files say `go 1.26.0`: Kubernetes 1.36 needs it.
const GO: (u32, u32) = (1, 26);

/// Why a program could be neither found nor built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No Go toolchain.
    #[error(
        "{tool} has to be built, and `go` cannot be run: install Go {}.{} or newer and put it into \
         PATH, or set KUBEBUILDER_ASSETS to a folder that has it",
        GO.0, GO.1
    )]
    NoGo {
        /// The program to build.
        tool: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
    /// A Go toolchain that cannot build the program.
    #[error(
        "{tool} has to be built with Go {}.{} or newer, but `go version` says {found:?}: install a \
         newer one, or set KUBEBUILDER_ASSETS to a folder that has it",
        GO.0, GO.1
    )]
    OldGo {
        /// The program to build.
        tool: &'static str,
        /// What `go version` printed.
        found: String,
    },
    /// `go build` failed.
    #[error("{tool} could not be built from source")]
    Build {
        /// The program to build.
        tool: &'static str,
        /// How the compiler ended.
        source: process::Error,
    },
    /// The cache for what was built is out of reach.
    #[error(transparent)]
    Cache(#[from] cache::Error),
    /// The module files could not be written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Builds `tool` as `folder/<name>`.
pub(super) fn build(tool: &Pinned, folder: &Path, task: &str) -> Result<(), Error> {
    check_go(tool.name)?;
    progress::say(&format!(
        "{task}, {} on 2 cores; only the first time on a machine",
        tool.duration
    ));
    files::write(&folder.join("go.mod"), tool.go_mod)?;
    files::write(&folder.join("go.sum"), tool.go_sum)?;
    process::run(&go_build(tool, folder), &folder.join("build.log"), task).map_err(|source| {
        Error::Build {
            tool: tool.name,
            source,
        }
    })
}

fn go_build(tool: &Pinned, folder: &Path) -> Command {
    let mut go = Command::new("go");
    // Readonly: a build that would need other pins fails instead of choosing them.
    go.args([
        "build",
        "-mod=readonly",
        "-trimpath",
        "-ldflags",
        &tool.linker_flags(),
    ]);
    go.arg("-o")
        .arg(folder.join(tool.name))
        .arg(tool.package)
        .current_dir(folder);
    go.env("CGO_ENABLED", "0")
        .env("GOWORK", "off")
        .env_remove("GOFLAGS");
    go
}

fn check_go(tool: &'static str) -> Result<(), Error> {
    let version = Command::new("go").arg("version").output();
    let output = version.map_err(|source| Error::NoGo { tool, source })?;
    let found = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if is_recent(&found) {
        Ok(())
    } else {
        Err(Error::OldGo { tool, found })
    }
}

/// Understands `go version go1.26.8 linux/amd64`; what it does not understand is not refused for
/// being old, since development versions are named differently.
fn is_recent(version: &str) -> bool {
    let release = version
        .split_whitespace()
        .find_map(|word| word.strip_prefix("go1."));
    let minor = release.and_then(|rest| {
        rest.split(|c: char| !c.is_ascii_digit())
            .next()?
            .parse()
            .ok()
    });
    minor.is_none_or(|minor: u32| (1, minor) >= GO)
}

#[cfg(test)]
mod tests {
    use super::is_recent;

    #[test]
    fn go_releases_before_1_26_are_refused() {
        for (version, recent) in [
            ("go version go1.25.9 linux/amd64", false),
            ("go version go1.9 linux/amd64", false),
            ("go version go1.26 linux/amd64", true),
            ("go version go1.26rc1 linux/arm64", true),
            ("go version go1.101.2 linux/amd64", true),
            ("go version devel +4ce6a8e linux/amd64", true),
        ] {
            assert_eq!(is_recent(version), recent, "{version}");
        }
    }
}
