//! A folder for one server's data that is gone when its owner is, however the owner ends.
//!
//! The folder lies in memory where there is room: etcd then never waits for a disk.
//! A destructor alone would not do: it runs neither for statics (the shared control plane is one)
//! nor when a test process is killed, and each forgotten folder would keep 100 MB of memory. So a
//! small shell outlives us, waits for the end of a pipe that only we hold, and removes the folder.

use std::env;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::files::{FileError, failed};

/// etcd allocates two log segments of 64 MB up front; a container's default `/dev/shm` has 64 MB.
const ROOM_IN_MEMORY: u64 = 1 << 30;

/// A server that was killed a moment ago may still be writing, so one `rm` may not be enough.
const JANITOR: &str = r#"
trap '' INT TERM HUP
cat >/dev/null
for attempt in 1 2 3 4 5 6 7 8 9 10; do
    rm -rf -- "$0" && exit
    sleep 0.2
done"#;

/// A folder that is removed when this value is dropped or its process ends.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    janitor: Child,
}

impl Scratch {
    /// Makes an empty folder that only this user can read.
    ///
    /// # Errors
    /// When the folder cannot be made or no shell can be started.
    pub fn new() -> Result<Self, FileError> {
        let parent = roomy_folder();
        let folder = tempfile::Builder::new()
            .prefix("identity-pool-operator-")
            .tempdir_in(&parent)
            .map_err(failed("create a folder in", &parent))?;
        let janitor = Command::new("sh")
            .args(["-c", JANITOR])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C in a terminal goes to the whole group; the janitor comes after it.
            .process_group(0)
            .spawn()
            .map_err(failed("start a shell (sh) that will remove", folder.path()))?;
        Ok(Self {
            path: folder.keep(),
            janitor,
        })
    }

    /// Where the folder is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(self.janitor.stdin.take());
        // Nobody is left to hear of a failure, and the folder is under the temporary ones anyway.
        let _ = self.janitor.wait();
    }
}

fn roomy_folder() -> PathBuf {
    let memory = Path::new("/dev/shm");
    match rustix::fs::statvfs(memory) {
        Ok(stat) if stat.f_bavail * stat.f_frsize >= ROOM_IN_MEMORY => memory.to_owned(),
        _ => env::temp_dir(),
    }
}

#[cfg(test)]
mod tests {
    use super::Scratch;

    #[test]
    fn folder_and_content_go_with_the_value() {
        let scratch = Scratch::new().unwrap();
        let path = scratch.path().to_owned();
        std::fs::write(path.join("file"), "content").unwrap();

        drop(scratch);

        assert!(!path.exists());
    }
}
