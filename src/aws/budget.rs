//! How fast AWS may be asked: one token bucket for reads and one for writes of an
//! account and region, which find the account's real limit by themselves.
//!
//! AWS publishes no rates for the pool operations. So each bucket starts modestly,
//! doubles while it is used up and nobody objects, and from the first throttle on
//! creeps upwards and halves when throttled. [`Bucket`] is arithmetic over a clock
//! that is handed in; [`Budget`] waits.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Tokens a second at the start. AWS's published rates of this API are between 5
/// and 200: one burst of a quarter second at this rate is below most of them.
const START: f64 = 50.0;

/// Doubling once in this time reaches 800 calls a second within one second; a
/// throttled call costs a claim and a second, not a pool.
const WINDOW: Duration = Duration::from_millis(250);

/// Tokens a second that are added in each second of full use after the first throttle.
const CREEP: f64 = 1.0;

/// Below it a single pool would take minutes.
const FLOOR: f64 = 1.0;

/// Tokens that may gather, as a part of the rate: a burst of at most this many seconds.
const BURST: f64 = 0.25;

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

/// One bucket, without a clock of its own: `now` is the time since some start.
#[derive(Clone, Debug, PartialEq)]
struct Bucket {
    rate: f64,
    tokens: f64,
    filled_at: Duration,
    /// Since when the rate has been as it is.
    changed_at: Duration,
    /// Calls that had to wait since then: the rate was used up.
    waited: bool,
    /// When AWS last objected in a way that counted.
    throttled_at: Option<Duration>,
}

impl Bucket {
    fn new(now: Duration) -> Self {
        Self {
            rate: START,
            tokens: START * BURST,
            filled_at: now,
            changed_at: now,
            waited: false,
            throttled_at: None,
        }
    }

    /// Takes a token and says when the call may be sent. Tokens are lent in advance,
    /// so callers are served in the order in which they ask.
    fn take(&mut self, now: Duration) -> Duration {
        self.fill(now);
        self.tokens -= 1.0;
        if self.tokens >= 0.0 {
            return now;
        }
        self.waited = true;
        self.grow(now);
        now + Duration::from_secs_f64(-self.tokens / self.rate)
    }

    fn fill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.filled_at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.rate).min((self.rate * BURST).max(1.0));
        self.filled_at = now;
    }

    /// The rate grows only while it is what callers wait for.
    fn grow(&mut self, now: Duration) {
        let since = now.saturating_sub(self.changed_at);
        if since < WINDOW || !self.waited {
            return;
        }
        self.rate = if self.throttled_at.is_some() {
            self.rate + CREEP * since.as_secs_f64().min(1.0)
        } else {
            self.rate * 2.0
        };
        self.changed_at = now;
        self.waited = false;
    }

    /// AWS objected: half the rate, once for all calls that were under way together.
    fn throttle(&mut self, now: Duration) {
        if self
            .throttled_at
            .is_some_and(|at| now.saturating_sub(at) < WINDOW)
        {
            return;
        }
        self.fill(now);
        self.throttled_at = Some(now);
        self.rate = (self.rate / 2.0).max(FLOOR);
        self.tokens = self.tokens.min(0.0);
        self.changed_at = now;
        self.waited = false;
    }
}

