//! Request rates: one token bucket per operation and one for the account.
//!
//! A bucket holds one second's worth of calls (at least one call) and starts
//! full. A refused call costs nothing, so hammering does not prolong the
//! refusal.

use std::collections::HashMap;
use std::time::Instant;

use super::pools::Scope;
use super::settings::Settings;

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

/// The buckets of all accounts and regions.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    buckets: HashMap<(Scope, String), Bucket>,
}

impl Throttle {
    /// Takes a token for the call, if every limit that applies has one.
    pub(super) fn admits(
        &mut self,
        settings: &Settings,
        scope: &Scope,
        operation: &str,
        now: Instant,
    ) -> bool {
        let of_account = settings.account_rates.get(&scope.account).copied();
        let of_account = of_account.or(settings.account_rate);
        if of_account.is_some_and(|rate| rate <= 0.0) {
            return false;
        }
        let limits = [
            ("", of_account),
            (operation, settings.rates.get(operation).copied()),
        ];
        let limits = limits
            .iter()
            .filter_map(|(name, rate)| Some((name, (*rate)?)));
        let keys: Vec<_> = limits
            .map(|(name, rate)| ((scope.clone(), (*name).to_owned()), rate))
            .collect();
        let all = keys
            .iter()
            .all(|(key, rate)| self.fill(key, *rate, now).tokens >= 1.0);
        if all {
            for (key, rate) in &keys {
                self.fill(key, *rate, now).tokens -= 1.0;
            }
        }
        all
    }

    fn fill(&mut self, key: &(Scope, String), rate: f64, now: Instant) -> &mut Bucket {
        let capacity = rate.max(1.0);
        let bucket = self.buckets.entry(key.clone()).or_insert(Bucket {
            tokens: capacity,
            filled: now,
        });
        let elapsed = now.saturating_duration_since(bucket.filled).as_secs_f64();
        bucket.tokens = (bucket.tokens + elapsed * rate).min(capacity);
        bucket.filled = now;
        bucket
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn scope(region: &str) -> Scope {
        Scope {
            account: "123456789012".to_owned(),
            region: region.to_owned(),
        }
    }

    fn admitted(throttle: &mut Throttle, settings: &Settings, now: Instant) -> usize {
        (0..20)
            .filter(|_| throttle.admits(settings, &scope("eu-west-1"), "TagResource", now))
            .count()
    }

    #[test]
    fn a_full_bucket_admits_a_second_of_calls_and_then_the_rate() {
        let mut settings = Settings::default();
        settings.rates.insert("TagResource".to_owned(), 5.0);
        let (mut throttle, start) = (Throttle::default(), Instant::now());

        assert_eq!(admitted(&mut throttle, &settings, start), 5);
        let later = start + Duration::from_millis(400);
        assert_eq!(admitted(&mut throttle, &settings, later), 2);
    }

    #[test]
    fn the_account_rate_holds_for_all_operations_of_one_region_together() {
        let settings = Settings {
            account_rate: Some(2.0),
            ..Settings::default()
        };
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        let mut admits =
            |region, operation| throttle.admits(&settings, &scope(region), operation, now);

        assert!(admits("eu-west-1", "TagResource"));
        assert!(admits("eu-west-1", "UntagResource"));
        assert!(!admits("eu-west-1", "DescribeIdentityPool"));
        assert!(admits("eu-west-2", "DescribeIdentityPool"));
    }
}
