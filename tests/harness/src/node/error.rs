//! Why a node could not do what was asked.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::files::FileError;
use crate::process;
use crate::{control_plane, tools};

/// Why a node could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The control plane could not be started.
    #[error(transparent)]
    ControlPlane(#[from] control_plane::Error),
    /// A program is missing and could not be built.
    #[error(transparent)]
    Tools(#[from] tools::Error),
    /// A process could not be started, or ended.
    #[error(transparent)]
    Process(#[from] process::Error),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The thread could not be moved into the node's network.
    #[error("cannot enter the network of the node")]
    Enter(#[source] io::Error),
    /// Names of Services cannot be answered for.
    #[error("cannot listen on port 53 of the node")]
    Dns(#[source] io::Error),
    /// No client can be made.
    #[error("cannot make a client of the apiserver")]
    Client(#[source] kube::Error),
    /// A group of processes could not be made.
    #[error("cannot make the control group {0}; is /sys/fs/cgroup writable?")]
    Cgroup(PathBuf, #[source] io::Error),
    /// The Debian packages could not be installed.
    #[error("the packages {packages} could not be installed")]
    Packages {
        /// Their names.
        packages: String,
        /// How `apt-get` ended.
        source: process::Error,
    },
    /// Nobody is left to tidy up.
    #[error("cannot start a shell (sh) that will tidy up")]
    Janitor(#[source] io::Error),
    /// Kubelet runs, but its node does not get ready.
    #[error(
        "the node is not ready after {limit:?}; it says: {conditions}\nthe last lines of kubelet:\n{tail}"
    )]
    NotReady {
        /// How long it was waited for.
        limit: Duration,
        /// What the apiserver knows about it.
        conditions: String,
        /// The end of its log.
        tail: process::Tail,
    },
}
