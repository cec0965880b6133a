//! Starts etcd, tuned for tests: no waiting for disks, no waiting for an election.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::process::{Error, Process, Within};

/// It takes 0.1 s on an idle machine.
const START_LIMIT: Duration = Duration::from_secs(30);

/// Starts it in `folder` and waits until it serves.
pub(super) async fn start(
    program: &Path,
    ports: [u16; 2],
    folder: &Path,
    within: Option<&Within>,
) -> Result<Process, Error> {
    let [client, peer] = ports.map(|port| format!("http://127.0.0.1:{port}"));
    let mut command = Command::new(program);
    command.arg("--data-dir").arg(folder.join("etcd"));
    command.args([
        "--listen-client-urls",
        &client,
        "--advertise-client-urls",
        &client,
    ]);
    command.args([
        "--listen-peer-urls",
        &peer,
        "--initial-advertise-peer-urls",
        &peer,
    ]);
    command.args(["--initial-cluster", &format!("default={peer}")]);
    // A crash of the machine may cost the data; nobody wants it then.
    command.arg("--unsafe-no-fsync");
    // The only member elects itself after one election timeout, 1 s by default.
    command.args(["--heartbeat-interval", "20", "--election-timeout", "200"]);
    let mut etcd = Process::start_within(within, &command, &folder.join("etcd.log"))?;
    etcd.wait_for_line("serving client traffic", START_LIMIT)
        .await?;
    Ok(etcd)
}
