//! A whole cluster on this machine: a control plane with its controllers, and a node whose kubelet
//! runs pods with containerd.
//!
//! All of it lives in namespaces of its own (`place`): pods have real addresses, the machine's
//! network, mounts and sysctls stay untouched, and the end of one process ends everything. It needs
//! root and a few Debian packages (`machine`); there is one node at a time on a machine
//! (`ground`). What needs a network has to be there before: there is none inside.

mod containerd;
mod dns;
mod error;
mod ground;
mod kubelet;
mod machine;
mod place;
mod proxy;

use std::path::{Path, PathBuf};
use std::process::Command;

pub use error::Error;
pub use ground::{CGROUP, FOLDERS};
pub use machine::{install_packages, obstacle};

use crate::control_plane::WithNode;
use crate::process::Process;
use crate::scratch::Scratch;
use crate::tools::NodeTools;
use dns::Dns;
use ground::Ground;
use place::Place;

/// The node's address, where what listens on this thread is found by pods.
pub use crate::control_plane::NODE_ADDRESS as ADDRESS;

/// A running cluster with one node; dropping it ends it and leaves the machine as it was.
#[derive(Debug)]
pub struct Node {
    // Dropped in this order. The place ends all that runs in it; only then can the rest go.
    place: Place,
    kubelet: Process,
    _proxy: Process,
    _dns: Dns,
    _containerd: Process,
    servers: WithNode,
    tools: NodeTools,
    _ground: Ground,
    scratch: Scratch,
}

impl Node {
    /// Starts one with these images (OCI archives, the pause image among them), and moves **the
    /// calling thread** into its network: from then on the thread, and every process and thread that
    /// it starts, reaches the cluster and nothing else. For a runtime of one thread.
    ///
    /// # Errors
    /// When something is missing or does not start; the message has its last words.
    pub async fn start(tools: NodeTools, images: &[PathBuf]) -> Result<Self, Error> {
        let scratch = Scratch::new()?;
        let folder = scratch.path();
        let ground = Ground::prepare(folder)?;
        let place = Place::open(folder).await?;
        place.enter()?;
        let within = place.within();
        let containerd = containerd::start(folder, &within).await?;
        for image in images {
            containerd::import(folder, &within, image).await?;
        }
        let (servers, credentials) = WithNode::start(&tools, folder, &within).await?;
        let dns = Dns::start(&servers.config().await?).await?;
        let proxy = proxy::start(&tools.kube_proxy, folder, &credentials.proxy, &within)?;
        let kubelet = kubelet::start(&tools.kubelet, folder, &credentials, &within)?;
        let mut node = Self {
            place,
            kubelet,
            _proxy: proxy,
            _dns: dns,
            _containerd: containerd,
            servers,
            tools,
            _ground: ground,
            scratch,
        };
        kubelet::wait_until_ready(&mut node).await?;
        Ok(node)
    }

    /// The folder with all logs (`*.log`) and data. It goes with this value.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// The administrator's kubeconfig, for programs in the node's network.
    #[must_use]
    pub fn kubeconfig_path(&self) -> &Path {
        self.servers.kubeconfig_path()
    }

    /// Kills the process of a container, by containerd's id of it. Kubelet starts it again.
    ///
    /// # Errors
    /// When there is none.
    pub async fn kill_container(&self, id: &str) -> Result<(), Error> {
        containerd::kill(self.folder(), &self.place.within(), id).await
    }

    /// kubectl as the administrator, with nothing of the person who runs it.
    #[must_use]
    pub fn kubectl(&self) -> Command {
        let mut command = Command::new(&self.tools.control_plane.kubectl);
        command
            .env("KUBECONFIG", self.kubeconfig_path())
            .env("KUBERC", "off")
            .env("KUBECACHEDIR", self.folder().join("kubectl-cache"));
        command
    }

    /// helm as the administrator, with nothing of the person who runs it.
    #[must_use]
    pub fn helm(&self) -> Command {
        let mut command = Command::new(&self.tools.helm);
        command.env("KUBECONFIG", self.kubeconfig_path());
        for kind in ["CACHE", "CONFIG", "DATA"] {
            command.env(format!("HELM_{kind}_HOME"), self.folder().join("helm"));
        }
        command
    }
}
