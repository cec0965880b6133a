//! Waiting for something that is looked at again and again, but not for ever.

use std::time::{Duration, Instant};

/// Short against the seconds that servers take to start, long against what one look costs.
const PAUSE: Duration = Duration::from_millis(25);

/// A moment after which waiting is given up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    pub(crate) fn after(limit: Duration) -> Self {
        Self(Instant::now() + limit)
    }

    /// Sleeps until the next look is due; `false` when the time is up.
    #[must_use = "without looking at the answer the loop has no end"]
    pub(crate) async fn allows_another_look(self) -> bool {
        tokio::time::sleep(PAUSE).await;
        Instant::now() < self.0
    }
}
