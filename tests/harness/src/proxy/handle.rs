//! The test's side of the proxy: start it, make it fail, read what was asked.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::fault::{Armed, Fault};
use super::gate::Revision;
use super::journal::Entry;
use super::matching::Matching;
use super::server;
use super::service::Shared;
use super::upstream::Upstream;
use crate::control_plane::{self, ControlPlane};
use crate::files;
use crate::seam::Seam;

/// Why a proxy could not be started, or did not do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The control plane behind it.
    #[error(transparent)]
    ControlPlane(#[from] control_plane::Error),
    /// There is no port for it.
    #[error("the fault proxy cannot listen on 127.0.0.1")]
    Listen(#[from] io::Error),
    /// The apiserver did not answer the proxy itself.
    #[error("the apiserver does not answer the fault proxy")]
    Kube(#[from] kube::Error),
    /// Its answer has no revision.
    #[error("the apiserver lists namespaces without a revision")]
    NoRevision,
    /// The client library does not accept our kubeconfig.
    #[error("cannot make a client configuration for the fault proxy")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    /// The file for programs could not be written.
    #[error(transparent)]
    File(#[from] files::FileError),
}

/// A running proxy. Dropping it closes the port and every connection.
pub struct FaultProxy {
    shared: Arc<Shared>,
    kubeconfig: Kubeconfig,
    kubeconfig_path: PathBuf,
    server: JoinHandle<std::convert::Infallible>,
}

impl FaultProxy {
    /// Starts on a free loopback port and the current tokio runtime. Whoever comes through it is
    /// the administrator.
    ///
    /// # Errors
    /// When no port can be had, or the control plane's files cannot be read or added to.
    pub async fn start(plane: &ControlPlane) -> Result<Self, Error> {
        let client = Client::try_from(plane.config().await?)?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{
                "name": "proxy",
                "cluster": {"server": format!("http://{}", listener.local_addr()?)},
            }],
            "users": [{"name": "user", "user": {}}],
            "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "user"}}],
            "current-context": "proxy",
        });
        let name = format!("proxy-{}.kubeconfig", uuid::Uuid::new_v4());
        let kubeconfig_path = plane.folder().join(name);
        files::write(&kubeconfig_path, &kubeconfig.to_string())?;
        let shared = Arc::new(Shared::new(Upstream(client)));
        let server = tokio::spawn(server::run(listener, Arc::clone(&shared)));
        Ok(Self {
            shared,
            kubeconfig: Kubeconfig::read_from(&kubeconfig_path)?,
            kubeconfig_path,
            server,
        })
    }

    /// A client configuration that leads through the proxy, without the client's own retries.
    ///
    /// # Errors
    /// None in practice: the kubeconfig is the proxy's own.
    pub async fn config(&self) -> Result<Config, Error> {
        let options = KubeConfigOptions::default();
        let kubeconfig = self.kubeconfig.clone();
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await?;
        config.default_retry = false;
        Ok(config)
    }

    /// A kubeconfig file that leads through the proxy, for programs. It goes with the control
    /// plane.
    #[must_use]
    pub fn kubeconfig_path(&self) -> &Path {
        &self.kubeconfig_path
    }

    // === seam ===

    /// Shows every request to a seam, before it is executed and before it is answered. Not to be
    /// changed once it is set.
    pub fn attach(&self, seam: &Arc<Seam>) {
        let _ = self.shared.seam.set(Arc::clone(seam));
    }

    // === faults ===

    /// Arms a fault.
    #[expect(
        clippy::must_use_candidate,
        reason = "many faults need not be followed"
    )]
    pub fn inject(&self, fault: Fault) -> Armed {
        self.shared.faults().arm(fault)
    }

    /// Disarms every fault. Events that are held stay so until their release.
    pub fn clear_faults(&self) {
        self.shared.faults().clear();
    }

    // === time ===

    /// Stops time: from now on gets and lists answer as of this moment, and watches, those that run
    /// included, deliver nothing newer. Writes are passed on to the apiserver, which lives in the
    /// present and refuses what rests on an old revision. Answers the revision.
    ///
    /// The apiserver has etcd forget a revision after five to ten minutes; reads are then refused
    /// with 410.
    ///
    /// # Errors
    /// When the apiserver does not tell its revision; time then goes on.
    pub async fn freeze(&self) -> Result<Revision, Error> {
        self.shared.gate.close();
        let revision = self.revision().await;
        match &revision {
            Ok(revision) => self.freeze_at(*revision),
            Err(_) => self.thaw(),
        }
        revision
    }

    /// As [`freeze`](Self::freeze), at a revision that has passed. A watch that runs has seen more
    /// already: only who lists anew goes back in time.
    pub fn freeze_at(&self, revision: Revision) {
        self.shared.gate.stand_at(revision);
    }

    /// Lets time go on; watches deliver what they have missed.
    pub fn thaw(&self) {
        self.shared.gate.open();
    }

    /// The apiserver's revision at this moment, for [`freeze_at`](Self::freeze_at).
    ///
    /// # Errors
    /// When the apiserver does not tell.
    pub async fn revision(&self) -> Result<Revision, Error> {
        let revision = self.shared.upstream.revision().await?;
        revision.ok_or(Error::NoRevision)
    }

    // === journal ===

    /// The requests so far, in order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Entry> {
        self.shared.journal().entries().to_vec()
    }

    /// How many requests fit so far.
    #[must_use]
    pub fn count(&self, matching: &Matching) -> usize {
        self.shared.journal().count(matching)
    }

    /// Forgets the requests so far.
    pub fn reset_journal(&self) {
        self.shared.journal().reset();
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}
