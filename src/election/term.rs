//! What a replica may do at an instant.

use std::time::Duration;

use super::timing::Timing;

/// No change is begun with less of the term left: there has to be time for the call and
/// for writing down what came of it. Where the renew deadline is short, a fifth of it.
const LEAST: Duration = Duration::from_secs(2);

/// Whether this replica leads, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// There is no election: it leads for ever.
    Unbounded,
    /// It does not lead.
    None,
    /// It leads until `end` (monotonic clock), unless the lease is renewed before.
    Until {
        /// The last instant.
        end: Duration,
        /// By what it was reckoned.
        timing: Timing,
    },
}

impl Term {
    /// Whether it leads, or did so before its term ran out.
    #[must_use]
    pub const fn has_begun(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// How long a call that changes something may take when it begins now; zero when
    /// none may begin. Such a call may outlast the term, but not the lease: nobody else
    /// begins before.
    #[must_use]
    pub fn left(&self, now: Duration) -> Duration {
        match self {
            Self::Unbounded => Duration::MAX,
            Self::None => Duration::ZERO,
            Self::Until { end, timing } => {
                let left = end.saturating_sub(now);
                if left < LEAST.min(timing.renew_deadline / 5) {
                    return Duration::ZERO;
                }
                left + timing.lease().saturating_sub(timing.renew_deadline)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_call_may_take_what_is_left_of_the_lease_and_none_begins_in_the_last_two_seconds() {
        let term = Term::Until {
            end: seconds(110),
            timing: Timing::new(15, 10, 2).expect("an order"),
        };
        for (now, left) in [
            (100, seconds(15)),
            (104, seconds(11)),
            (108, seconds(7)),
            (109, Duration::ZERO),
            (110, Duration::ZERO),
            (500, Duration::ZERO),
        ] {
            assert_eq!(term.left(seconds(now)), left, "at {now} s");
        }
    }

    #[test]
    fn a_short_term_is_not_eaten_up_by_its_last_seconds() {
        let term = Term::Until {
            end: seconds(12),
            timing: Timing::new(3, 2, 1).expect("an order"),
        };
        assert_eq!(term.left(seconds(11)), seconds(2));
        assert_eq!(term.left(seconds(12)), Duration::ZERO);
    }

    #[test]
    fn without_an_election_nothing_is_bounded_and_without_a_term_nothing_begins() {
        assert_eq!(Term::Unbounded.left(seconds(1)), Duration::MAX);
        assert_eq!(Term::None.left(seconds(1)), Duration::ZERO);
        assert!(Term::Unbounded.has_begun() && !Term::None.has_begun());
    }
}
