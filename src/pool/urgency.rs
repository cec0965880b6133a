//! How urgent the calls of a pass are: what the request budget serves first.
//!
//! Decided here and only carried by the shell. A person who waits comes before a program,
//! a new pool before one that works, and a look that is merely due comes last.

use std::time::Duration;

use super::facts::Facts;
use super::moves::Move;

/// The most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// A deletion, or an edit of an object that has a pool.
    Person,
    /// An object without a pool.
    Creation,
    /// A change made outside is put right, or looked for because there are signs of one.
    Drift,
    /// A look that is due.
    Resync,
}

impl Urgency {
    /// Label value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Creation => "creation",
            Self::Drift => "drift",
            Self::Resync => "resync",
        }
    }
}

/// Time in the line after which the object says that it waits: shorter waits are over before
/// anybody has looked twice, and saying so is a write for each object.
pub const LONG: Duration = Duration::from_secs(30);

/// How urgent a move of a pass is. Pure: the same facts always give the same urgency.
#[must_use]
pub fn urgency(facts: &Facts, mv: &Move) -> Urgency {
    let mutates =
        matches!(mv, Move::Reserve) || matches!(mv, Move::Call(call) if call.operation().mutates());
    if facts.object.is_none() || facts.is_being_deleted() {
        Urgency::Person
    } else if facts.began_without_pool() {
        Urgency::Creation
    } else if facts.is_asked_for() {
        Urgency::Person
    } else if mutates || facts.missing || facts.meddled || facts.export_touched {
        Urgency::Drift
    } else {
        Urgency::Resync
    }
}
