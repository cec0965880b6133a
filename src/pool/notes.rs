//! What is worth an Event: a pool made or found, a transition of `Ready`, drift put right.

use super::facts::Facts;
use super::settings::PoolId;
use crate::api::IdentityPoolStatus;
use crate::api::condition::{self, ADOPTED, CREATED, DRIFT_CORRECTED, FOUND, READY, STALLED};

/// How loud an Event or a log line is.
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
    /// `CamelCase`: a reason of a condition, or one that only Events have.
    pub reason: String,
    /// For people.
    pub message: String,
}

impl Note {
    fn new(weight: Weight, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            weight,
            reason: reason.into(),
            message: message.into(),
        }
    }
}

/// The note that a new status deserves, if any.
pub(super) fn of_status(facts: &Facts, new: &IdentityPoolStatus) -> Option<Note> {
    let old = facts.status();
    let ready = condition::find(&new.conditions, READY)?;
    let id = new.identity_pool_id.as_deref().map(PoolId::new);
    let said = condition::find(&old.conditions, READY)
        .is_some_and(|old| old.status == ready.status && old.reason == ready.reason);
    if condition::holds(&new.conditions, STALLED) {
        return (!said).then(|| Note::new(Weight::Warning, &ready.reason, &ready.message));
    }
    if let Some(arrival) = id.filter(|id| facts.recorded().as_ref() != Some(id)) {
        return Some(arrived(facts, &arrival));
    }
    (!said).then(|| Note::new(Weight::Normal, &ready.reason, &ready.message))
}

fn arrived(facts: &Facts, id: &PoolId) -> Note {
    if facts.created.as_ref() == Some(id) {
        return Note::new(Weight::Normal, CREATED, format!("Pool {id} was created."));
    }
    if facts.took_over() {
        let message = format!("Pool {id} was taken over, as spec.adopt asks.");
        return Note::new(Weight::Normal, ADOPTED, message);
    }
    let message = format!("Pool {id} was found by its owner tag; no other was made.");
    Note::new(Weight::Normal, FOUND, message)
}

/// The note about fields that were changed outside and put right.
#[must_use]
pub fn corrected(fields: &[String]) -> Option<Note> {
    let message = format!("Changed outside and put right: {}.", fields.join(", "));
    (!fields.is_empty()).then(|| Note::new(Weight::Warning, DRIFT_CORRECTED, message))
}
