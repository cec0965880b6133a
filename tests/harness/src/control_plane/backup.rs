//! Backups of etcd, made and restored as its own documentation says.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::{ControlPlane, Error};
use crate::files::failed;
use crate::process;
use crate::tools::BackupTools;

/// By how much revisions move ahead where they must not repeat: more than any test writes.
const AHEAD: &str = "1000000000";

/// What etcd held at one instant.
#[derive(Debug)]
pub struct Backup(PathBuf);

/// How the revisions of a restored etcd relate to those that were seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revisions {
    /// They begin again at the snapshot, so that later ones are given out twice.
    Repeat,
    /// They go on far ahead, and all earlier ones count as compacted: whoever watches is told to
    /// list again.
    Bumped,
}

impl ControlPlane {
    /// Saves what etcd holds now; it goes on serving.
    ///
    /// # Errors
    /// When the tools cannot be had or fail.
    pub async fn back_up(&self) -> Result<Backup, Error> {
        let path = self.folder().join(format!("{}.db", uuid::Uuid::new_v4()));
        let mut save = Command::new(tools().await?.etcdctl);
        save.args(["--endpoints", self.etcd_url(), "snapshot", "save"]);
        save.arg(&path);
        self.run("backing up etcd", save).await?;
        Ok(Backup(path))
    }

    /// Stops both servers, puts the data of a backup in the place of theirs, and starts them:
    /// the same cluster at the same address, with an earlier memory.
    ///
    /// # Errors
    /// When the tools cannot be had or fail, or a server does not get ready.
    pub async fn restore(&mut self, backup: &Backup, revisions: Revisions) -> Result<(), Error> {
        let etcdutl = tools().await?.etcdutl;
        self.stop_apiserver();
        self.stop_etcd();
        let data = self.etcd_data();
        fs::remove_dir_all(data).map_err(failed("remove", data))?;
        let mut restore = Command::new(etcdutl);
        restore.args(["snapshot", "restore"]).arg(&backup.0);
        restore.arg("--data-dir").arg(data).args(self.membership());
        if revisions == Revisions::Bumped {
            restore.args(["--bump-revision", AHEAD, "--mark-compacted"]);
        }
        self.run("restoring etcd", restore).await?;
        self.start_etcd().await?;
        self.start_apiserver().await
    }

    async fn run(&self, task: &'static str, command: Command) -> Result<(), Error> {
        let log = self.folder().join("backup.log");
        let ran = tokio::task::spawn_blocking(move || process::run(&command, &log, task)).await;
        Ok(ran.expect("running a program does not panic")?)
    }
}

async fn tools() -> Result<BackupTools, Error> {
    let found = tokio::task::spawn_blocking(BackupTools::find_or_build).await;
    Ok(found.expect("building the programs does not panic")?)
}
