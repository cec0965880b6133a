//! kube-proxy: what is sent to the address of a Service reaches one of its pods.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::Error;
use crate::files;
use crate::process::{Process, Within};

/// Starts it, with the certificate that this kubeconfig names.
pub(super) fn start(
    program: &Path,
    folder: &Path,
    kubeconfig: &Path,
    within: &Within,
) -> Result<Process, Error> {
    let settings = folder.join("kube-proxy.json");
    let configuration = json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": kubeconfig},
        "hostnameOverride": "node",
        "mode": "iptables",
        // Pods answer each other over the bridge, past the rules that would turn addresses back.
        "iptables": {"masqueradeAll": true},
        // The table of connections is the machine's.
        "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    });
    files::write(&settings, &configuration.to_string())?;
    let mut command = Command::new(program);
    command.arg("--config").arg(&settings);
    let log = folder.join("kube-proxy.log");
    Ok(Process::start_within(Some(within), &command, &log)?)
}
