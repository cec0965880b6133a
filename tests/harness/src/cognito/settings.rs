//! What a test may change about the account and the service.
//!
//! Defaults are a healthy account on a quiet day: no latency, no throttling,
//! the published quota, AWS's clock equal to ours.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::policy::Policy;
use super::sessions::AssumableRole;

/// How `UpdateIdentityPool` treats members that the request leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UpdateMode {
    /// They go back to their defaults, as AWS documents it.
    #[default]
    Replace,
    /// They keep their values, as every emulator does it.
    Merge,
}

/// The adjustable part of the fake; see [`FakeCognito::configure`].
///
/// [`FakeCognito::configure`]: super::FakeCognito::configure
#[derive(Debug, Clone)]
pub struct Settings {
    /// Service time of every call. Two writes of one pool that overlap within
    /// it get a `ConcurrentModificationException`.
    pub latency: Duration,
    /// How long `ListIdentityPools` shows neither creations nor deletions.
    pub list_lag: Duration,
    /// How long a new pool cannot be described.
    pub describe_lag: Duration,
    /// What an omitted member of `UpdateIdentityPool` means.
    pub update_mode: UpdateMode,
    /// Identity pools allowed per account and region.
    pub quota: usize,
    /// Calls per second and operation, per account and region; an operation
    /// without an entry is not limited.
    pub rates: BTreeMap<String, f64>,
    /// Calls per second of all operations together, per account and region.
    pub account_rate: Option<f64>,
    /// AWS's clock minus ours: shifts the `Date` header and the clock that
    /// signatures are judged by.
    pub date_offset: SignedDuration,
    /// How far `X-Amz-Date` may be from AWS's clock.
    pub signature_window: Duration,
    /// Account of an access key that `accounts` does not name.
    pub default_account: String,
    /// Account by access key id.
    pub accounts: BTreeMap<String, String>,
    /// Roles that can be assumed, by ARN; no other can.
    pub roles: BTreeMap<String, AssumableRole>,
    /// Calls per second of all operations together, of one account in each region, instead of
    /// `account_rate`; 0 admits none.
    pub account_rates: BTreeMap<String, f64>,
    /// Operations that IAM denies to everyone.
    pub denied: BTreeSet<String>,
    /// What IAM allows an access key; one without a policy may do everything.
    pub policies: BTreeMap<String, Policy>,
    /// User pool ids (`eu-west-1_Abc`) that do not exist; every other does.
    pub missing_user_pools: BTreeSet<String>,
    /// Role ARNs that may not be passed; every other of the account may.
    pub forbidden_roles: BTreeSet<String>,
    /// Role ARNs that are accepted as default roles and then not kept.
    pub dropped_roles: BTreeSet<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            list_lag: Duration::ZERO,
            describe_lag: Duration::ZERO,
            update_mode: UpdateMode::Replace,
            quota: 1000,
            rates: BTreeMap::new(),
            account_rate: None,
            date_offset: SignedDuration::ZERO,
            signature_window: Duration::from_mins(5),
            default_account: "123456789012".to_owned(),
            accounts: BTreeMap::new(),
            roles: BTreeMap::new(),
            account_rates: BTreeMap::new(),
            denied: BTreeSet::new(),
            policies: BTreeMap::new(),
            missing_user_pools: BTreeSet::new(),
            forbidden_roles: BTreeSet::new(),
            dropped_roles: BTreeSet::new(),
        }
    }
}

impl Settings {
    /// The account that owns an access key.
    pub(super) fn account_of(&self, access_key: &str) -> String {
        let account = self.accounts.get(access_key);
        account.unwrap_or(&self.default_account).clone()
    }

    /// The time by AWS's clock.
    pub(super) fn aws_now(&self) -> Timestamp {
        let now = Timestamp::now();
        now.checked_add(self.date_offset).unwrap_or(now)
    }
}
