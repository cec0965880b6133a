//! A real control plane for tests: etcd and kube-apiserver, on loopback, in a folder in memory.
//!
//! Only the real thing shows what users will meet: schema and CEL errors, pruning, field owners,
//! conflicts, RBAC, watches that break. Controllers and the scheduler do not run: nobody makes pods
//! or a namespace's default service account, a deleted namespace stays `Terminating`, and the
//! cluster roles `admin`, `edit` and `view`, which a controller would fill, grant nothing.
//!
//! Invariants: nothing listens beyond loopback; nothing outlives the process that started it;
//! nothing in a [`ControlPlane`] belongs to an async runtime, so that tests with runtimes of their
//! own can share one. Clients do belong to a runtime: each test makes its own.

mod access;
mod apiserver;
mod backup;
mod certificates;
mod crds;
mod error;
mod etcd;
mod kubectl;
mod namespace;
mod with_node;

use std::path::{Path, PathBuf};

use kube::{Client, Config};
use tokio::sync::OnceCell;

pub use backup::{Backup, Revisions};
pub use error::Error;
pub use namespace::Namespace;
pub use with_node::ADDRESS as NODE_ADDRESS;
pub(crate) use with_node::{Credentials as NodeCredentials, SERVICE as SERVICE_ADDRESS, WithNode};

use crate::causes::with_causes;
use crate::files;
use crate::ports;
use crate::process::Process;
use crate::scratch::Scratch;
use crate::tools::Tools;
use access::Access;
use apiserver::{Address, Apiserver};
use certificates::{Certificates, Issuer};
use etcd::Etcd;

/// How the apiserver is set up.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    /// It writes an [audit log](ControlPlane::audit_log).
    pub audited: bool,
    /// It refuses a watch that begins with a list, as that of Kubernetes 1.31 and 1.33 does.
    pub lists_apart: bool,
}

/// Under what names the apiserver is reached, its own Service included.
const SERVER_NAMES: [&str; 4] = [
    "127.0.0.1",
    "localhost",
    "kubernetes.default.svc",
    "10.0.0.1",
];

const AUDIT_LOG: &str = "audit.log";

/// A running etcd and kube-apiserver; dropping it ends them and removes their data.
#[derive(Debug)]
pub struct ControlPlane {
    // Fields are dropped in this order: each server before what it uses.
    running: Option<Process>,
    apiserver: Apiserver,
    etcd_running: Option<Process>,
    etcd: Etcd,
    access: Access,
    kubectl: PathBuf,
    scratch: Scratch,
}

impl ControlPlane {
    /// Starts a control plane of the caller's own and waits until it is ready: seconds, or minutes
    /// on a machine where the programs must be built first.
    ///
    /// # Errors
    /// When a program cannot be had or does not get ready; the message has its last words.
    ///
    /// # Panics
    /// When building the programs panics.
    pub async fn start() -> Result<Self, Error> {
        Self::start_as(Settings::default()).await
    }

    /// As [`start`](Self::start), with an apiserver that is set up otherwise.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// As there.
    pub async fn start_as(settings: Settings) -> Result<Self, Error> {
        let tools = tokio::task::spawn_blocking(Tools::find_or_build)
            .await
            .expect("building the programs does not panic")?;
        let start = |ports| Self::start_on(ports, &tools, settings);
        ports::start_on_free_ports(start, Error::port_was_taken).await
    }

