//! How fast AWS may be asked: one token bucket for reads and one for writes of an
//! account and region. `Bucket` reckons; this waits.
//!
//! Callers stand in line and only the first waits for the next token. A token is
//! taken in the same step in which the call is let go, so one who gives up waiting
//! has spent nothing, and a changed rate holds for everybody in the line.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::bucket::Bucket;

/// Whether a call changes anything; AWS meters the two apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Describe and list.
    Read,
    /// Everything else.
    Write,
}

/// The right to send one call. Dropped without use, it is lost, as if it had been sent.
#[derive(Debug)]
#[must_use = "send the call that was waited for"]
pub struct Permit {
    kind: Kind,
}

impl Permit {
    /// Which bucket it is from.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }
}

/// A bucket and the line before it.
#[derive(Debug)]
struct Line {
    /// Held by the first in line; tokio hands it on in the order of asking.
    turn: tokio::sync::Mutex<()>,
    bucket: Mutex<Bucket>,
}

impl Line {
    fn new() -> Self {
        Self {
            turn: tokio::sync::Mutex::new(()),
            bucket: Mutex::new(Bucket::new(Duration::ZERO)),
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Bucket) -> T) -> T {
        work(&mut self.bucket.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The budget of one account and region.
#[derive(Debug)]
pub struct Budget {
    started: Instant,
    reads: Line,
    writes: Line,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new()
    }
}

impl Budget {
    /// Knows nothing of the account's limit yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            reads: Line::new(),
            writes: Line::new(),
        }
    }

    const fn line(&self, kind: Kind) -> &Line {
        match kind {
            Kind::Read => &self.reads,
            Kind::Write => &self.writes,
        }
    }

    /// Waits for the right to send a call. Callers are served in the order in which
    /// they ask; one that gives up while waiting has spent nothing.
    pub async fn acquire(&self, kind: Kind) -> Permit {
        let line = self.line(kind);
        let _first = line.turn.lock().await;
        while let Err(due) = line.with(|bucket| bucket.take(self.started.elapsed())) {
            tokio::time::sleep_until(self.started + due).await;
        }
        Permit { kind }
    }

    /// Tells how AWS took a call.
    pub fn observe(&self, kind: Kind, throttled: bool) {
        if throttled {
            let now = self.started.elapsed();
            self.line(kind).with(|bucket| bucket.throttle(now));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::join_all;

    use super::*;

    /// Takes what can be had without waiting.
    fn drain(budget: &Budget, kind: Kind) -> usize {
        std::iter::from_fn(|| budget.acquire(kind).now_or_never()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_callers_are_served_in_order() {
        let budget = Budget::new();
        let order = Mutex::new(Vec::new());
        let caller = async |n: usize| {
            let permit = budget.acquire(Kind::Write).await;
            assert_eq!(permit.kind(), Kind::Write);
            order.lock().expect("no panic").push(n);
        };
        join_all((0..200).map(caller)).await;
        let order = order.into_inner().expect("no panic");
        assert_eq!(order, (0..200).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_gives_up_waiting_has_spent_nothing() {
        let budget = Budget::new();
        drain(&budget, Kind::Write);
        let begun = Instant::now();
        for _ in 0..100 {
            let impatient = tokio::time::timeout(Duration::ZERO, budget.acquire(Kind::Write));
            assert!(impatient.await.is_err());
        }
        let _permit = budget.acquire(Kind::Write).await;
        assert!(begun.elapsed() < Duration::from_millis(150));
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_gives_up_in_line_does_not_hold_up_the_next() {
        let budget = Budget::new();
        drain(&budget, Kind::Read);
        let mut first = Box::pin(budget.acquire(Kind::Read));
        let mut second = Box::pin(budget.acquire(Kind::Read));
        assert!(first.as_mut().now_or_never().is_none());
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);
        let _permit = second.await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_write_slows_the_waiting_writes_but_no_read() {
        let budget = Budget::new();
        drain(&budget, Kind::Write);
        for _ in 0..6 {
            budget.observe(Kind::Write, true);
            tokio::time::advance(Duration::from_millis(251)).await;
            drain(&budget, Kind::Write);
        }
        let begun = Instant::now();
        let _permit = budget.acquire(Kind::Write).await;
        assert!(begun.elapsed() > Duration::from_millis(400));
        assert_eq!(drain(&budget, Kind::Read), 12);
    }
}
