//! The programs a control plane consists of (`etcd`, `kube-apiserver` and `kubectl`), those that a node
//! needs beside them, and those that read the chart.
//!
//! Each is looked for in the folder that `KUBEBUILDER_ASSETS` names (a convention of controller
//! tests everywhere), then in our own cache; what is found nowhere is built from source there. The
//! versions stand in one place, the Go modules under `tests/harness/tools`; prebuilt binaries are
//! never downloaded, so checksums in `go.sum` cover everything that runs.

mod build;
pub mod debian;
mod pinned;

use std::env;
use std::path::{Path, PathBuf};

pub use build::Error;
use pinned::{
    CONTROLLER_MANAGER, ETCD, ETCDCTL, ETCDUTL, GLUA, HELM, HELM_DOCS, KUBE_APISERVER, KUBE_PROXY,
    KUBE_SCORE, KUBECONFORM, KUBECTL, KUBELET, Pinned, SCHEDULER,
};

use crate::cache;

/// Where the programs are.
#[derive(Debug, Clone)]
pub struct Tools {
    /// The etcd server.
    pub etcd: PathBuf,
    /// The Kubernetes API server.
    pub kube_apiserver: PathBuf,
    /// The Kubernetes command line.
    pub kubectl: PathBuf,
}

impl Tools {
    /// Finds the programs; the first call on a machine takes minutes, because it builds them.
    /// Blocks: an async caller wraps it in `spawn_blocking`.
    ///
    /// # Errors
    /// When a program is missing and cannot be built; the message says what to install.
    pub fn find_or_build() -> Result<Self, Error> {
        let assets = assets();
        let find = |tool| find_or_build(tool, assets.as_deref());
        Ok(Self {
            etcd: find(&ETCD)?,
            kube_apiserver: find(&KUBE_APISERVER)?,
            kubectl: find(&KUBECTL)?,
        })
    }
}

/// The programs that make a cluster with a node of a control plane, and helm to install on it.
#[derive(Debug, Clone)]
pub struct NodeTools {
    /// What every control plane needs.
    pub control_plane: Tools,
    /// Runs the controllers: without it no Deployment has pods.
    pub controller_manager: PathBuf,
    /// Gives pods their node.
    pub scheduler: PathBuf,
    /// Runs the pods of a node.
    pub kubelet: PathBuf,
    /// Leads what is sent to a Service to its pods.
    pub kube_proxy: PathBuf,
    /// The package manager.
    pub helm: PathBuf,
}

impl NodeTools {
    /// As [`Tools::find_or_build`].
    ///
    /// # Errors
    /// As there.
    pub fn find_or_build() -> Result<Self, Error> {
        let assets = assets();
        let find = |tool| find_or_build(tool, assets.as_deref());
        Ok(Self {
            control_plane: Tools::find_or_build()?,
            controller_manager: find(&CONTROLLER_MANAGER)?,
            scheduler: find(&SCHEDULER)?,
            kubelet: find(&KUBELET)?,
            kube_proxy: find(&KUBE_PROXY)?,
            helm: find(&HELM)?,
        })
    }
}

/// Where the programs are that back etcd up and restore it.
#[derive(Debug, Clone)]
pub struct BackupTools {
    /// Saves snapshots of a running server.
    pub etcdctl: PathBuf,
    /// Makes data of a snapshot.
    pub etcdutl: PathBuf,
}

impl BackupTools {
    /// Finds the programs or builds them, in seconds. Blocks, as [`Tools::find_or_build`].
    ///
    /// # Errors
    /// As [`Tools::find_or_build`].
    pub fn find_or_build() -> Result<Self, Error> {
        let assets = assets();
        Ok(Self {
            etcdctl: find_or_build(&ETCDCTL, assets.as_deref())?,
            etcdutl: find_or_build(&ETCDUTL, assets.as_deref())?,
        })
    }
}

/// The programs with which the chart is installed and looked at.
#[derive(Debug, Clone)]
pub struct ChartTools {
    /// The package manager.
    pub helm: PathBuf,
    /// Holds manifests to Kubernetes' schemas.
    pub kubeconform: PathBuf,
    /// Holds manifests to good practice.
    pub kube_score: PathBuf,
    /// Writes the table of values.
    pub helm_docs: PathBuf,
    /// A Lua 5.1, the one that Argo CD runs health checks with.
    pub glua: PathBuf,
}

impl ChartTools {
    /// As [`Tools::find_or_build`].
    ///
    /// # Errors
    /// As there.
    pub fn find_or_build() -> Result<Self, Error> {
        let assets = assets();
        let find = |tool| find_or_build(tool, assets.as_deref());
        Ok(Self {
            helm: find(&HELM)?,
            kubeconform: find(&KUBECONFORM)?,
            kube_score: find(&KUBE_SCORE)?,
            helm_docs: find(&HELM_DOCS)?,
            glua: find(&GLUA)?,
        })
    }
}

/// The kubectl that runs when a person types `kubectl`, if there is one.
#[must_use]
pub fn kubectl_in_path() -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders)
        .map(|folder| folder.join(KUBECTL.name))
        .find(|path| path.is_file())
}

/// The person's own kubectl or, without one, ours, which may have to be built first.
/// Blocks: an async caller wraps it in `spawn_blocking`.
///
/// # Errors
/// When there is none and it cannot be built; the message says what to install.
pub fn any_kubectl() -> Result<PathBuf, Error> {
    kubectl_in_path().map_or_else(|| find_or_build(&KUBECTL, assets().as_deref()), Ok)
}

fn assets() -> Option<PathBuf> {
    env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from)
}

fn find_or_build(tool: &Pinned, assets: Option<&Path>) -> Result<PathBuf, Error> {
    let ready_made = assets
        .map(|folder| folder.join(tool.name))
        .filter(|path| path.is_file());
    if let Some(path) = ready_made {
        return Ok(path);
    }
    let task = format!("building {} {} from source", tool.name, tool.version());
    let folder = cache::entry(&tool.cache_key(), &task, |folder| {
        build::build(tool, folder, &task)
    })?;
    Ok(folder.join(tool.name))
}

#[cfg(test)]
mod tests {
    use super::{ETCD, find_or_build};

    #[test]
    fn the_assets_folder_comes_before_the_cache() {
        let assets = tempfile::tempdir().unwrap();
        let ready_made = assets.path().join("etcd");
        std::fs::write(&ready_made, "").unwrap();

        assert_eq!(
            find_or_build(&ETCD, Some(assets.path())).unwrap(),
            ready_made
        );
    }
}
