//! Why the demo cannot go on: one sentence for a person.

use harness::causes::with_causes;

/// What was not as promised, or what the demo could not do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failure(pub(crate) String);

impl Failure {
    /// An error of something that the demo needs, with its causes.
    pub(crate) fn of(error: &dyn std::error::Error) -> Self {
        Self(with_causes(error))
    }
}

/// Fails when something is not as promised.
pub(crate) fn require(holds: bool, what: &str) -> Result<(), Failure> {
    if holds {
        return Ok(());
    }
    Err(Failure(format!("it is not so that {what}.")))
}
