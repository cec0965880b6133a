//! What is worth an Event: a transition of `Ready`, and drift put right.

use crate::api::IdentityPoolStatus;
use crate::api::condition::{READY, STALLED};

/// How loud an Event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// As it should be.
    Normal,
    /// Somebody should look.
    Warning,
}

/// An Event to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// How loud.
    pub weight: Weight,
    /// `CamelCase`, from the closed set of reasons.
    pub reason: String,
    /// For people.
    pub message: String,
}

/// The note that a new status deserves, if any.
#[must_use]
pub fn transition(old: &IdentityPoolStatus, new: &IdentityPoolStatus) -> Option<Note> {
    let find = |status: &IdentityPoolStatus, kind: &str| {
        status
            .conditions
            .iter()
            .find(|condition| condition.type_ == kind)
            .cloned()
    };
    let now = find(new, READY)?;
    let before = find(old, READY);
    if before.is_some_and(|before| before.status == now.status && before.reason == now.reason) {
        return None;
    }
    let stalled = find(new, STALLED).is_some_and(|condition| condition.status == "True");
    let (weight, message) = match (&new.identity_pool_id, now.status.as_str()) {
        (Some(id), "True") => (Weight::Normal, format!("Pool {id} equals the spec.")),
        _ if stalled => (Weight::Warning, now.message),
        _ => (Weight::Normal, now.message),
    };
    Some(Note {
        weight,
        reason: now.reason,
        message,
    })
}

/// The note about fields that were changed outside and put right.
#[must_use]
pub fn corrected(fields: &[String]) -> Option<Note> {
    (!fields.is_empty()).then(|| Note {
        weight: Weight::Warning,
        reason: "DriftCorrected".to_owned(),
        message: format!("Changed outside and put right: {}.", fields.join(", ")),
    })
}
