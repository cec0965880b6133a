//! The `ConfigMap` of `spec.export`: what stands in it, whose it is, and when it is written.
//!
//! It comes as soon as the pool is known and on record, before roles: a role's trust policy has
//! to name the pool's id. So it does while values from other objects are missing: one that is there
//! then stays as it is, as the pool does. A pool that is still to be taken over is not ours to tell of, and
//! where the spec is only planned nothing is written. Only a `ConfigMap` whose controller is this object is ever written or
//! removed, each time tested on uid and resourceVersion. Its name is on record before it is made,
//! or a crash would leave it behind when the spec gives it up. What the apiserver refuses is told
//! last, so that it holds up nothing in AWS. No value of a login provider goes in: it may be a
//! secret.

use std::collections::{BTreeMap, BTreeSet};

use super::access::{Access, TagMap};
use super::facts::Facts;
use super::moves::Move;
use super::next::{self, Flow, Verdict, act, conclude, hold};
use super::settings::{Desired, PoolId, Settings};
use super::status;
use super::trust::{self, Users};
use crate::api::condition::{self, READY};
use crate::api::{Export, Reason};

/// The key of the pool's id.
const POOL_ID: &str = "IDENTITY_POOL_ID";

/// Content of a `ConfigMap`.
pub type Data = BTreeMap<String, String>;

/// A `ConfigMap` as the apiserver has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Which one.
    pub uid: String,
    /// Its resourceVersion.
    pub version: String,
    /// The object that keeps it.
    pub controller: Option<Owner>,
    /// Whether the label says that the operator keeps it.
    pub labelled: bool,
    /// Whether Kubernetes lets nobody change its content.
    pub immutable: bool,
    /// Whether it has binary content too.
    pub binary: bool,
    /// Its content.
    pub data: Data,
}

/// The controller among the owners of a `ConfigMap`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each is the owner reference's field of its name"
)]
pub struct Owner {
    pub kind: String,
    pub name: String,
    pub uid: String,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Make it; fails where it exists.
    Create {
        /// Under this name.
        name: String,
        /// With this content.
        data: Data,
    },
    /// Merge into the very version that was read.
    Patch {
        /// Under this name.
        name: String,
        /// The `ConfigMap` as read.
        found: Found,
        /// With this content and no other.
        data: Data,
    },
    /// Remove the very version that was read.
    Delete {
        /// Under this name.
        name: String,
        /// The `ConfigMap` as read.
        found: Found,
    },
}

impl Write {
    /// The `ConfigMap` in question.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Create { name, .. } | Self::Patch { name, .. } | Self::Delete { name, .. } => {
                name
            }
        }
    }
}

/// What the apiserver can answer besides yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is another than the one that was read: look again.
    Stale,
    /// Not allowed, in the apiserver's words; only a person can mend it.
    Forbidden(String),
    /// Anything else: the write may or may not have taken effect.
    Failed(String),
}

/// How a `ConfigMap` stands in this pass.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shown {
    Absent,
    Found(Found),
    /// Written by this pass, with this content. What was stored is not compared: an admission hook
    /// that changes it would make the pass write for ever.
    Written(Data),
}

/// What a pass knows of the `ConfigMaps` of its object.
#[derive(Clone, Debug, Default)]
pub(super) struct Exports {
    shown: BTreeMap<String, Shown>,
    refused: Option<(String, Refusal)>,
}

impl Exports {
    /// Takes in what a read brought.
    pub(super) fn learn_read(&mut self, name: String, read: Result<Option<Found>, Refusal>) {
        match read {
            Ok(found) => {
                let shown = found.map_or(Shown::Absent, Shown::Found);
                self.shown.insert(name, shown);
            }
            Err(Refusal::Stale) => {}
            Err(refusal) => self.refused = Some((name, refusal)),
        }
    }

    /// Takes in what came of a write.
    pub(super) fn learn_written(&mut self, write: &Write, written: Result<(), Refusal>) {
        let name = write.name().to_owned();
        match (written, write) {
            (Ok(()), Write::Delete { .. }) => {
                self.shown.insert(name, Shown::Absent);
            }
            (Ok(()), Write::Create { data, .. } | Write::Patch { data, .. }) => {
                self.shown.insert(name, Shown::Written(data.clone()));
            }
            (Err(Refusal::Stale), _) => {
                self.shown.remove(&name);
            }
            (Err(refusal), _) => self.refused = Some((name, refusal)),
        }
    }

