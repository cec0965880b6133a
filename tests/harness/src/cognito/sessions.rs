//! Roles that can be assumed, and the sessions that were opened for them.
//!
//! Holds what AWS holds a caller to: the trust policy's external id, who may assume the role, and
//! the end of a session.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use super::error::ApiError;
use super::policy::Policy;

/// Shortest session that AWS opens is 15 minutes; a test may ask for shorter ones.
const HOUR: Duration = Duration::from_secs(3600);

/// A role that can be assumed.
#[derive(Debug, Clone)]
pub struct AssumableRole {
    /// What its trust policy asks for.
    pub external_id: Option<String>,
    /// Accounts that it trusts; none means all.
    pub trusted_accounts: BTreeSet<String>,
    /// Whether its trust policy allows `sts:TagSession`.
    pub allows_tags: bool,
    /// How long sessions last.
    pub lasts: Duration,
    /// What it may do; without one, everything.
    pub policy: Option<Policy>,
}

impl Default for AssumableRole {
    fn default() -> Self {
        Self {
            external_id: None,
            trusted_accounts: BTreeSet::new(),
            allows_tags: true,
            lasts: HOUR,
            policy: None,
        }
    }
}

/// A session that was opened.
#[derive(Debug, Clone)]
pub struct Session {
    /// ARN of the role.
    pub role: String,
    /// `RoleSessionName`.
    pub name: String,
    /// Session tags.
    pub tags: BTreeMap<String, String>,
    /// By AWS's clock.
    pub expires: Timestamp,
}

impl Session {
    /// The account of the role.
    #[must_use]
    pub fn account(&self) -> &str {
        self.role.split(':').nth(4).unwrap_or_default()
    }

    /// Who the caller is by it.
    pub(super) fn arn(&self) -> String {
        let partition = self.role.split(':').nth(1).unwrap_or("aws");
        let role = self.role.rsplit('/').next().unwrap_or_default();
        let account = self.account();
        format!(
            "arn:{partition}:sts::{account}:assumed-role/{role}/{}",
            self.name
        )
    }
}

/// Sessions by access key.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    opened: HashMap<String, Session>,
}

impl Sessions {
    pub(super) fn get(&self, access_key: &str) -> Option<&Session> {
        self.opened.get(access_key)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Session> {
        self.opened.values()
    }

    pub(super) fn open(&mut self, session: Session) -> String {
        let access_key = format!("ASIA{:012}", self.opened.len() + 1);
        self.opened.insert(access_key.clone(), session);
        access_key
    }
}

/// What a caller asks for.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) role: &'a str,
    pub(super) caller_account: &'a str,
    pub(super) caller: &'a str,
    pub(super) external_id: Option<&'a str>,
    pub(super) has_tags: bool,
}

/// Whether the role lets itself be assumed; AWS has one answer to all that is wrong.
pub(super) fn check<'a>(
    roles: &'a BTreeMap<String, AssumableRole>,
    asked: &Asked<'_>,
) -> Result<&'a AssumableRole, ApiError> {
    let denied = |action: &str| {
        let Asked { role, caller, .. } = asked;
        let what =
            format!("User: {caller} is not authorized to perform: {action} on resource: {role}");
        ApiError::new("AccessDeniedException", what)
    };
    let role = roles
        .get(asked.role)
        .ok_or_else(|| denied("sts:AssumeRole"))?;
    let trusted = &role.trusted_accounts;
    let is_trusted = trusted.is_empty() || trusted.contains(asked.caller_account);
    let is_known = role
        .external_id
        .as_deref()
        .is_none_or(|wanted| asked.external_id == Some(wanted));
    if !is_trusted || !is_known {
        return Err(denied("sts:AssumeRole"));
    }
    if asked.has_tags && !role.allows_tags {
        return Err(denied("sts:TagSession"));
    }
    Ok(role)
}