    /// The control plane that all tests of this process share, started by whoever asks first.
    /// It cannot be stopped or restarted: a test that wants to do so starts its own.
    ///
    /// # Panics
    /// When it cannot be started, with all causes: no test can go on without it.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<ControlPlane> = OnceCell::const_new();
        match SHARED.get_or_try_init(Self::start).await {
            Ok(shared) => shared,
            Err(error) => panic!("{}", with_causes(&error)),
        }
    }

    async fn start_on(
        [client, peer, secure]: [u16; 3],
        tools: &Tools,
        settings: Settings,
    ) -> Result<Self, Error> {
        let scratch = Scratch::new()?;
        let folder = scratch.path();
        let issuer = Issuer::new(&folder.join("pki"))?;
        let certificates = Certificates::issue(&issuer, &SERVER_NAMES)?;
        let address = Address {
            bind: "127.0.0.1",
            advertise: "127.0.0.1",
            port: secure,
            services: "10.0.0.0/24",
        };
        let access = Access::new(address.url(), &certificates, folder)?;
        let etcd = Etcd::new(&tools.etcd, [client, peer], folder);
        let etcd_running = Some(etcd.start().await?);
        let mut apiserver = Apiserver::new(
            &tools.kube_apiserver,
            &address,
            etcd.url(),
            &certificates,
            folder,
        )
        .alone();
        if settings.audited {
            apiserver.audited(&folder.join(AUDIT_LOG), folder)?;
        }
        if settings.lists_apart {
            apiserver.without_feature("WatchList");
        }
        let mut plane = Self {
            running: None,
            apiserver,
            etcd_running,
            etcd,
            access,
            kubectl: tools.kubectl.clone(),
            scratch,
        };
        plane.start_apiserver().await?;
        Ok(plane)
    }

    /// Ends the apiserver as a crash would; etcd keeps the data. Nothing happens if it is stopped.
    pub fn stop_apiserver(&mut self) {
        self.running = None;
    }

    /// Starts the apiserver on its old port and data, and waits until it is ready. Nothing happens
    /// if it runs.
    ///
    /// # Errors
    /// When it ends or does not get ready; the message has its last words.
    pub async fn start_apiserver(&mut self) -> Result<(), Error> {
        if self.running.is_none() {
            let client = self.client().await?;
            self.running = Some(self.apiserver.start(&client).await?);
        }
        Ok(())
    }

    /// Stops and starts the apiserver: connections and watches break, data and address stay.
    ///
    /// # Errors
    /// As [`start_apiserver`](Self::start_apiserver).
    pub async fn restart_apiserver(&mut self) -> Result<(), Error> {
        self.stop_apiserver();
        self.start_apiserver().await
    }

    /// Ends etcd as a crash would; the data stay, and the apiserver goes on without it. Nothing
    /// happens if it is stopped.
    pub fn stop_etcd(&mut self) {
        self.etcd_running = None;
    }

    /// Starts etcd on its old port and data, and waits until it serves. Nothing happens if it runs.
    ///
    /// # Errors
    /// When it ends or does not serve in time; the message has its last words.
    pub async fn start_etcd(&mut self) -> Result<(), Error> {
        if self.etcd_running.is_none() {
            self.etcd_running = Some(self.etcd.start().await?);
        }
        Ok(())
    }

    fn etcd_data(&self) -> &Path {
        self.etcd.data()
    }

    fn membership(&self) -> [String; 6] {
        self.etcd.membership()
    }

    /// The apiserver's URL.
    #[must_use]
    pub fn server_url(&self) -> &str {
        self.access.server()
    }

    /// The URL of etcd, which speaks plain HTTP.
    #[must_use]
    pub fn etcd_url(&self) -> &str {
        self.etcd.url()
    }

    /// The folder with logs (`etcd.log`, `kube-apiserver.log`), certificates and data. It goes with
    /// this value.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// Where the apiserver writes down every request, if it was started to do so: one JSON object a
    /// line (`audit.k8s.io/v1` `Event`).
    #[must_use]
    pub fn audit_log(&self) -> PathBuf {
        self.folder().join(AUDIT_LOG)
    }

    /// A kubeconfig file for the administrator. Certificates in it are paths into
    /// [`folder`](Self::folder).
    #[must_use]
    pub fn kubeconfig_path(&self) -> &Path {
        self.access.admin_kubeconfig()
    }

    /// The kubectl of the same version.
    #[must_use]
    pub fn kubectl_path(&self) -> &Path {
        &self.kubectl
    }

    /// A kubeconfig file for a user who has only what RBAC grants to `user` and `groups`, for
    /// programs. A service account is `system:serviceaccount:NAMESPACE:NAME` in the groups
    /// `system:serviceaccounts` and `system:serviceaccounts:NAMESPACE`.
    ///
    /// The apiserver learns of a grant from a watch: a request right after it may still be refused.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn kubeconfig_for(&self, user: &str, groups: &[&str]) -> Result<PathBuf, Error> {
        let path = self
            .folder()
            .join(format!("{}.kubeconfig", uuid::Uuid::new_v4()));
        files::write(
            &path,
            &self.access.kubeconfig(Some((user, groups))).to_string(),
        )?;
        Ok(path)
    }

    /// A client configuration for the administrator, without the client's own retries: they would
    /// hide what a test wants to see.
    ///
    /// # Errors
    /// When the certificates cannot be read.
    pub async fn config(&self) -> Result<Config, Error> {
        self.access.config(None).await
    }

    /// As [`config`](Self::config), for the user described at
    /// [`kubeconfig_for`](Self::kubeconfig_for).
    ///
    /// # Errors
    /// When the certificates cannot be read.
    pub async fn config_for(&self, user: &str, groups: &[&str]) -> Result<Config, Error> {
        self.access.config(Some((user, groups))).await
    }

    /// A client for the administrator. It belongs to the runtime it is made in: one per test.
    ///
    /// # Errors
    /// When the certificates cannot be read.
    pub async fn client(&self) -> Result<Client, Error> {
        Ok(Client::try_from(self.config().await?)?)
    }

    /// As [`client`](Self::client), for the user described at
    /// [`kubeconfig_for`](Self::kubeconfig_for).
    ///
    /// # Errors
    /// When the certificates cannot be read.
    pub async fn client_for(&self, user: &str, groups: &[&str]) -> Result<Client, Error> {
        Ok(Client::try_from(self.config_for(user, groups).await?)?)
    }

    /// Runs kubectl as the administrator and returns what it prints.
    ///
    /// # Errors
    /// [`Error::Kubectl`] with its standard error when it ends with a failure.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String, Error> {
        self.kubectl_with_input(arguments, "").await
    }

    /// As [`kubectl`](Self::kubectl), with something to read: `apply -f -`.
    ///
    /// # Errors
    /// [`Error::Kubectl`] with its standard error when it ends with a failure.
    pub async fn kubectl_with_input(
        &self,
        arguments: &[&str],
        input: &str,
    ) -> Result<String, Error> {
        kubectl::run(&self.kubectl, self.kubeconfig_path(), arguments, input).await
    }

    /// Applies the custom resource definitions of a YAML text (or JSON) and waits until their
    /// objects can be made.
    ///
    /// # Errors
    /// When the text is no YAML, the apiserver refuses a definition, or one is not served in time.
    pub async fn apply_crds(&self, yaml: &str) -> Result<(), Error> {
        crds::apply(&self.client().await?, yaml).await
    }

    /// As [`apply_crds`](Self::apply_crds), for the text of a file.
    ///
    /// # Errors
    /// As there, or when the file cannot be read.
    pub async fn apply_crd_file(&self, path: &Path) -> Result<(), Error> {
        self.apply_crds(&files::read(path)?).await
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::{ControlPlane, Error, Settings};
    use crate::ports;
    use crate::tools::Tools;

    /// Starts on three free ports of which another process, so to speak, takes one before we do.
    async fn start_with_taken_port(position: usize) -> Error {
        let tools = tokio::task::spawn_blocking(Tools::find_or_build)
            .await
            .unwrap()
            .unwrap();
        let ports: [u16; 3] = ports::free_ports().unwrap();
        let _other = TcpListener::bind(("127.0.0.1", ports[position])).unwrap();
        ControlPlane::start_on(ports, &tools, Settings::default())
            .await
            .unwrap_err()
    }

    #[tokio::test]
    async fn a_port_taken_from_etcd_is_recognised() {
        let error = start_with_taken_port(0).await;
        assert!(error.port_was_taken(), "{error:?}");
    }

    #[tokio::test]
    async fn a_port_taken_from_the_apiserver_is_recognised() {
        let error = start_with_taken_port(2).await;
        assert!(error.port_was_taken(), "{error:?}");
    }
}
