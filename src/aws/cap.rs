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

    /// Waits for the turn of a call. Who gives up while waiting leaves a gap.
    pub(super) async fn turn(&self, kind: Kind) {
        let pace = match kind {
            Kind::Read => &self.reads,
            Kind::Write => &self.writes,
        };
        let Some(pace) = pace else {
            return;
        };
        tokio::time::sleep_until(pace.book()).await;
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

    #[tokio::test(start_paused = true)]
    async fn calls_of_a_kind_keep_their_distance_and_others_go_at_once() {
        let cap = Cap::new(Caps {
            reads: None,
            writes: Some(4),
        });
        let begun = Instant::now();
        for _ in 0..5 {
            cap.turn(Kind::Write).await;
        }
        assert_eq!(begun.elapsed(), Duration::from_secs(1));
        cap.turn(Kind::Read).await;
        assert_eq!(begun.elapsed(), Duration::from_secs(1));
    }
}
