//! Sums of instants that cannot overflow, and so cannot panic.

use std::time::Duration;

use jiff::Timestamp;

/// `at + by`, or the end of time.
pub(super) fn after(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// How long until `then`; nothing when it has passed.
pub(super) fn until(now: Timestamp, then: Timestamp) -> Duration {
    Duration::try_from(then.duration_since(now)).unwrap_or(Duration::ZERO)
}
