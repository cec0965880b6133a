//! From desired and observed to the calls that make them equal, in order.
//!
//! `UpdateIdentityPool` replaces the whole pool, so it always carries every field
//! and every tag. Whether AWS takes tags with it is not documented beyond doubt:
//! what an update left undone is mended by the tag calls, and what those leave
//! undone is reported. Roles and principal tags are calls of their own around the update.
//! A pool that equals the spec needs no call.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::json;

use super::access::RoleSet;
use super::call::{Call, Operation};
use super::facts::Asked;
use super::grants;
use super::settings::{
    Desired, Hidden, IDENTITY_POOL_TAGS, Observed, PoolId, Settings, Tags, diff,
};
use crate::api::names::{MAX_TAGS, OWNER_TAG};
use crate::api::{FieldDrift, Managed, PlannedCall};

/// One call to remove tags and one to set them.
const MAX_RETAGS: u8 = 2;

/// What a plan is made from.
pub(super) struct Input<'a> {
    /// What the spec asks for.
    pub(super) desired: &'a Desired,
    /// The pool as AWS shows it.
    pub(super) observed: &'a Observed,
    /// The owner's tags as they shall be.
    pub(super) own: Tags,
    /// Tag keys that this object set before: removed from the spec, they are removed.
    pub(super) managed: &'a BTreeSet<String>,
    /// What an update of this pass asked for already.
    pub(super) updated: Option<&'a (Settings, Tags)>,
    /// Tag calls made in this pass already.
    pub(super) retags: u8,
    /// Roles and principal tags.
    pub(super) grants: grants::Input<'a>,
}

/// What is to be done about a pool.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Plan {
    /// Nothing: it equals the spec.
    Done,
    /// These calls, in this order.
    Steps(Steps),
    /// All tags together are more than AWS allows; the sentence says how many.
    TooManyTags(String),
    /// Everything was tried, and these fields still differ.
    NotTaken(Vec<FieldDrift>),
    /// Everything was tried, and a read that may be late still shows these fields to differ.
    NotShown(Vec<FieldDrift>),
}

/// Calls, and what they are for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Steps {
    /// The calls in order; each is idempotent.
    pub(super) calls: Vec<Planned>,
    /// The spec fields that differ.
    pub(super) differences: Vec<FieldDrift>,
}

/// A call, and the spec fields that it makes true.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Planned {
    pub(super) call: Call,
    pub(super) changes: Vec<String>,
}

impl Steps {
    /// Whether there is nothing to do but what a late read may be the only reason for.
    pub(super) fn may_be_done(&self) -> bool {
        let set = [
            Operation::SetIdentityPoolRoles,
            Operation::SetPrincipalTagAttributeMap,
        ];
        let mut calls = self.calls.iter().map(|planned| planned.call.operation());
        calls.all(|operation| set.contains(&operation))
    }
}

impl Planned {
    pub(super) fn new(call: Call, differences: &[FieldDrift]) -> Self {
        let changes = differences.iter().map(|entry| entry.field.clone());
        Self {
            call,
            changes: changes.collect(),
        }
    }

    /// As status shows it.
    pub(super) fn shown(&self) -> PlannedCall {
        PlannedCall {
            operation: self.call.operation().as_str().to_owned(),
            changes: self.changes.clone(),
        }
    }
}

/// Makes the plan: what has to go before its provider, the pool itself, what can only
/// come after its provider.
pub(super) fn plan(input: &Input<'_>) -> Plan {
    let settings = wanted_settings(input);
    let pool = grants::Pool {
        id: &input.observed.id,
        before: &input.observed.settings,
        after: &settings,
    };
    let grants = grants::grants(&input.desired.access, input.grants, pool);
    let of_pool = match of_pool(input, settings.clone()) {
        Plan::Done => Steps::default(),
        Plan::Steps(steps) => steps,
        // What AWS does not take holds up nothing else.
        broken if grants.before.is_empty() && grants.after.is_empty() => return broken,
        _ => Steps::default(),
    };
    let differences = [of_pool.differences, grants.differences].concat();
    if differences.is_empty() {
        return Plan::Done;
    }
    let calls = [grants.before, of_pool.calls, grants.after].concat();
    if calls.is_empty() {
        return Plan::NotShown(grants.not_taken);
    }
    Plan::Steps(Steps { calls, differences })
}

/// How a pool becomes this object's that is not yet: the owner's tags come first, so that no
/// other call goes to a pool that is somebody's.
pub(super) fn adoption(input: &Input<'_>) -> Plan {
    let Steps { differences, .. } = match plan(input) {
        Plan::Steps(steps) => steps,
        other => return other,
    };
    let mut marked = input.observed.clone();
    marked.tags.extend(input.own.clone());
    let mark = Planned {
        call: Call::TagResource {
            id: marked.id.clone(),
            tags: input.own.clone(),
        },
        changes: vec![IDENTITY_POOL_TAGS.to_owned()],
    };
    let tags = |provider: &str| (input.grants.tags)(provider);
    let after = plan(&Input {
        desired: input.desired,
        observed: &marked,
        own: input.own.clone(),
        managed: input.managed,
        updated: input.updated,
        retags: input.retags,
        grants: grants::Input {
            managed: input.grants.managed,
            roles: input.grants.roles,
            tags: &tags,
            asked: input.grants.asked,
        },
    });
    let after = match after {
        Plan::Steps(steps) => steps.calls,
        Plan::Done | Plan::TooManyTags(_) | Plan::NotTaken(_) | Plan::NotShown(_) => Vec::new(),
    };
    Plan::Steps(Steps {
        calls: [vec![mark], after].concat(),
        differences,
    })
}

