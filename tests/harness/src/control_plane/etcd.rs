//! Starts etcd, tuned for tests: no waiting for disks, no waiting for an election. As often as
//! wanted, always the same one: same ports, same data.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::{Error, Process, Within};

/// It takes 0.1 s on an idle machine.
const START_LIMIT: Duration = Duration::from_secs(30);

/// The name of the only member: etcd's own default.
const MEMBER: &str = "default";

/// One etcd and where its data and its log are.
#[derive(Debug)]
pub(super) struct Etcd {
    program: PathBuf,
    client: String,
    peer: String,
    data: PathBuf,
    log: PathBuf,
    within: Option<Within>,
}

impl Etcd {
    pub(super) fn new(program: &Path, ports: [u16; 2], folder: &Path) -> Self {
        let [client, peer] = ports.map(|port| format!("http://127.0.0.1:{port}"));
        Self {
            program: program.to_owned(),
            client,
            peer,
            data: folder.join("etcd"),
            log: folder.join("etcd.log"),
            within: None,
        }
    }

    /// Has it run somewhere else.
    pub(super) fn within(mut self, within: &Within) -> Self {
        self.within = Some(within.clone());
        self
    }

    /// The URL for clients.
    pub(super) fn url(&self) -> &str {
        &self.client
    }

    /// The folder with the data.
    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// Which member of which cluster it is: what a restored member has to be told as well.
    pub(super) fn membership(&self) -> [String; 6] {
        [
            "--name".to_owned(),
            MEMBER.to_owned(),
            "--initial-advertise-peer-urls".to_owned(),
            self.peer.clone(),
            "--initial-cluster".to_owned(),
            format!("{MEMBER}={}", self.peer),
        ]
    }

    /// Starts it and waits until it serves.
    pub(super) async fn start(&self) -> Result<Process, Error> {
        let mut command = Command::new(&self.program);
        command.arg("--data-dir").arg(&self.data);
        command.args([
            "--listen-client-urls",
            &self.client,
            "--advertise-client-urls",
            &self.client,
        ]);
        command.args(["--listen-peer-urls", &self.peer]);
        command.args(self.membership());
        // A crash of the machine may cost the data; nobody wants it then.
        command.arg("--unsafe-no-fsync");
        // The only member elects itself after one election timeout, 1 s by default.
        command.args(["--heartbeat-interval", "20", "--election-timeout", "200"]);
        // Its word that it serves must not be that of the start before; nothing is there at first.
        let _ = fs::rename(&self.log, self.log.with_extension("earlier.log"));
        let mut etcd = Process::start_within(self.within.as_ref(), &command, &self.log)?;
        etcd.wait_for_line("serving client traffic", START_LIMIT)
            .await?;
        Ok(etcd)
    }
}
