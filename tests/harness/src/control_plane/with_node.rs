//! The servers of a cluster that has a node: etcd and kube-apiserver as everywhere, with the two
//! controllers that alone cannot make pods.
//!
//! They run in the node's namespaces, where all addresses are theirs: ports are fixed.

use std::path::{Path, PathBuf};
use std::process::Command;

use kube::{Client, Config};

use super::Error;
use super::access::{self, Access};
use super::apiserver::{Address, Apiserver};
use super::certificates::{Certificates, Issuer, Pair};
use super::etcd::Etcd;
use crate::files;
use crate::process::{Process, Within};
use crate::tools::NodeTools;

const ETCD_PORTS: [u16; 2] = [2379, 2380];

/// The node's address on its bridge, and the apiserver's there.
pub const ADDRESS: &str = "10.88.0.1";

/// What pods know the apiserver by: the first of the Services' addresses.
pub(crate) const SERVICE: &str = "10.96.0.1";

/// Running servers.
#[derive(Debug)]
pub(crate) struct WithNode {
    _servers: Vec<Process>,
    access: Access,
}

/// What kubelet and kube-proxy prove themselves with.
pub(crate) struct Credentials {
    pub(crate) kubeconfig: PathBuf,
    pub(crate) authority: PathBuf,
    pub(crate) server: Pair,
    /// For kube-proxy.
    pub(crate) proxy: PathBuf,
}

impl WithNode {
    /// Starts them in `folder`; the calling thread must be in the same network.
    pub(crate) async fn start(
        tools: &NodeTools,
        folder: &Path,
        within: &Within,
    ) -> Result<(Self, Credentials), Error> {
        let issuer = Issuer::new(&folder.join("pki"))?;
        let names = [ADDRESS, SERVICE, "kubernetes.default.svc"];
        let certificates = Certificates::issue(&issuer, &names)?;
        let address = Address {
            bind: "0.0.0.0",
            advertise: ADDRESS,
            port: 443,
            services: "10.96.0.0/24",
        };
        let access = Access::new(address.url(), &certificates, folder)?;
        let etcd = Etcd::new(&tools.control_plane.etcd, ETCD_PORTS, folder).within(within);
        let etcd_running = etcd.start().await?;
        let of_kubelet = issuer.client("kubelet-client", "system:masters", "kube-apiserver")?;
        let program = &tools.control_plane.kube_apiserver;
        let apiserver = Apiserver::new(program, &address, etcd.url(), &certificates, folder)
            .with_node(&of_kubelet, &issuer.certificate(), within);
        let client = Client::try_from(access.config(None).await?)?;
        let apiserver = apiserver.start(&client).await?;
        let user = |name: &str, group: &str, user: &str| -> Result<PathBuf, Error> {
            let pair = issuer.client(name, group, user)?;
            let content = access::kubeconfig(&address.url(), &issuer.certificate(), &pair);
            let path = folder.join(format!("{name}.kubeconfig"));
            files::write(&path, &content.to_string())?;
            Ok(path)
        };
        let controllers = user(
            "controllers",
            "system:kube",
            "system:kube-controller-manager",
        )?;
        let mut controllers = with_kubeconfig(&tools.controller_manager, &controllers);
        controllers
            .arg("--service-account-private-key-file")
            .arg(&certificates.service_accounts.private)
            .arg("--root-ca-file")
            .arg(issuer.certificate())
            .arg("--cluster-signing-cert-file")
            .arg(issuer.certificate())
            .arg("--cluster-signing-key-file")
            .arg(issuer.private())
            .arg("--use-service-account-credentials=true");
        let scheduler = user("scheduler", "system:kube", "system:kube-scheduler")?;
        let scheduler = with_kubeconfig(&tools.scheduler, &scheduler);
        let start = |command: &Command, name: &str| {
            Process::start_within(Some(within), command, &folder.join(name))
        };
        let servers = vec![
            start(&scheduler, "kube-scheduler.log")?,
            start(&controllers, "kube-controller-manager.log")?,
            apiserver,
            etcd_running,
        ];
        let credentials = Credentials {
            kubeconfig: user("node", "system:nodes", "system:node:node")?,
            authority: issuer.certificate(),
            proxy: user("proxy", "system:kube", "system:kube-proxy")?,
            server: issuer.server("node-server", "system:node:node", &[ADDRESS])?,
        };
        Ok((
            Self {
                _servers: servers,
                access,
            },
            credentials,
        ))
    }

    /// A client configuration for the administrator.
    pub(crate) async fn config(&self) -> Result<Config, Error> {
        self.access.config(None).await
    }

    /// The administrator's kubeconfig.
    pub(crate) fn kubeconfig_path(&self) -> &Path {
        self.access.admin_kubeconfig()
    }
}

/// A controller of Kubernetes that runs alone.
fn with_kubeconfig(program: &Path, kubeconfig: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args(["--bind-address=127.0.0.1", "--leader-elect=false"]);
    command
}