/// How a pool that is not there yet would be made, in calls without an id.
pub(super) fn creation(desired: &Desired) -> Steps {
    let (nowhere, nothing) = (PoolId::new(""), Settings::default());
    let secret = desired.secrets.keys().cloned().collect();
    let mut differences = diff(&desired.settings, &nothing, Hidden::alike(&secret));
    differences.extend(tag_drift(&desired.tags, &Tags::new()));
    let create = Call::CreateIdentityPool {
        settings: desired.settings.clone(),
        tags: desired.tags.clone(),
        signed_at: Timestamp::UNIX_EPOCH,
    };
    let input = grants::Input {
        managed: &Managed::default(),
        roles: Some(&RoleSet::default()),
        tags: &|_| None,
        asked: &Asked::default(),
    };
    let pool = grants::Pool {
        id: &nowhere,
        before: &desired.settings,
        after: &desired.settings,
    };
    let grants = grants::grants(&desired.access, input, pool);
    let create = Planned::new(create, &differences);
    Steps {
        calls: [vec![create], grants.before, grants.after].concat(),
        differences: [differences, grants.differences].concat(),
    }
}

/// Settings and tags, which one call replaces together.
fn of_pool(input: &Input<'_>, settings: Settings) -> Plan {
    let tags = wanted_tags(input);
    let (wanted, there) = (secret(input), secret_there(input));
    let hidden = Hidden {
        desired: &wanted,
        observed: &there,
    };
    let mut differences = diff(&settings, &input.observed.settings, hidden);
    let settings_equal = differences.is_empty();
    differences.extend(tag_drift(&tags, &input.observed.tags));
    if differences.is_empty() {
        return Plan::Done;
    }
    if tags.len() > MAX_TAGS {
        return Plan::TooManyTags(too_many(input, tags.len()));
    }
    let id = input.observed.id.clone();
    let asked = input
        .updated
        .is_some_and(|(asked, with)| *asked == settings && *with == tags);
    let calls = if !asked {
        vec![Call::UpdateIdentityPool { id, settings, tags }]
    } else if settings_equal && input.retags < MAX_RETAGS {
        retag(input.observed, &tags)
    } else {
        return Plan::NotTaken(differences);
    };
    let plan = |call| Planned::new(call, &differences);
    Plan::Steps(Steps {
        calls: calls.into_iter().map(plan).collect(),
        differences,
    })
}

/// Login providers whose values are not shown of what the spec asks for.
fn secret(input: &Input<'_>) -> BTreeSet<String> {
    input.desired.secrets.keys().cloned().collect()
}

/// Those whose values are not shown of what AWS has. What this object took out of a Secret
/// before may still stand there, and of a pool that is to be taken over nobody can tell any
/// more which values came from where.
fn secret_there(input: &Input<'_>) -> BTreeSet<String> {
    let observed = input.observed;
    let mut secret = secret(input);
    secret.extend(input.grants.managed.secret_login_providers.clone());
    if input.own.get(OWNER_TAG) != observed.tags.get(OWNER_TAG) {
        secret.extend(observed.settings.supported_login_providers.keys().cloned());
    }
    secret
}

/// AWS keeps a developer provider name that it has, so it is echoed; whether that
/// is what the spec wants is another rule's question.
fn wanted_settings(input: &Input<'_>) -> Settings {
    let mut settings = input.desired.settings.clone();
    if let Some(kept) = &input.observed.settings.developer_provider_name {
        settings.developer_provider_name = Some(kept.clone());
    }
    settings
}

/// Tags of others stay, those that the spec no longer names go, ours are always there.
fn wanted_tags(input: &Input<'_>) -> Tags {
    let mut tags = input.observed.tags.clone();
    tags.retain(|key, _| !input.managed.contains(key));
    tags.extend(input.desired.tags.clone());
    tags.extend(input.own.clone());
    tags
}

fn tag_drift(want: &Tags, have: &Tags) -> Option<FieldDrift> {
    let only = |one: &Tags, other: &Tags| -> Tags {
        one.iter()
            .filter(|(key, value)| other.get(*key) != Some(value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    };
    let (missing, surplus) = (only(want, have), only(have, want));
    if missing.is_empty() && surplus.is_empty() {
        return None;
    }
    Some(FieldDrift {
        field: IDENTITY_POOL_TAGS.to_owned(),
        desired: json!(missing).to_string(),
        actual: json!(surplus).to_string(),
    })
}

fn retag(observed: &Observed, want: &Tags) -> Vec<Call> {
    let id = &observed.id;
    let missing: Tags = want
        .iter()
        .filter(|(key, value)| observed.tags.get(*key) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let keys: Vec<String> = observed
        .tags
        .keys()
        .filter(|key| !want.contains_key(*key))
        .cloned()
        .collect();
    let mut calls = Vec::new();
    // Removal first: the sum of old and new tags may exceed AWS's limit.
    if !keys.is_empty() {
        calls.push(Call::UntagResource {
            id: id.clone(),
            keys,
        });
    }
    if !missing.is_empty() {
        calls.push(Call::TagResource {
            id: id.clone(),
            tags: missing,
        });
    }
    calls
}

fn too_many(input: &Input<'_>, count: usize) -> String {
    let of_spec = input.desired.tags.len();
    let own = input.own.len();
    format!(
        "The pool would have {count} tags, AWS allows {MAX_TAGS}: {of_spec} of \
         spec.identityPoolTags, {own} of the operator, {} set by others. Remove some from the spec \
         or from pool {}.",
        count.saturating_sub(of_spec + own),
        input.observed.id
    )
}
