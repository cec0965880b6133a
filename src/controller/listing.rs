//! Which watches have listed their objects: the operator is ready when all have.

use std::sync::{Arc, Mutex, PoisonError};

use crate::telemetry::{Telemetry, health};

/// The watches of this process.
pub(super) struct Listing {
    listed: Mutex<Vec<bool>>,
    telemetry: Arc<Telemetry>,
}

impl Listing {
    /// None of so many watches has listed yet.
    pub(super) fn new(watches: usize, telemetry: Arc<Telemetry>) -> Arc<Self> {
        Arc::new(Self {
            listed: Mutex::new(vec![false; watches]),
            telemetry,
        })
    }

    /// A watch has listed all its objects.
    pub(super) fn complete(&self, watch: usize) {
        if self.set(watch, true) {
            self.telemetry.health.holds(health::OBJECTS);
        }
    }

    /// A watch cannot list.
    pub(super) fn fails(&self, watch: usize, why: &str) {
        self.set(watch, false);
        self.telemetry.health.fails(health::OBJECTS, why);
    }

    /// Whether a watch has listed all its objects.
    pub(super) fn has(&self, watch: usize) -> bool {
        let listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        listed.get(watch).is_some_and(|listed| *listed)
    }

    /// Whether all have listed now.
    fn set(&self, watch: usize, state: bool) -> bool {
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = listed.get_mut(watch) {
            *slot = state;
        }
        listed.iter().all(|slot| *slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_when_the_last_watch_has_listed() {
        let telemetry = Telemetry::new();
        telemetry.health.holds(health::AWS);
        let listing = Listing::new(2, Arc::clone(&telemetry));
        listing.complete(0);
        assert!(!telemetry.health.report().0);
        listing.complete(1);
        assert!(telemetry.health.report().0);
        listing.fails(0, "gone");
        assert!(!telemetry.health.report().0);
        listing.complete(0);
        assert!(telemetry.health.report().0);
    }
}