/// The budget of one account and region.
#[derive(Debug)]
pub struct Budget {
    started: Instant,
    read: Mutex<Bucket>,
    write: Mutex<Bucket>,
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
        let bucket = || Mutex::new(Bucket::new(Duration::ZERO));
        Self {
            started: Instant::now(),
            read: bucket(),
            write: bucket(),
        }
    }

    fn bucket(&self, kind: Kind) -> MutexGuard<'_, Bucket> {
        let bucket = match kind {
            Kind::Read => &self.read,
            Kind::Write => &self.write,
        };
        bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the right to send a call. Callers are served in the order in which
    /// they ask; one that gives up while waiting has spent its token.
    pub async fn acquire(&self, kind: Kind) -> Permit {
        let due = self.bucket(kind).take(self.started.elapsed());
        tokio::time::sleep_until(self.started + due).await;
        Permit { kind }
    }

    /// Tells how AWS took a call.
    pub fn observe(&self, kind: Kind, throttled: bool) {
        if throttled {
            self.bucket(kind).throttle(self.started.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Asks as fast as it is served, for a while, and counts.
    fn served(bucket: &mut Bucket, from: Duration, to: Duration, limit: Option<f64>) -> (u32, u32) {
        let (mut sent, mut refused, mut now) = (0, 0, from);
        let mut account = 0.0_f64;
        let mut last = from;
        while now < to {
            now = bucket.take(now).max(now);
            if let Some(limit) = limit {
                account = (account + now.saturating_sub(last).as_secs_f64() * limit).min(limit);
                last = now;
                if account < 1.0 {
                    refused += 1;
                    bucket.throttle(now);
                    continue;
                }
                account -= 1.0;
            }
            sent += 1;
        }
        (sent, refused)
    }

    #[test]
    fn the_rate_doubles_while_it_is_used_up() {
        let mut bucket = Bucket::new(at(0));
        let (sent, _) = served(&mut bucket, at(0), at(2_500), None);
        assert!(sent > 300, "only {sent} calls in 2.5 s");
        assert!(bucket.rate >= START * 16.0, "{}", bucket.rate);
    }

    #[test]
    fn an_idle_budget_does_not_grow() {
        let mut bucket = Bucket::new(at(0));
        for second in 1..100 {
            assert_eq!(
                bucket.take(at(second * 1000)),
                at(second * 1000),
                "no waiting"
            );
        }
        assert!((bucket.rate - START).abs() < f64::EPSILON);
    }

    #[test]
    fn a_throttle_halves_the_rate_once_for_all_calls_of_its_moment() {
        let mut bucket = Bucket::new(at(0));
        for _ in 0..10 {
            bucket.throttle(at(100));
        }
        assert!(
            (bucket.rate - START / 2.0).abs() < f64::EPSILON,
            "{}",
            bucket.rate
        );
        bucket.throttle(at(700));
        assert!(
            (bucket.rate - START / 4.0).abs() < f64::EPSILON,
            "{}",
            bucket.rate
        );
    }

    #[test]
    fn the_rate_never_falls_below_one_a_second() {
        let mut bucket = Bucket::new(at(0));
        for step in 1..100 {
            bucket.throttle(at(step * 1000));
        }
        assert!((bucket.rate - FLOOR).abs() < f64::EPSILON);
    }

    #[test]
    fn an_accounts_limit_is_found_and_kept() {
        let mut bucket = Bucket::new(at(0));
        let limit = 10.0;
        served(&mut bucket, at(0), at(20_000), Some(limit));
        let (sent, refused) = served(&mut bucket, at(20_000), at(80_000), Some(limit));
        let used = f64::from(sent) / (60.0 * limit);
        assert!(used > 0.7, "{used} of the limit used");
        assert!(
            f64::from(refused) < 0.05 * f64::from(sent),
            "{refused} of {sent} refused"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_callers_are_served_in_order() {
        let budget = std::sync::Arc::new(Budget::new());
        let order = std::sync::Arc::new(Mutex::new(Vec::new()));
        let callers = (0..50).map(|n| {
            let (budget, order) = (
                std::sync::Arc::clone(&budget),
                std::sync::Arc::clone(&order),
            );
            async move {
                let permit = budget.acquire(Kind::Write).await;
                assert_eq!(permit.kind(), Kind::Write);
                order.lock().expect("no panic").push(n);
            }
        });
        futures::future::join_all(callers).await;
        assert_eq!(
            *order.lock().expect("no panic"),
            (0..50).collect::<Vec<_>>()
        );
    }
}
