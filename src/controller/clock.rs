//! The only place of the shell that reads clocks and draws random numbers.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::pool::facts::Moment;

/// Both clocks of this process.
#[derive(Debug)]
pub(super) struct Clock {
    started: Instant,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// This instant, with the draws that a decision may need.
    pub(super) fn moment(&self, clock_offset: Option<SignedDuration>) -> Moment {
        Moment {
            now: Timestamp::now(),
            uptime: self.started.elapsed(),
            draw: Uuid::now_v7(),
            jitter: fastrand::u16(0..=1000),
            clock_offset,
        }
    }
}