    /// Everything is looked at and tried anew.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

/// The name that the spec asks for.
pub(super) fn wanted(facts: &Facts) -> Option<&str> {
    let Export { config_map } = facts.object.as_ref()?.spec.export.as_ref()?;
    Some(&config_map.name)
}

/// The names on record once the spec is true. Where it is only planned nothing is made or
/// removed, so what is on record stays.
pub(super) fn to_record(facts: &Facts) -> Vec<String> {
    if facts.only_plans() {
        return status::managed(facts).config_maps;
    }
    wanted(facts).map(str::to_owned).into_iter().collect()
}

/// Makes, mends and removes, one step at a time. The `ConfigMap` that is wanted comes first:
/// until it is there, the one of the old name stays.
pub(super) fn exported(facts: &Facts) -> Flow {
    let (Some(pool), Some(desired)) = (next::located(facts), known(facts)) else {
        return Flow::Continue(());
    };
    if facts.only_plans() || facts.exports.refused.is_some() {
        return Flow::Continue(());
    }
    let on_record = status::managed(facts).config_maps;
    let name = wanted(facts);
    if let Some(name) = name {
        let recorded = facts.recorded().as_ref() == Some(&pool.id);
        if !recorded || !on_record.iter().any(|known| known == name) {
            next::record_first(facts)?;
        }
        let data = content(facts, &desired, &pool.id);
        if !stays(facts, name, &data) {
            settle(facts, name, Some(data))?;
        }
        if foreign(facts, name).is_some() {
            return Flow::Continue(());
        }
    }
    let mut stale = on_record
        .iter()
        .filter(|known| is_name(known) && Some(known.as_str()) != name);
    stale.try_for_each(|stale| settle(facts, stale, None))
}

/// Whether an object can have this name. What is on record may be forged, and goes into a path.
fn is_name(name: &str) -> bool {
    let part = |part: &str| {
        let mut bytes = part.bytes();
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let framed = part.starts_with('-') || part.ends_with('-');
        !part.is_empty() && !framed && bytes.all(plain)
    };
    name.split('.').all(part)
}

/// What is known of what the spec asks for. Roles and principal tags that stand in the spec
/// itself are told of also while other values are missing.
fn known(facts: &Facts) -> Option<Desired> {
    let complete = facts.desired();
    complete.or_else(|| {
        Some(Desired {
            access: Access::of(&facts.object.as_ref()?.spec),
            ..facts.known_desired()?
        })
    })
}

/// Whether a `ConfigMap` tells of this pool already and is not stripped of what is missing.
fn stays(facts: &Facts, name: &str, data: &Data) -> bool {
    let missing = facts.references.missing().is_some();
    let Some(Shown::Found(found)) = facts.exports.shown.get(name).filter(|_| missing) else {
        return false;
    };
    is_ours(facts, found) && found.data.get(POOL_ID) == data.get(POOL_ID)
}

/// Whether something may have to be written or said although references are missing: until
/// status says that they are all that is waited for.
pub(super) fn is_due(facts: &Facts) -> bool {
    let some = wanted(facts).is_some() || !status::managed(facts).config_maps.is_empty();
    let status = facts.status();
    let only_waits = condition::find(&status.conditions, READY).is_some_and(|ready| {
        ready.reason == Reason::WaitingForReferences.as_str()
            && ready.observed_generation == facts.generation()
    });
    some && (facts.export_touched || !only_waits)
}

/// Reads one `ConfigMap`, and has it written where it is not as wanted; `None`: not at all.
fn settle(facts: &Facts, name: &str, wanted: Option<Data>) -> Flow {
    let found = match facts.exports.shown.get(name) {
        Some(Shown::Written(data)) if Some(data) == wanted.as_ref() => return Flow::Continue(()),
        // The spec was edited since this pass wrote it, or the pool made anew.
        Some(Shown::Written(_)) | None => return act(Move::ReadExport(name.to_owned())),
        Some(Shown::Absent) => None,
        Some(Shown::Found(found)) => Some(found),
    };
    if found.is_some_and(|found| !is_ours(facts, found)) {
        return Flow::Continue(());
    }
    let write = write(name.to_owned(), found, wanted);
    write.map_or(Flow::Continue(()), |write| act(Move::WriteExport(write)))
}

/// What makes a `ConfigMap` of ours right, if anything has to.
fn write(name: String, found: Option<&Found>, wanted: Option<Data>) -> Option<Write> {
    let (found, data) = match (found.cloned(), wanted) {
        (None, None) => return None,
        (None, Some(data)) => return Some(Write::Create { name, data }),
        (Some(found), None) => return Some(Write::Delete { name, found }),
        (Some(found), Some(data)) => (found, data),
    };
    if found.data == data && found.labelled && !found.binary {
        return None;
    }
    if found.immutable {
        // It cannot be changed; what is made in its place can.
        return Some(Write::Delete { name, found });
    }
    Some(Write::Patch { name, found, data })
}

fn is_ours(facts: &Facts, found: &Found) -> bool {
    let controller = found.controller.as_ref();
    controller.is_some_and(|owner| Some(owner.uid.as_str()) == facts.uid())
}

/// A `ConfigMap` of that name that is not ours.
fn foreign<'a>(facts: &'a Facts, name: &str) -> Option<&'a Found> {
    match facts.exports.shown.get(name) {
        Some(Shown::Found(found)) if !is_ours(facts, found) => Some(found),
        _ => None,
    }
}

