//! The project's own cache: folders that are slow to make and the same for every checkout.
//!
//! An entry's key names all that it depends on, so an entry never changes and is never outdated.
//! An entry exists whole or not at all: it is made under another name and then renamed.
//! One process makes it, under a file lock that the kernel drops with the process; others wait.

use std::env;
use std::fmt::Write;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::files::{self, FileError, failed};
use crate::progress;

/// Why the cache could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no place for it.
    #[error("there is no place for a cache: set XDG_CACHE_HOME or HOME to an absolute path")]
    NoHome,
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The folder of `key` (a relative path), made by `fill` if no process has made it yet.
/// `task` says what is being done, for those who wait.
pub(crate) fn entry<E: From<Error>>(
    key: &str,
    task: &str,
    fill: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<PathBuf, E> {
    entry_in(&root()?, key, task, fill)
}

fn entry_in<E: From<Error>>(
    root: &Path,
    key: &str,
    task: &str,
    fill: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<PathBuf, E> {
    let folder = root.join(key);
    if folder.is_dir() {
        return Ok(folder);
    }
    let _held = lock(&folder, task)?;
    if !folder.is_dir() {
        let partial = empty_sibling(&folder).map_err(Error::File)?;
        fill(&partial).inspect_err(|_| discard(&partial))?;
        fs::rename(&partial, &folder)
            .map_err(failed("rename to its final name", &partial))
            .map_err(Error::File)?;
    }
    Ok(folder)
}

/// A short name for a content, for keys.
pub(crate) fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // The length keeps ["ab", "c"] and ["a", "bc"] apart.
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize()
        .iter()
        .take(6)
        .fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

fn root() -> Result<PathBuf, Error> {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_CACHE_HOME")
        .or_else(|| Some(absolute("HOME")?.join(".cache")))
        .map(|caches| caches.join("identity-pool-operator"))
        .ok_or(Error::NoHome)
}

/// Waits for the right to make `folder`; the lock goes with the returned file.
fn lock(folder: &Path, task: &str) -> Result<File, Error> {
    let path = folder.with_added_extension("lock");
    files::create_folder(path.parent().unwrap_or(&path))?;
    let file = File::create(&path).map_err(failed("create the lock file", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            progress::say(&format!("another process is {task}; waiting for it"));
            file.lock().map_err(failed("lock", &path))?;
        }
        Err(TryLockError::Error(error)) => return Err(failed("lock", &path)(error).into()),
    }
    Ok(file)
}

/// An empty folder beside `folder`; what a killed process left there goes first.
fn empty_sibling(folder: &Path) -> Result<PathBuf, FileError> {
    let partial = folder.with_added_extension("partial");
    discard(&partial);
    fs::create_dir(&partial).map_err(failed("create the folder", &partial))?;
    Ok(partial)
}

fn discard(partial: &Path) {
    // What cannot be removed makes the next `create_dir` fail, and that names the path.
    let _ = fs::remove_dir_all(partial);
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::{Error, digest, entry_in};
    use crate::files::failed;

    #[test]
    fn an_entry_is_made_once_by_many_at_the_same_time() {
        let root = tempfile::tempdir().unwrap();
        let made = AtomicUsize::new(0);
        let fill = |partial: &Path| {
            made.fetch_add(1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(50));
            fs::write(partial.join("tool"), "whole")
                .map_err(failed("write", partial))
                .map_err(Error::File)
        };

        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let folder = entry_in(root.path(), "kind/key", "testing", fill).unwrap();
                    assert_eq!(fs::read_to_string(folder.join("tool")).unwrap(), "whole");
                });
            }
        });

        assert_eq!(made.into_inner(), 1);
    }

    #[test]
    fn a_failed_entry_does_not_exist_and_is_made_anew_next_time() {
        let root = tempfile::tempdir().unwrap();
        let failure = entry_in(root.path(), "key", "testing", |partial| {
            fs::write(partial.join("half"), "").unwrap();
            Err(Error::NoHome)
        });
        assert!(failure.is_err());
        assert!(!root.path().join("key").exists() && !root.path().join("key.partial").exists());

        let folder = entry_in(root.path(), "key", "testing", |_| Ok::<_, Error>(())).unwrap();

        assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
    }

    #[test]
    fn digests_depend_on_where_a_part_ends() {
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
    }
}
