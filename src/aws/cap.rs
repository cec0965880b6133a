//! A fixed pace that a class keeps below what AWS would take.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::budget::Kind;

/// Most calls a second; `None` for no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Caps {
    /// Of calls that change nothing.
    pub reads: Option<u32>,
    /// Of calls that change something.
    pub writes: Option<u32>,
}

/// The paces of one class in one region.
#[derive(Debug)]
pub(super) struct Cap {
    reads: Option<Pace>,
    writes: Option<Pace>,
}

/// One call after the other.
#[derive(Debug)]
struct Pace {
    between: Duration,
    /// When the next call may go.
    next: Mutex<Instant>,
}

impl Cap {
    fn new(caps: Caps) -> Self {
        let pace = |rate: u32| Pace {
            between: Duration::from_secs(1) / rate.max(1),
            next: Mutex::new(Instant::now()),
        };
        Self {
            reads: caps.reads.map(pace),
            writes: caps.writes.map(pace),
        }
    }

    /// Caps of a class that has some.
    pub(super) fn of(caps: Caps) -> Option<Self> {
        (caps != Caps::default()).then(|| Self::new(caps))
    }

    /// Books the turn of a call; `None`: none is needed. Who gives it up leaves a gap.
    pub(super) fn book(&self, kind: Kind) -> Option<Instant> {
        let pace = match kind {
            Kind::Read => &self.reads,
            Kind::Write => &self.writes,
        };
        pace.as_ref().map(Pace::book)
    }
}

impl Pace {
    fn book(&self) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = (*next).max(Instant::now());
        *next = turn + self.between;
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_a_kind_keep_their_distance_and_others_go_at_once() {
        let cap = Cap::new(Caps {
            reads: None,
            writes: Some(4),
        });
        let turns: Vec<_> = (0..5).filter_map(|_| cap.book(Kind::Write)).collect();
        assert_eq!(turns[4] - turns[0], Duration::from_secs(1));
        assert_eq!(cap.book(Kind::Read), None);
    }
}
