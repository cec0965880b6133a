//! Prints an error with everything that led to it, once, at the edge.

use std::error::Error;

/// The messages of an error and of all its causes, in one line.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", with_causes(cause)),
        None => error.to_string(),
    }
}
