//! containerd, with runc and the CNI bridge of the Debian packages.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::Error;
use crate::files;
use crate::process::{Process, Within};

/// It takes less than a second.
const START_LIMIT: Duration = Duration::from_secs(60);

/// An image of a few MiB takes a second.
const CTR_LIMIT: Duration = Duration::from_secs(120);

/// Starts it and waits until it serves.
pub(super) async fn start(folder: &Path, within: &Within) -> Result<Process, Error> {
    let network = folder.join("cni");
    files::create_folder(&network)?;
    files::write(&network.join("10-node.conflist"), &bridge())?;
    let settings = folder.join("containerd.toml");
    files::write(&settings, &configuration(folder))?;
    let mut command = Command::new("containerd");
    command.arg("--config").arg(&settings);
    let mut containerd =
        Process::start_within(Some(within), &command, &folder.join("containerd.log"))?;
    containerd
        .wait_for_line("containerd successfully booted", START_LIMIT)
        .await?;
    Ok(containerd)
}

/// Loads an OCI archive for kubelet.
pub(super) async fn import(folder: &Path, within: &Within, image: &Path) -> Result<(), Error> {
    let image = image.to_string_lossy();
    ctr(folder, within, &["images", "import", &image]).await
}

/// Kills what a container runs, as the kernel would that has no more memory.
pub(super) async fn kill(folder: &Path, within: &Within, container: &str) -> Result<(), Error> {
    ctr(
        folder,
        within,
        &["tasks", "kill", "--signal", "SIGKILL", container],
    )
    .await
}

async fn ctr(folder: &Path, within: &Within, words: &[&str]) -> Result<(), Error> {
    let mut command = Command::new("ctr");
    command.arg("--address").arg(socket(folder));
    command.args(["--namespace", "k8s.io"]).args(words);
    let mut process = Process::start_within(Some(within), &command, &folder.join("ctr.log"))?;
    Ok(process.succeeded_within(CTR_LIMIT).await?)
}

pub(super) fn socket(folder: &Path) -> std::path::PathBuf {
    folder.join("containerd.sock")
}

fn configuration(folder: &Path) -> String {
    let at = folder.display();
    // The optional plugin would make /opt/containerd. Without the restriction no sandbox starts where
    // root may not lower its own protection from the out-of-memory killer.
    format!(
        r#"version = 2
root = "{at}/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "{at}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "{at}/cni"
"#
    )
}

fn bridge() -> String {
    let range =
        json!({"subnet": "10.88.0.0/24", "rangeStart": "10.88.0.10", "gateway": "10.88.0.1"});
    json!({
        "cniVersion": "1.0.0",
        "name": "node",
        "plugins": [{
            "type": "bridge",
            "bridge": "cni0",
            "isGateway": true,
            "ipMasq": false,
            "ipam": {"type": "host-local", "ranges": [[range]], "routes": [{"dst": "0.0.0.0/0"}]},
        }],
    })
    .to_string()
}
