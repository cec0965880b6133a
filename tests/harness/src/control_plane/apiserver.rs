//! Starts kube-apiserver, as often as wanted, always the same one: same port, same data.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use http::Request;
use k8s_openapi::api::core::v1;
use kube::{Api, Client};

use super::Error;
use super::certificates::{Certificates, Pair};
use crate::deadline::Deadline;
use crate::files;
use crate::process::{Process, Within};

/// It takes 3 to 5 s on two idle cores; a machine that compiles meanwhile needs many times that.
const START_LIMIT: Duration = Duration::from_secs(90);

/// One look: a starting server may accept a connection and not answer.
const LOOK_LIMIT: Duration = Duration::from_secs(2);

/// A watch is written down when it begins; everything else when it is answered.
const AUDIT_POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, Panic]
rules:
  - level: Metadata
";

/// The command line of one apiserver and where its log goes.
#[derive(Debug)]
pub(super) struct Apiserver {
    command: Command,
    log: PathBuf,
    within: Option<Within>,
}

/// Where an apiserver is found.
#[derive(Debug)]
pub(super) struct Address<'a> {
    pub(super) bind: &'a str,
    pub(super) advertise: &'a str,
    pub(super) port: u16,
    /// The addresses of Services; the first is its own.
    pub(super) services: &'a str,
}

impl Address<'_> {
    pub(super) fn url(&self) -> String {
        format!("https://{}:{}", self.advertise, self.port)
    }
}

impl Apiserver {
    pub(super) fn new(
        program: &Path,
        at: &Address<'_>,
        etcd: &str,
        files: &Certificates,
        folder: &Path,
    ) -> Self {
        let mut apiserver = Self {
            command: Command::new(program),
            log: folder.join("kube-apiserver.log"),
            within: None,
        };
        let mut flag = |name: &str, value: &dyn AsRef<OsStr>| apiserver.flag(name, value);
        flag("bind-address", &at.bind);
        flag("advertise-address", &at.advertise);
        flag("secure-port", &at.port.to_string());
        flag("etcd-servers", &etcd);
        flag("tls-cert-file", &files.server.public);
        flag("tls-private-key-file", &files.server.private);
        flag("client-ca-file", &files.authority);
        flag("service-account-issuer", &format!("{}/", at.url()));
        flag("service-account-key-file", &files.service_accounts.public);
        flag(
            "service-account-signing-key-file",
            &files.service_accounts.private,
        );
        flag("service-cluster-ip-range", &at.services);
        apiserver
    }

    /// For a control plane without controllers and nodes.
    pub(super) fn alone(mut self) -> Self {
        self.flag("authorization-mode", &"RBAC");
        // No controller makes service accounts, so pods would be refused for want of one.
        self.flag("disable-admission-plugins", &"ServiceAccount");
        // It would try to publish a loopback address as an endpoint, which is not allowed.
        self.flag("endpoint-reconciler-type", &"none");
        self
    }

    /// For a cluster whose node's kubelet is asked, for logs and the like, as this client.
    pub(super) fn with_node(mut self, client: &Pair, authority: &Path, within: &Within) -> Self {
        self.flag("authorization-mode", &"Node,RBAC");
        self.flag("allow-privileged", &"true");
        self.flag("enable-admission-plugins", &"NodeRestriction");
        // The node has no name that could be resolved.
        self.flag("kubelet-preferred-address-types", &"InternalIP");
        self.flag("kubelet-certificate-authority", &authority);
        self.flag("kubelet-client-certificate", &client.public);
        self.flag("kubelet-client-key", &client.private);
        self.within = Some(within.clone());
        self
    }

    fn flag(&mut self, name: &str, value: &dyn AsRef<OsStr>) {
        let mut flag = OsString::from(format!("--{name}="));
        flag.push(value);
        self.command.arg(flag);
    }

    /// Has it write down every request that came to its end, with who made it: one JSON object a line.
    pub(super) fn audited(&mut self, log: &Path, folder: &Path) -> Result<(), Error> {
        let policy = folder.join("audit-policy.yaml");
        files::write(&policy, AUDIT_POLICY)?;
        self.command.arg("--audit-policy-file").arg(policy);
        self.command.arg("--audit-log-path").arg(log);
        Ok(())
    }

    /// Turns off a feature that can be turned off.
    pub(super) fn without_feature(&mut self, gate: &str) {
        self.command.arg(format!("--feature-gates={gate}=false"));
    }

    /// Starts it and waits until `client`, the administrator's, finds it ready.
    pub(super) async fn start(&self, client: &Client) -> Result<Process, Error> {
        let mut process = Process::start_within(self.within.as_ref(), &self.command, &self.log)?;
        let deadline = Deadline::after(START_LIMIT);
        while !is_ready(client).await {
            process.ensure_running()?;
            if !deadline.allows_another_look().await {
                return Err(Error::NotReady {
                    limit: START_LIMIT,
                    tail: process.tail(),
                });
            }
        }
        Ok(process)
    }
}

/// Ready by its own word, and with the namespaces that it makes a moment later.
async fn is_ready(client: &Client) -> bool {
    let look = async {
        let readyz = Request::get("/readyz")
            .body(Vec::new())
            .map_err(kube::Error::HttpError)?;
        client.request_text(readyz).await?;
        let namespaces: Api<v1::Namespace> = Api::all(client.clone());
        namespaces.get("kube-system").await?;
        namespaces.get("default").await
    };
    matches!(tokio::time::timeout(LOOK_LIMIT, look).await, Ok(Ok(_)))
}
