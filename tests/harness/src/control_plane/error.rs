//! Why a control plane could not do what was asked.

use std::time::Duration;

use crate::files::FileError;
use crate::ports::NoFreePort;
use crate::process::{self, Tail};
use crate::tools;

/// Why a control plane could not be started, or did not do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program is missing and could not be built.
    #[error(transparent)]
    Tools(#[from] tools::Error),
    /// There are no ports for it.
    #[error(transparent)]
    Port(#[from] NoFreePort),
    /// A server could not be started, or ended.
    #[error(transparent)]
    Process(#[from] process::Error),
    /// A file of it could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A certificate could not be made.
    #[error("cannot make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// The client library does not accept our kubeconfig.
    #[error("cannot make a client configuration")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    /// The apiserver refused a request, or did not answer.
    #[error("the apiserver did not do what the harness asked")]
    Kube(#[from] kube::Error),
    /// The apiserver runs, but says of itself that it is not ready.
    #[error("kube-apiserver is not ready after {limit:?}; the last lines it printed:\n{tail}")]
    NotReady {
        /// How long it was waited for.
        limit: Duration,
        /// The end of its log.
        tail: Tail,
    },
    /// The text with custom resource definitions is not YAML.
    #[error("the custom resource definitions are not valid YAML")]
    Yaml(#[source] Box<serde_saphyr::Error>),
    /// A document in that text is not an object with a name.
    #[error("a document among the custom resource definitions has no metadata.name")]
    Nameless,
    /// A definition was accepted, but its objects cannot be made.
    #[error(
        "the custom resource definition {name} is not served after {limit:?}; its \
         conditions: {conditions}"
    )]
    NotServed {
        /// The definition's name.
        name: String,
        /// How long it was waited for.
        limit: Duration,
        /// What the apiserver says about it.
        conditions: String,
    },
    /// kubectl could not be run.
    #[error("cannot run kubectl")]
    NoKubectl(#[source] std::io::Error),
    /// kubectl ended with a failure.
    #[error("kubectl {arguments} failed: {stderr}")]
    Kubectl {
        /// What it was asked to do.
        arguments: String,
        /// What it printed on standard error.
        stderr: String,
    },
}

impl Error {
    /// Whether another process took one of our ports before we could: worth another try with
    /// others.
    pub(super) fn port_was_taken(&self) -> bool {
        matches!(self, Self::Process(error) if error.port_was_taken())
    }
}
