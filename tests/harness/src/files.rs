//! File operations whose errors say what was done to which path.
//!
//! The plain `std::io::Error` names neither, and a test that fails with "No such file or directory"
//! tells nobody anything.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A file operation that failed; the cause is the error's source.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", path.display())]
pub struct FileError {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// Turns an `io::Error` into one that names the action and the path: `.map_err(failed("read",
/// path))`.
pub(crate) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_owned();
    move |source| FileError {
        action,
        path,
        source,
    }
}

pub(crate) fn create_folder(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(failed("create the folder", path))
}

pub(crate) fn read(path: &Path) -> Result<String, FileError> {
    fs::read_to_string(path).map_err(failed("read", path))
}

pub(crate) fn write(path: &Path, content: &str) -> Result<(), FileError> {
    fs::write(path, content).map_err(failed("write", path))
}