/// What stands in the way of the export, once everything else is as it should be.
pub(super) fn refused(facts: &Facts) -> Flow {
    if let Some((name, refusal)) = &facts.exports.refused {
        return match refusal {
            Refusal::Stale => Flow::Continue(()),
            Refusal::Failed(what) => conclude(Verdict::Trouble(what.clone())),
            Refusal::Forbidden(what) => hold(
                Reason::ExportForbidden,
                format!(
                    "ConfigMap {name} of spec.export: {what}. The pool itself is not held up by it. {}",
                    Reason::ExportForbidden.next_step()
                ),
            ),
        };
    }
    let Some((name, found)) = wanted(facts).and_then(|name| Some((name, foreign(facts, name)?)))
    else {
        return Flow::Continue(());
    };
    let whose = found.controller.as_ref().map_or_else(
        || "has no owner reference to this object".to_owned(),
        |owner| format!("belongs to {} {}", owner.kind, owner.name),
    );
    hold(
        Reason::ExportConflict,
        format!(
            "ConfigMap {name} exists and {whose}, so it is not touched. The pool itself is not held \
             up by it. {}",
            Reason::ExportConflict.next_step()
        ),
    )
}

/// All that applications are told.
fn content(facts: &Facts, desired: &Desired, id: &PoolId) -> Data {
    let (account, region) = facts.home();
    let pool = Pool {
        partition: &facts.operator.partition,
        account: &account,
        region: &region,
        id,
    };
    data(&pool, desired)
}

/// Which pool is told of.
#[derive(Clone, Copy, Debug)]
pub struct Pool<'a> {
    /// AWS partition: `aws`, `aws-cn`, …
    pub partition: &'a str,
    /// Account of the pool.
    pub account: &'a str,
    /// Region of the pool.
    pub region: &'a str,
    /// The pool.
    pub id: &'a PoolId,
}

impl Pool<'_> {
    /// The pool's ARN, which AWS never gives.
    #[must_use]
    pub fn arn(&self) -> String {
        let Self {
            partition,
            account,
            region,
            id,
        } = self;
        format!("arn:{partition}:cognito-identity:{region}:{account}:identitypool/{id}")
    }
}

/// The content of the `ConfigMap`: keys are names of environment variables, for `envFrom`.
#[must_use]
pub fn data(pool: &Pool<'_>, desired: &Desired) -> Data {
    let roles = desired.access.roles.as_ref();
    let role = |users| roles.and_then(|roles| roles.get(users).cloned());
    let trust =
        |users, tagged| trust::policy(pool.partition, pool.region, pool.id.as_str(), users, tagged);
    let entries = [
        (POOL_ID, Some(pool.id.to_string())),
        ("IDENTITY_POOL_ARN", Some(pool.arn())),
        ("AWS_REGION", Some(pool.region.to_owned())),
        ("AUTHENTICATED_ROLE_ARN", role("authenticated")),
        ("UNAUTHENTICATED_ROLE_ARN", role("unauthenticated")),
        (
            "AUTHENTICATED_TRUST_POLICY",
            trust(Users::Authenticated, has_session_tags(desired)),
        ),
        // Session tags come from claims, and guests have none.
        (
            "UNAUTHENTICATED_TRUST_POLICY",
            trust(Users::Unauthenticated, false),
        ),
        ("PROVIDER_NAMES", Some(provider_names(&desired.settings))),
    ];
    entries
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect()
}

fn has_session_tags(desired: &Desired) -> bool {
    let mut maps = desired.access.principal_tags.iter().flatten();
    maps.any(|(_, map)| {
        let TagMap {
            use_defaults,
            principal_tags,
        } = map;
        *use_defaults || !principal_tags.is_empty()
    })
}

/// A JSON list, sorted, of the names that an application gives tokens under (`Logins` of `GetId`).
fn provider_names(settings: &Settings) -> String {
    let user_pools = settings.cognito_identity_providers.iter();
    let names: BTreeSet<&str> = user_pools
        .map(|client| client.provider_name.as_str())
        .chain(
            settings
                .supported_login_providers
                .keys()
                .map(String::as_str),
        )
        .chain(settings.developer_provider_name.as_deref())
        .chain(settings.saml_provider_arns.iter().map(String::as_str))
        .chain(
            settings
                .open_id_connect_provider_arns
                .iter()
                .map(|arn| issuer(arn)),
        )
        .collect();
    serde_json::Value::from_iter(names).to_string()
}

/// A provider of that kind goes by its issuer, which its ARN ends with.
fn issuer(arn: &str) -> &str {
    arn.split_once(":oidc-provider/")
        .map_or(arn, |(_, issuer)| issuer)
}
