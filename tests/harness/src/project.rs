//! Where the files of this checkout are, and how to name them to people.

use std::env;
use std::path::{Path, PathBuf};

/// The root of the checkout.
#[must_use]
pub fn root() -> &'static Path {
    let harness = Path::new(env!("CARGO_MANIFEST_DIR"));
    // Steps up by name, not by `..`: the path is shown to people.
    harness.ancestors().nth(2).unwrap_or(harness)
}

/// The file with the custom resource definitions.
#[must_use]
pub fn crds() -> PathBuf {
    root().join("crds/identitypools.yaml")
}

/// A path as short as it can be typed here: relative when it lies below the current folder.
#[must_use]
pub fn from_here(path: &Path) -> &Path {
    let here = env::current_dir();
    here.ok()
        .and_then(|here| path.strip_prefix(here).ok())
        .unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::crds;

    #[test]
    fn the_definitions_are_there_and_their_path_takes_no_detours() {
        assert!(crds().is_file());
        assert!(!crds().to_string_lossy().contains(".."));
    }
}
