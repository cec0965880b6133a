//! What a machine must have for a node, and how it gets it.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

use super::Error;
use crate::process;
use crate::progress;
use crate::scratch::Scratch;

/// A file of each Debian package that is needed, and the package.
const NEEDED: [(&str, &str); 6] = [
    ("containerd", "containerd"),
    ("runc", "runc"),
    ("/usr/lib/cni/bridge", "containernetworking-plugins"),
    ("buildah", "buildah"),
    ("ip", "iproute2"),
    ("iptables", "iptables"),
];

/// What keeps this machine from running a node, if anything does.
#[must_use]
pub fn obstacle() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("it needs root".to_owned());
    }
    let namespaces = Command::new("unshare")
        .args([
            "--net",
            "--mount",
            "--pid",
            "--fork",
            "--mount-proc",
            "true",
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !namespaces.is_ok_and(|status| status.success()) {
        return Some("`unshare --net --mount --pid` is not permitted here".to_owned());
    }
    if rustix::fs::access("/sys/fs/cgroup", rustix::fs::Access::WRITE_OK).is_err() {
        return Some("/sys/fs/cgroup is not writable".to_owned());
    }
    let missing = missing();
    if !missing.is_empty() && !in_path("apt-get") {
        let packages = missing.join(" ");
        return Some(format!("{packages} are missing, and there is no apt-get"));
    }
    None
}

/// Installs the Debian packages that are missing.
///
/// # Errors
/// When `apt-get` fails.
pub fn install_packages() -> Result<(), Error> {
    let packages = missing();
    if packages.is_empty() {
        return Ok(());
    }
    let task = format!("installing {}", packages.join(" "));
    progress::say(&format!("{task}; only the first time on a machine"));
    let scratch = Scratch::new()?;
    let log = scratch.path().join("apt.log");
    let apt = |words: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(words).env("DEBIAN_FRONTEND", "noninteractive");
        process::run(&command, &log, &task)
    };
    let mut install = vec!["install", "--yes", "--no-install-recommends"];
    install.extend(&packages);
    // A machine that was just set up knows no packages yet.
    let outcome = apt(&install).or_else(|_| apt(&["update"]).and_then(|()| apt(&install)));
    outcome.map_err(|source| Error::Packages {
        packages: packages.join(" "),
        source,
    })
}

fn missing() -> Vec<&'static str> {
    let absent = |program: &str| !Path::new(program).is_file() && !in_path(program);
    let missing = NEEDED.iter().filter(|(program, _)| absent(program));
    missing.map(|(_, package)| *package).collect()
}

fn in_path(program: &str) -> bool {
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}
