//! What a process remembers of an object between two passes.
//!
//! Only a shortcut: a process that has forgotten everything reaches the same end,
//! more slowly. Nothing here may be needed for safety after a restart.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::call::Failure;
use super::recall::Recent;
use super::settings::PoolId;
use crate::api::names::RECONCILE_AT_ANNOTATION;
use crate::api::{IdentityPool, Managed};

/// How the object came to this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arrival {
    /// In a list: it may have had a life before this process saw it.
    Listed,
    /// As an event after the first list: it is new.
    Event,
}

/// What this process knows came of a claim of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// Nothing, and nothing can: never sent, or clearly refused.
    Void,
    /// Nobody knows: this is what was heard instead of an answer.
    Unclear(Failure),
    /// This pool.
    Made(PoolId),
}

/// The last claim that this process wrote for an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OwnClaim {
    /// Which claim.
    pub id: Uuid,
    /// What came of it.
    pub fate: Fate,
}

/// A pause after a failure, and what ends it early.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hold {
    /// Until when.
    pub until: Timestamp,
    /// A pass for anything else than this goes ahead at once.
    pub trigger: Trigger,
    /// The news of what the object refers to that the pass had heard.
    pub news: u32,
    /// What it refers to as it was then: a pass for other values goes ahead at once.
    pub values: Option<String>,
    /// The class that the object was of, as it was then.
    pub class: String,
    /// From when on news that left the values as they were end the pause too.
    pub soonest: Timestamp,
}

/// What a person can change to be heard at once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Trigger {
    generation: Option<i64>,
    reconcile_at: Option<String>,
    deleting: bool,
}

impl Trigger {
    /// Reads it from an object.
    #[must_use]
    pub fn of(object: &IdentityPool) -> Self {
        let meta = &object.metadata;
        Self {
            generation: meta.generation,
            reconcile_at: meta
                .annotations
                .as_ref()
                .and_then(|all| all.get(RECONCILE_AT_ANNOTATION).cloned()),
            deleting: meta.deletion_timestamp.is_some(),
        }
    }
}

/// A change that AWS accepted and does not show.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Unshown {
    /// Since when.
    pub since: Timestamp,
    /// What was asked for, by its fingerprint.
    pub desired: Option<String>,
}

/// What is remembered of one object, by its uid.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Memory {
    /// How it came.
    pub arrival: Arrival,
    /// How often it was listed anew since it first came.
    pub lists: u32,
    /// How often something changed that the object takes values from.
    pub news: u32,
    /// Whether an earlier pass of this process dealt with it.
    pub handled: bool,
    /// When a claim was first found that cannot be trusted.
    pub distrusted_since: Option<Timestamp>,
    /// Generation of the object that was read last. A cache may still show an older one.
    pub generation: Option<i64>,
    /// The last claim that this process wrote.
    pub own_claim: Option<OwnClaim>,
    /// What was set since the pool was last found in sync. Another process may meanwhile have
    /// taken it off the record, because the spec gave it up.
    pub sent: Managed,
    /// Until when a change that got no clear answer may still take effect.
    pub late_until: Option<Timestamp>,
    /// The pool that this process deleted: one that is not there is not late.
    pub deleted: Option<PoolId>,
    /// Since when AWS has not accepted a role, in an unbroken row.
    pub role_refused_since: Option<Timestamp>,
    /// The roles or principal tags that AWS accepted and does not show, in an unbroken row.
    pub unshown: Option<Unshown>,
    /// The pool as it was just now.
    pub recent: Option<Recent>,
    /// When the pool is to be looked at again though nothing happened.
    pub next_look: Option<Timestamp>,
    /// Failed passes in a row.
    pub failures: u32,
    /// The pause after the last of them.
    pub hold: Option<Hold>,
}

impl Memory {
    /// Of an object that was never dealt with.
    #[must_use]
    pub fn new(arrival: Arrival) -> Self {
        Self {
            arrival,
            lists: 0,
            news: 0,
            handled: false,
            distrusted_since: None,
            generation: None,
            own_claim: None,
            sent: Managed::default(),
            late_until: None,
            deleted: None,
            role_refused_since: None,
            unshown: None,
            recent: None,
            next_look: None,
            failures: 0,
            hold: None,
        }
    }

    /// The object was listed anew. Its past may be another one (a restored etcd), so
    /// what this process knows to be void may since have been followed by more: what the
    /// object itself says counts, as after a restart.
    pub fn relisted(&mut self) {
        self.arrival = Arrival::Listed;
        self.lists += 1;
        self.own_claim = self.own_claim.take().filter(|own| own.fate != Fate::Void);
    }

    /// How long the next pause lasts: 1 s, doubled by each failure, 5 minutes at
    /// most, spread over ±25 % so that objects which failed together part ways.
    #[must_use]
    pub fn backoff(&self, jitter: u16) -> Duration {
        let base = Duration::from_secs(1 << self.failures.min(9)).min(SLOW_RETRY);
        spread(base, 25, jitter)
    }
}

/// Pause where a person has to act: short enough that a repaired permission is
/// noticed over a cup of coffee, long enough to be no load.
pub const SLOW_RETRY: Duration = Duration::from_mins(5);

/// `base` ± `percent`, at the place that `jitter` (0..=1000) points to.
#[must_use]
pub fn spread(base: Duration, percent: u32, jitter: u16) -> Duration {
    let width = base * percent / 100;
    base.saturating_sub(width) + 2 * width * u32::from(jitter.min(1000)) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_minutes() {
        let mut memory = Memory::new(Arrival::Event);
        let mut pauses = Vec::new();
        for failures in [0, 1, 2, 5, 8, 9, 40] {
            memory.failures = failures;
            pauses.push(memory.backoff(500).as_secs());
        }
        assert_eq!(pauses, [1, 2, 4, 32, 256, 300, 300]);
    }

    #[test]
    fn jitter_spreads_evenly_around_the_base() {
        let base = Duration::from_secs(100);
        assert_eq!(spread(base, 10, 0), Duration::from_secs(90));
        assert_eq!(spread(base, 10, 500), base);
        assert_eq!(spread(base, 10, 1000), Duration::from_secs(110));
    }
}
