//! The only place of the shell that reads clocks and draws random numbers.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use uuid::{NoContext, Uuid};

use crate::election::{Now, Term};
use crate::pool::facts::Moment;

/// Both clocks of this process. Copies tell the same time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    started: Instant,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// The wall clock.
    #[expect(clippy::unused_self, reason = "clocks are read here and nowhere else")]
    pub(super) fn now(self) -> Timestamp {
        Timestamp::now()
    }

    /// The monotonic clock.
    pub(super) fn uptime(self) -> Duration {
        self.started.elapsed()
    }

    /// This instant.
    pub(super) fn instant(self) -> Now {
        Now {
            uptime: self.uptime(),
            wall: self.now(),
        }
    }

    /// This instant, with the draws that a decision may need.
    pub(super) fn moment(self, clock_offset: Option<SignedDuration>, term: Term) -> Moment {
        let Now { uptime, wall } = self.instant();
        Moment {
            now: wall,
            uptime,
            draw: draw(wall),
            jitter: fastrand::u16(0..=1000),
            clock_offset,
            term_left: term.left(uptime),
        }
    }
}

/// A `UUIDv7` of just this instant. The library's own draw never goes back, so after a
/// clock was set back it would date every claim into the future.
fn draw(now: Timestamp) -> Uuid {
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
    let nanos = u32::try_from(millis % 1000 * 1_000_000).unwrap_or(0);
    Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, millis / 1000, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_carries_its_instant_also_when_time_went_back() {
        for at in ["2030-01-01T00:00:00.125Z", "2026-11-24T10:00:00Z"] {
            let now: Timestamp = at.parse().expect("a time");
            let (seconds, nanos) = draw(now).get_timestamp().expect("version 7").to_unix();
            assert_eq!(i64::try_from(seconds).ok(), Some(now.as_second()));
            assert_eq!(i32::try_from(nanos).ok(), Some(now.subsec_nanosecond()));
        }
        assert_ne!(draw(Timestamp::UNIX_EPOCH), draw(Timestamp::UNIX_EPOCH));
    }
}
