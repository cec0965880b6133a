//! What a node needs of the machine outside its namespaces: a control group of its own in every
//! hierarchy, and four folders to mount over. All of it goes with the node, or with the next one.
//!
//! One node at a time: the lock is held until everything is tidied up.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::Error;
use crate::files::{self, failed};
use crate::janitor::Janitor;
use crate::progress;

/// The parent of all pods' control groups, so that nobody else's kubelet is in the way.
pub const CGROUP: &str = "identity-pool-operator-node";

const CGROUPS: &str = "/sys/fs/cgroup";

/// Kubelet, containerd and the network plugins have these in their code. The node's own folders are
/// mounted over them.
pub const FOLDERS: [&str; 4] = [
    "/var/lib/kubelet",
    "/var/lib/cni",
    "/var/log/pods",
    "/var/log/containers",
];

const LOCK: &str = "/run/lock/identity-pool-operator-node";

/// Control groups go from the leaves, when the last process has ended; folders only if they are empty,
/// as those of the machine's own kubelet are not.
const TIDY_UP: &str = r#"
cgroup=$1; shift
for attempt in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    left=$(find "/sys/fs/cgroup/$cgroup" /sys/fs/cgroup/*/"$cgroup" -depth -type d 2>/dev/null)
    [ -z "$left" ] && break
    [ "$attempt" = 1 ] || sleep 0.2
    printf '%s\n' "$left" | while read -r group; do rmdir "$group"; done
done
for folder in "$@"; do rmdir "$folder"; done
true"#;

/// Control groups and folders, and a janitor for them.
#[derive(Debug)]
pub(super) struct Ground {
    _janitor: Janitor,
}

impl Ground {
    /// Waits until no other node is there, clears what one left, and makes everything anew.
    pub(super) fn prepare(folder: &Path) -> Result<Self, Error> {
        let lock = lock()?;
        let mut arguments = vec![OsStr::new(CGROUP)];
        arguments.extend(FOLDERS.map(OsStr::new));
        let hire = |lock: &File| {
            let lock = lock.try_clone()?;
            Janitor::hire(TIDY_UP, &arguments, lock.into())
        };
        // What a machine that lost its power, or its janitor, has kept.
        drop(hire(&lock).map_err(Error::Janitor)?);
        let janitor = hire(&lock).map_err(Error::Janitor)?;
        for hierarchy in hierarchies()? {
            make_cgroup(&hierarchy)?;
        }
        for path in FOLDERS {
            files::create_folder(Path::new(path))?;
            files::create_folder(&folder.join(mounted_over(path)))?;
        }
        Ok(Self { _janitor: janitor })
    }
}

/// The name of the node's folder that is mounted over one of the [`FOLDERS`].
pub(super) fn mounted_over(path: &str) -> String {
    path.trim_start_matches('/').replace('/', "-")
}

fn lock() -> Result<File, Error> {
    let path = Path::new(LOCK);
    let file = File::create(path).map_err(failed("create the lock file", path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            progress::say("another node runs on this machine; waiting for its end");
            file.lock().map_err(failed("lock", path))?;
        }
        Err(TryLockError::Error(error)) => return Err(failed("lock", path)(error).into()),
    }
    Ok(file)
}

/// The roots of all hierarchies: one with control groups of version 2, else one for each controller.
fn hierarchies() -> Result<Vec<PathBuf>, Error> {
    let root = Path::new(CGROUPS);
    if root.join("cgroup.controllers").is_file() {
        return Ok(vec![root.to_owned()]);
    }
    let entries = fs::read_dir(root).map_err(failed("list", root))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    Ok(paths
        .filter(|path| path.join("cgroup.procs").is_file() && !path.is_symlink())
        .collect())
}

fn make_cgroup(hierarchy: &Path) -> Result<(), Error> {
    let group = hierarchy.join(CGROUP);
    let failed = |error| Error::Cgroup(group.clone(), error);
    match fs::create_dir(&group) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    // A new group of this controller has neither, and nothing can run in it.
    for file in ["cpuset.mems", "cpuset.cpus"] {
        if let Ok(parents) = fs::read_to_string(hierarchy.join(file)) {
            fs::write(group.join(file), parents).map_err(failed)?;
        }
    }
    // Version 2 gives a group the controllers that its parent passes on.
    let passed_on = hierarchy.join("cgroup.subtree_control");
    if hierarchy == Path::new(CGROUPS) && passed_on.is_file() {
        for controller in ["cpu", "cpuset", "memory", "pids", "io", "hugetlb"] {
            // Not every kernel has all of them.
            let _ = fs::write(&passed_on, format!("+{controller}"));
        }
    }
    Ok(())
}
