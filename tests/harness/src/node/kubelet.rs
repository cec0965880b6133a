//! kubelet, and the word of the apiserver that its node is ready.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::dns::DOMAIN;
use super::ground::CGROUP;
use super::{ADDRESS, Error, Node, containerd};
use crate::control_plane::NodeCredentials;
use crate::deadline::Deadline;
use crate::files;
use crate::process::{Process, Within};

/// It takes 3 to 5 s on two idle cores.
const READY_LIMIT: Duration = Duration::from_secs(120);

/// Starts it.
pub(super) fn start(
    program: &Path,
    folder: &Path,
    credentials: &NodeCredentials,
    within: &Within,
) -> Result<Process, Error> {
    let settings = folder.join("kubelet.json");
    files::write(&settings, &configuration(folder, credentials).to_string())?;
    let mut command = Command::new(program);
    command.arg("--config").arg(&settings);
    command.arg("--kubeconfig").arg(&credentials.kubeconfig);
    command.arg("--hostname-override=node");
    command.arg(format!("--node-ip={ADDRESS}"));
    let log = folder.join("kubelet.log");
    Ok(Process::start_within(Some(within), &command, &log)?)
}

/// Waits until the apiserver says that the node is ready.
pub(super) async fn wait_until_ready(node: &mut Node) -> Result<(), Error> {
    let deadline = Deadline::after(READY_LIMIT);
    loop {
        node.kubelet.ensure_running()?;
        let said = conditions(node);
        if said.contains("Ready=True") {
            return Ok(());
        }
        if !deadline.allows_another_look().await {
            return Err(Error::NotReady {
                limit: READY_LIMIT,
                conditions: said,
                tail: node.kubelet.tail(),
            });
        }
    }
}

/// What the apiserver knows of the node, empty as long as it knows nothing.
fn conditions(node: &Node) -> String {
    let path = r"jsonpath={range .status.conditions[*]}{.type}={.status} {.message}; {end}";
    let output = node
        .kubectl()
        .args(["get", "node", "node", "-o", path])
        .output();
    output.map_or_else(
        |error| error.to_string(),
        |output| String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

fn configuration(folder: &Path, credentials: &NodeCredentials) -> Value {
    let socket = containerd::socket(folder);
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": format!("unix://{}", socket.display()),
        "authentication": {
            "anonymous": {"enabled": false},
            "webhook": {"enabled": true},
            "x509": {"clientCAFile": credentials.authority},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": credentials.server.public,
        "tlsPrivateKeyFile": credentials.server.private,
        "clusterDNS": [ADDRESS],
        "clusterDomain": DOMAIN,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{CGROUP}"),
        "failCgroupV1": false,
        "makeIPTablesUtilChains": false,
        // When a mounted Secret that changed is seen; by default that takes a minute or more.
        "syncFrequency": "10s",
        // The machine's disk is the machine's business.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {
            "memory.available": "0%",
            "nodefs.available": "0%",
            "nodefs.inodesFree": "0%",
            "imagefs.available": "0%",
        },
    })
}
