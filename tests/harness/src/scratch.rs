//! A folder for one server's data that is gone when its owner is, however the owner ends.
//!
//! The folder lies in memory where there is room: etcd then never waits for a disk.
//! A janitor removes it: each forgotten folder would keep 100 MB of memory.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::files::{FileError, failed};
use crate::janitor::Janitor;

/// etcd allocates two log segments of 64 MB up front; a container's default `/dev/shm` has 64 MB.
const ROOM_IN_MEMORY: u64 = 1 << 30;

/// A server that was killed a moment ago may still be writing, so one `rm` may not be enough.
const SCRIPT: &str = r#"
for attempt in 1 2 3 4 5 6 7 8 9 10; do
    rm -rf -- "$1" && exit
    sleep 0.2
done"#;

/// A folder that is removed when this value is dropped or its process ends.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    _janitor: Janitor,
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
        let janitor = Janitor::hire(SCRIPT, &[folder.path().as_os_str()], Stdio::null())
            .map_err(failed("start a shell (sh) that will remove", folder.path()))?;
        Ok(Self {
            path: folder.keep(),
            _janitor: janitor,
        })
    }

    /// Where the folder is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
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
