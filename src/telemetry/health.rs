//! Readiness: a list of things that have to be true, each with a sentence while it is not.
//!
//! Liveness is not here: a process that answers at all is alive. Restarting it
//! brings back neither the apiserver, nor a missing CRD, nor AWS.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

/// The checks, by name.
#[derive(Debug, Default)]
pub struct Health {
    checks: Mutex<BTreeMap<&'static str, Result<(), String>>>,
}

/// Check: the operator knows who it is in AWS.
pub const AWS: &str = "aws-identity";
/// Check: all objects have been listed once.
pub const OBJECTS: &str = "objects-listed";

/// Check: all classes have been listed once, where they are looked after.
pub const CLASSES: &str = "classes-listed";

impl Health {
    /// A check holds.
    pub fn holds(&self, check: &'static str) {
        self.set(check, Ok(()));
    }

    /// A check does not hold, and why.
    pub fn fails(&self, check: &'static str, why: impl Into<String>) {
        self.set(check, Err(why.into()));
    }

    fn set(&self, check: &'static str, state: Result<(), String>) {
        let mut checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner);
        checks.insert(check, state);
    }

    /// Whether all is well, and the page that says so.
    #[must_use]
    pub fn report(&self) -> (bool, String) {
        let checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner);
        let mut page = String::new();
        let mut ready = true;
        for check in [AWS, OBJECTS] {
            let line = match checks.get(check) {
                Some(Ok(())) => "ok",
                Some(Err(why)) => why,
                None => "not yet",
            };
            ready &= matches!(checks.get(check), Some(Ok(())));
            // Writing to a string cannot fail.
            let _ = writeln!(page, "{check}: {line}");
        }
        (ready, page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_only_when_every_check_holds() {
        let health = Health::default();
        assert!(!health.report().0);
        health.holds(AWS);
        health.fails(OBJECTS, "the CRD is not installed");
        let (ready, page) = health.report();
        assert!(!ready);
        assert!(
            page.contains("objects-listed: the CRD is not installed"),
            "{page}"
        );
        health.holds(OBJECTS);
        assert!(health.report().0);
    }
}
