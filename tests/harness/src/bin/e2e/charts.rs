//! The chart of this checkout, and one of a version before it.
//!
//! No version has been released yet. The one before is therefore made of the present one: a lower
//! version, and a definition that lacks one field of the spec.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::project;

use crate::failure::{Failure, require};

/// The field that the version before does not know.
pub(crate) const NEW_FIELD: &str = "resyncPeriodSeconds";

const PREVIOUS_VERSION: &str = "0.0.0-previous";

pub(crate) fn current() -> PathBuf {
    project::root().join("charts/identity-pool-operator")
}

/// Makes the chart before in `folder`, which must not be there yet.
pub(crate) fn make_previous(folder: &Path) -> Result<(), Failure> {
    // With links followed: the definitions are those of the repository.
    let copied = Command::new("cp")
        .arg("-rL")
        .arg(current())
        .arg(folder)
        .status()?;
    require(copied.success(), "the chart can be copied")?;
    edit(&folder.join("Chart.yaml"), |text| {
        let version = format!("\nversion: {}\n", env!("CARGO_PKG_VERSION"));
        text.replace(&version, &format!("\nversion: {PREVIOUS_VERSION}\n"))
    })?;
    edit(
        &folder.join("definitions/identitypools.yaml"),
        without_field,
    )
}

fn edit(file: &Path, change: impl Fn(&str) -> String) -> Result<(), Failure> {
    let before = fs::read_to_string(file)?;
    let after = change(&before);
    require(
        before != after,
        &format!("the version before differs in {}", file.display()),
    )?;
    Ok(fs::write(file, after)?)
}

/// The text without the field and what is set in below it.
fn without_field(definition: &str) -> String {
    let mut inside: Option<usize> = None;
    let mut kept = String::new();
    for line in definition.lines() {
        let depth = line.len() - line.trim_start().len();
        if inside.is_some_and(|field| depth <= field) {
            inside = None;
        }
        if line.trim() == format!("{NEW_FIELD}:") {
            inside = Some(depth);
        }
        if inside.is_none() {
            kept += line;
            kept.push('\n');
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::without_field;

    #[test]
    fn a_field_goes_with_what_is_below_it_and_nothing_else() {
        let before = "a:\n  resyncPeriodSeconds:\n    x: 1\n    y:\n      z: 2\n  b: 3\n";
        assert_eq!(without_field(before), "a:\n  b: 3\n");
    }
}
