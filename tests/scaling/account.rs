//! One AWS account in virtual time: so many calls a second, a second's worth at once, each answered
//! after the usual time; and an apiserver that does one write after the other.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

/// A latency like AWS's.
pub(crate) const LATENCY: Duration = Duration::from_millis(50);

/// How many calls an account lets through.
pub(crate) struct Limit {
    rate: f64,
    /// Tokens, and when they were counted.
    state: Mutex<(f64, Instant)>,
}

impl Limit {
    pub(crate) fn of(rate: f64) -> Self {
        let state = Mutex::new((rate.max(1.0), Instant::now()));
        Self { rate, state }
    }

    /// Whether a call that arrives now is let through.
    pub(crate) fn admits(&self) -> bool {
        let mut state = self.state.lock().expect("no panic");
        let now = Instant::now();
        let (tokens, at) = *state;
        let gathered = tokens + now.duration_since(at).as_secs_f64() * self.rate;
        let tokens = gathered.min(self.rate.max(1.0));
        let admits = tokens >= 1.0;
        *state = (tokens - if admits { 1.0 } else { 0.0 }, now);
        admits
    }
}

/// Writes one after the other.
pub(crate) struct Apiserver {
    each: Duration,
    free: Mutex<Instant>,
}

impl Apiserver {
    /// So many writes a second.
    pub(crate) fn of(rate: f64) -> Self {
        Self {
            each: Duration::from_secs_f64(1.0 / rate),
            free: Mutex::new(Instant::now()),
        }
    }

    /// Waits until a write is done.
    pub(crate) async fn write(&self) {
        let done = {
            let mut free = self.free.lock().expect("no panic");
            *free = (*free).max(Instant::now()) + self.each;
            *free
        };
        tokio::time::sleep_until(done).await;
    }
}
