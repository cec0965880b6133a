//! The monitors: promises that no call may break, whatever the test is about.
//!
//! 1. A pool is created once per owner: no `CreateIdentityPool` is executed
//!    while a pool with the same owner tag lives in that account and region.
//! 2. A foreign pool is not written to: no mutating call even arrives for a
//!    pool seeded as foreign or without an owner tag.
//! 3. An owner tag stays: no call over the wire removes or changes it.
//!
//! The fake cannot know which object a caller acts for, so monitor 2 judges
//! by the pool alone. [`Standing::HandedOver`] lifts 2 and 3 for one pool.

use super::pools::{Pool, Scope, Standing};

/// The broken promises so far, as sentences.
#[derive(Debug, Default)]
pub(super) struct Monitor {
    violations: Vec<String>,
}

impl Monitor {
    pub(super) fn violations(&self) -> &[String] {
        &self.violations
    }

    /// Monitor 1, once a pool is made while `twin` had the same owner.
    pub(super) fn created_twice(&mut self, seq: u64, scope: &Scope, owner: &str, twin: &str) {
        self.violations.push(format!(
            "call {seq}: CreateIdentityPool made a second pool for owner {owner} in account {} \
             region {}; {twin} is alive",
            scope.account, scope.region
        ));
    }

    /// Monitor 2, when a mutating call arrives for `pool`.
    pub(super) fn arrived(&mut self, seq: u64, operation: &str, pool: &Pool) {
        let why = match (pool.standing, pool.owner()) {
            (Standing::HandedOver, _) | (Standing::Tagged, Some(_)) => return,
            (Standing::Foreign, _) => "is foreign",
            (Standing::Tagged, None) => "has no owner tag",
        };
        let (id, name) = (pool.id(), pool.name());
        self.violations.push(format!(
            "call {seq}: {operation} for pool {id} ({name}), which {why}"
        ));
    }

    /// Monitor 3, after `pool` was written to.
    pub(super) fn written(&mut self, seq: u64, operation: &str, before: Option<&str>, pool: &Pool) {
        let (Some(before), after) = (before, pool.owner()) else {
            return;
        };
        if after == Some(before) || pool.standing == Standing::HandedOver {
            return;
        }
        let id = pool.id();
        let what = match after {
            Some(after) => format!("changed the owner of pool {id} from {before} to {after}"),
            None => format!("removed the owner {before} of pool {id}"),
        };
        self.violations
            .push(format!("call {seq}: {operation} {what}"));
    }
}
