//! The three durations of an election, in their order.

use std::time::Duration;

/// Longest lease: longer ones would keep the work lying after a crash, not make it safer.
const LONGEST: u32 = 3600;

/// How long a lease is, and how it is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Seconds for which others believe in a lease that is not renewed.
    lease: i32,
    /// After this without a renewal the holder itself stops.
    pub renew_deadline: Duration,
    /// Pause between two tries to read, win or renew.
    pub retry: Duration,
}

/// Durations that make no election.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "leader election needs lease duration > renew deadline > retry period > 0 and at most {LONGEST} s, \
     but has {lease} s, {renew_deadline} s and {retry} s: a leader has to stop before others may begin, \
     and to renew before it has to stop"
)]
pub struct Disorder {
    lease: u32,
    renew_deadline: u32,
    retry: u32,
}

impl Timing {
    /// All in seconds.
    ///
    /// # Errors
    /// When they are not in their order.
    pub fn new(lease: u32, renew_deadline: u32, retry: u32) -> Result<Self, Disorder> {
        let ordered = lease > renew_deadline && renew_deadline > retry && retry > 0;
        match i32::try_from(lease) {
            Ok(seconds) if ordered && lease <= LONGEST => Ok(Self {
                lease: seconds,
                renew_deadline: Duration::from_secs(renew_deadline.into()),
                retry: Duration::from_secs(retry.into()),
            }),
            _ => Err(Disorder {
                lease,
                renew_deadline,
                retry,
            }),
        }
    }

    /// The promise as it stands in a lease, in seconds.
    #[must_use]
    pub const fn lease_seconds(&self) -> i32 {
        self.lease
    }

    /// For how long others believe in a lease.
    #[must_use]
    pub fn lease(&self) -> Duration {
        Duration::from_secs(u64::from(self.lease.unsigned_abs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leader_stops_before_others_begin_and_renews_before_it_stops() {
        let timing = Timing::new(15, 10, 2).expect("client-go's own");
        assert_eq!(timing.lease(), Duration::from_secs(15));
        for (lease, renew_deadline, retry) in [
            (10, 10, 2),
            (15, 2, 2),
            (15, 10, 0),
            (2, 10, 15),
            (3601, 10, 2),
            (u32::MAX, 10, 2),
        ] {
            let refused = Timing::new(lease, renew_deadline, retry).expect_err("no order");
            assert!(refused.to_string().contains(&format!("{lease} s")));
        }
    }
}
