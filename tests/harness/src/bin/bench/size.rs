//! The size of the binary without symbols.

use std::path::Path;
use std::process::Command;

use harness::scratch::Scratch;

use crate::Outcome;
use crate::row::Row;

/// A copy is stripped, so that a debug build shows its size honestly, too; where there
/// is no `strip`, the file counts as it is.
pub(crate) fn row(binary: &Path) -> Outcome<Row> {
    let scratch = Scratch::new()?;
    let copy = scratch.path().join("stripped");
    let strip = Command::new("strip")
        .arg("-o")
        .arg(&copy)
        .arg(binary)
        .status();
    let stripped = strip.is_ok_and(|status| status.success());
    let (what, file) = if stripped {
        ("binary, stripped", copy.as_path())
    } else {
        ("binary, as built", binary)
    };
    #[expect(clippy::cast_precision_loss, reason = "megabytes, for people")]
    let size = std::fs::metadata(file)?.len() as f64 / 1e6;
    Ok(Row::new(what, "MB", [size])
        .at_most(20.0)
        .peers("213 (XC), 62 (ACK)"))
}
