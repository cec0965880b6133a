//! All that one pass knows: what it started from, and what it has learned since.
//!
//! Facts only grow within a pass, by [`Facts::learn`]; the next pass starts from
//! the object and the [`Memory`] alone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::access::{self, RoleSet, TagMap, TagMaps};
use super::call::{Answer, Call, Failure, FailureKind, Operation};
use super::claim::{self, Claim, Reading, SIGNATURE_WINDOW};
use super::class::Membership;
use super::export::Exports;
use super::memory::{Fate, Hold, Memory, OwnClaim, SLOW_RETRY, Trigger};
use super::moves::{Search, Seen, Trouble};
use super::ownership::{self, Owned, Ownership};
use super::redaction;
use super::references::References;
use super::settings::{self, Desired, Observed, PoolId, Settings, Tags};
use super::sources::Findings;
use super::{status, time};
use crate::api::names::{CLAIM_ANNOTATION, CLAIM_TAG, FINALIZER, RECONCILE_AT_ANNOTATION};
use crate::api::{
    Adopt, DeletionPolicy, DriftPolicy, IdentityPool, IdentityPoolSpec, IdentityPoolStatus,
    Managed, ManagementPolicy, OnExternalDeletion,
};

/// What is the same for every object of this process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Operator {
    /// Tells this cluster from others that use the same account.
    pub installation: String,
    /// AWS account of the operator's credentials.
    pub account_id: String,
    /// AWS partition (`aws`, `aws-cn`, …), for ARNs.
    pub partition: String,
    /// Region for objects that name none.
    pub region: String,
    /// How long after its claim a create call may still show up in a list.
    pub settle_window: Duration,
    /// Time between two looks at a pool of which nothing was heard.
    pub resync_period: Duration,
    /// Whether pools may be taken over that this installation did not make.
    pub allows_adoption: bool,
}

/// The instant of a question, and the random draws that come with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Moment {
    /// The wall clock.
    pub now: Timestamp,
    /// The monotonic clock.
    pub uptime: Duration,
    /// A fresh `UUIDv7` of `now`, should a claim be needed.
    pub draw: Uuid,
    /// 0..=1000, evenly spread.
    pub jitter: u16,
    /// How far AWS's clock was ahead of ours when last heard.
    pub clock_offset: Option<SignedDuration>,
    /// How long a call that changes something may take when it begins now; zero when
    /// another replica may lead before it ends.
    pub term_left: Duration,
}

/// A claim that this very pass wrote.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Claimed {
    pub(super) claim: Claim,
    /// Monotonic instant from before the write.
    pub(super) at: Duration,
    pub(super) sent: bool,
}

/// Throttled calls that a pass repeats. The budget finds the limit of an account that knows
/// three times fewer calls than it thought with two; whoever is throttled once more says so.
const MOST_THROTTLES: u8 = 3;

/// What a pass asked AWS for, beside the settings.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) roles: Option<RoleSet>,
    pub(super) principal_tags: TagMaps,
}

/// How a pool looked when last described.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Look {
    Gone,
    Found(Box<Observed>, Timestamp),
}

/// Everything one pass knows about one object.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, not a state"
)]
#[derive(Clone, Debug)]
pub struct Facts {
    /// What this process runs as; account and region are those of the class, if there is one.
    pub operator: Arc<Operator>,
    /// What the object is to its class.
    pub(super) membership: Membership,
    /// Whether that has changed since the pass began.
    pub(super) superseded: bool,
    /// The instant of the question; renewed by the shell before each.
    pub moment: Moment,
    /// The object as last read or written; `None` when it is gone.
    pub object: Option<Arc<IdentityPool>>,
    /// The object as last seen, where it went without being let go.
    pub(super) lost: Option<Arc<IdentityPool>>,
    /// What earlier passes left.
    pub memory: Memory,
    /// Whether the latest list of the account lacks the recorded pool.
    pub missing: bool,
    /// Whether status is another than this process left it.
    pub meddled: bool,
    /// Whether somebody else changed or removed the exported `ConfigMap`.
    pub export_touched: bool,
    /// Pools that bear our owner tag as far as the process knows without asking.
    pub known: Vec<Owned>,

    pub(super) began: Timestamp,
    /// The region that the shell's hands of this pass reach.
    pub(super) route: String,
    heard_at: Timestamp,
    pub(super) references: References,
    pub(super) read_at: Option<Timestamp>,
    pub(super) outdated: bool,
    pub(super) reserved: bool,
    /// The last move waited long for the request budget, in vain so far.
    pub(super) crowded: bool,
    /// Calls of this pass that AWS throttled.
    throttles: u8,
    pub(super) claimed: Option<Claimed>,
    pub(super) created: Option<PoolId>,
    /// The pool that this pass has put its owner tag on.
    pub(super) adopted: Option<PoolId>,
    /// Pools of the name that was asked for.
    pub(super) named: Option<Vec<PoolId>>,
    pub(super) looks: BTreeMap<PoolId, Look>,
    /// Roles and role mappings as last seen, and when.
    pub(super) roles: BTreeMap<PoolId, (RoleSet, Timestamp)>,
    /// Setting a map of principal tags found nothing: the pool, or the provider.
    pub(super) misplaced: Option<Failure>,
    /// Principal tags as last seen, by pool and provider; `None` where there is no map.
    pub(super) principal_tags: BTreeMap<(PoolId, String), Option<TagMap>>,
    /// What this pass asked for last, to tell what AWS did not take.
    pub(super) asked: Asked,
    /// The `ConfigMaps` of `spec.export`.
    pub(super) exports: Exports,
    pub(super) searches: Vec<Search>,
    pub(super) has_identities: Option<bool>,
    /// What the last update of this pass asked for.
    pub(super) updated: Option<(Settings, Tags)>,
    pub(super) retags: u8,
    pub(super) deleted: bool,
    pub(super) corrected: Vec<String>,
    /// The calls of this pass that changed something in AWS.
    pub(super) changed: Vec<Operation>,
    /// The pool that was on record when the pass began.
    recorded_before: Option<PoolId>,
    pub(super) failure: Option<Failure>,
    /// Since when is known what an earlier pass saw and this one uses.
    pub(super) recalled: Option<Timestamp>,
    /// What a person had asked for when that happened.
    failed_under: Option<Trigger>,
    /// The pool of a call that was denied, where it may be that there is no such pool any more.
    pub(super) doubted: Option<PoolId>,
    pub(super) trouble: Option<String>,
    pub(super) moves: u32,
}

/// The operator as it is where a class leads.
fn at_home(operator: Arc<Operator>, membership: &Membership) -> Arc<Operator> {
    let Some(class) = membership.class() else {
        return operator;
    };
    Arc::new(Operator {
        account_id: class.home.account_id.clone(),
        partition: class.home.partition.clone(),
        region: class.home.region.clone(),
        ..(*operator).clone()
    })
}

impl Facts {
    /// Starts a pass over an object without a class.
    #[must_use]
    pub fn begin(
        operator: Arc<Operator>,
        moment: Moment,
        object: Arc<IdentityPool>,
        memory: Memory,
    ) -> Self {
        Self::begin_as(Membership::Unclassed, operator, moment, object, memory)
    }

    /// Starts a pass.
    #[must_use]
    pub fn begin_as(
        membership: Membership,
        operator: Arc<Operator>,
        moment: Moment,
        object: Arc<IdentityPool>,
        memory: Memory,
    ) -> Self {
        let operator = at_home(operator, &membership);
        let route = object
            .spec
            .region
            .clone()
            .unwrap_or_else(|| operator.region.clone());
        let now = moment.now;
        let mut facts = Self {
            operator,
            membership,
            superseded: false,
            began: now,
            route,
            moment,
            object: Some(object),
            lost: None,
            memory,
            missing: false,
            meddled: false,
            export_touched: false,
            known: Vec::new(),
            heard_at: now,
            references: References::default(),
            read_at: None,
            outdated: false,
            reserved: false,
            crowded: false,
            throttles: 0,
            claimed: None,
            created: None,
            adopted: None,
            named: None,
            looks: BTreeMap::new(),
            roles: BTreeMap::new(),
            misplaced: None,
            principal_tags: BTreeMap::new(),
            asked: Asked::default(),
            exports: Exports::default(),
            searches: Vec::new(),
            has_identities: None,
            updated: None,
            retags: 0,
            deleted: false,
            corrected: Vec::new(),
            changed: Vec::new(),
            recorded_before: None,
            failure: None,
            recalled: None,
            failed_under: None,
            doubted: None,
            trouble: None,
            moves: 0,
        };
        facts.recorded_before = facts.recorded();
        // A cache that lags behind would have AWS go back to what the spec said before.
        facts.outdated = facts.memory.generation > facts.generation();
        facts.memory.generation = facts.memory.generation.max(facts.generation());
        facts.note_claim();
        facts.note_marks();
        facts.references.note(facts.object.as_deref());
        facts.start_afresh();
        facts
    }

    /// What failed before a person changed something does not count after it, and no
    /// pause outlasts a clock that was set back.
    fn start_afresh(&mut self) {
        let now = self.object.as_ref().map(|object| Trigger::of(object));
        let longest = time::after(self.moment.now, SLOW_RETRY * 2);
        let class = self.membership.version();
        let over = |hold: &Hold| {
            Some(&hold.trigger) != now.as_ref() || hold.class != class || hold.until > longest
        };
        if self.memory.hold.as_ref().is_some_and(over) {
            self.forget_failures();
        }
    }

    fn forget_failures(&mut self) {
        self.memory.hold = None;
        self.memory.failures = 0;
        self.memory.role_refused_since = None;
    }

    /// Nor does what failed with other values. An object can be written without a change of
    /// what is taken from it.
    fn compare_values(&mut self) {
        let values = self.object.as_ref();
        let values = values.and_then(|object| self.references.fingerprint(object));
        let hold = self.memory.hold.as_ref();
        if hold.is_some_and(|hold| hold.values != values) {
            self.forget_failures();
        }
    }

    /// Takes in what the object is to its class by now. What a pass began under it ends under, or
    /// it changes nothing more.
    pub fn note_membership(&mut self, now: &Membership) {
        self.superseded |= now.version() != self.membership.version();
    }

    /// Takes in what came of the last move, and when it was known.
    pub fn learn(&mut self, seen: Seen, at: Timestamp) {
        self.heard_at = at;
        self.crowded = matches!(seen, Seen::Crowded);
        if self.crowded {
            // Nothing was done.
            return;
        }
        self.moves += 1;
        match seen {
            Seen::Object(result) => {
                self.read_at = Some(at);
                self.learn_object(result);
            }
            Seen::References(result) => self.learn_references(result),
            Seen::Reserved => self.reserved = true,
            Seen::Crowded => {}
            Seen::Overtaken => self.outdated = true,
            Seen::ClaimWritten(claim, result) => self.learn_claim(claim, result),
            Seen::Searched(Ok(search)) => self.searches.push(search),
            Seen::Named(Ok(found)) => self.named = Some(found),
            Seen::Searched(Err(failure)) | Seen::Named(Err(failure)) => {
                self.fail(failure);
            }
            Seen::Answered(call, result) => self.learn_answer(*call, result),
            Seen::StatusWritten(result) => self.learn_object(result.map(Some)),
            Seen::ExportRead(name, read) => self.exports.learn_read(name, read),
            Seen::ExportWritten(write, written) => self.exports.learn_written(&write, written),
            Seen::FinalizerDropped(Ok(())) => self.object = None,
            Seen::FinalizerDropped(Err(trouble)) => self.learn_object(Err(trouble)),
        }
    }

    fn learn_object(&mut self, result: Result<Option<Arc<IdentityPool>>, Trouble>) {
        match result {
            Ok(object) => {
                let same = object.filter(|new| {
                    self.uid()
                        .is_none_or(|uid| new.metadata.uid.as_deref() == Some(uid))
                });
                let asked = self.reconcile_at().map(str::to_owned);
                if same.is_none() {
                    return self.lose();
                }
                let generation = self.generation();
                let before = std::mem::replace(&mut self.object, same);
                if self.reconcile_at().map(str::to_owned) != asked {
                    // Who asks for a look wants one from after the question.
                    self.looks.clear();
                    self.roles.clear();
                    self.principal_tags.clear();
                    self.updated = None;
                    self.asked = Asked::default();
                    self.exports.forget();
                }
                if self.generation() != generation {
                    // What the apiserver refused may be asked for no more.
                    self.exports.forget();
                }
                self.outdated = false;
                self.memory.generation = self.generation();
                self.note_claim();
                self.note_marks();
                let spec_before = before.as_deref().map(|object| &object.spec);
                if self.object.as_deref().map(|object| &object.spec) != spec_before {
                    self.references.note(self.object.as_deref());
                }
            }
            Err(Trouble::Stale) => self.outdated = true,
            Err(Trouble::Gone) => self.lose(),
            Err(Trouble::Failed(what)) => self.trouble = Some(what),
        }
    }

    fn lose(&mut self) {
        self.lost = self.object.take();
    }

    /// The pool that this pass made, where its id never came on record because the object
    /// went meanwhile: nobody can know of it.
    pub(super) fn unpublished(&self) -> Option<&Observed> {
        let claim = &self.claimed.as_ref()?.claim;
        let status = self.lost.as_ref()?.status.as_ref();
        let recorded = status.and_then(|status| status.identity_pool_id.as_deref());
        let owner = ownership::owner_of(&self.operator.installation, &claim.uid);
        let made = |pool: &Observed| {
            let of_claim = pool.tags.get(CLAIM_TAG) == Some(&claim.id.to_string());
            of_claim && ownership::verdict(&pool.tags, &owner) == Ownership::Ours
        };
        self.looks.values().find_map(|look| match look {
            Look::Found(pool, _) if made(pool) && recorded != Some(pool.id.as_str()) => {
                Some(&**pool)
            }
            Look::Found(..) | Look::Gone => None,
        })
    }

    /// A claim made for a creation counts as void until its call is sent, because
    /// nobody else sends under it. One put back for a pool that exists never does.
    fn learn_claim(&mut self, claim: Claim, result: Result<Arc<IdentityPool>, Trouble>) {
        // Nothing is sent under either.
        if claim.void.is_some() || claim.adopted {
            return self.learn_object(result.map(Some));
        }
        let ours = self.seen_as_ours();
        let fate = ours.map_or(Fate::Void, |pool| Fate::Made(pool.id.clone()));
        let void = fate == Fate::Void;
        self.memory.own_claim = Some(OwnClaim { id: claim.id, fate });
        if result.is_ok() && void {
            let at = self.moment.uptime;
            self.claimed = Some(Claimed {
                claim,
                at,
                sent: false,
            });
        }
        self.learn_object(result.map(Some));
    }

    fn learn_references(&mut self, result: Result<Findings, String>) {
        self.references.reads += 1;
        match result {
            Ok(findings) => {
                self.references.learn(findings, self.object.as_deref());
                self.compare_values();
                self.recall();
            }
            Err(what) => self.trouble = Some(what),
        }
    }

    fn learn_answer(&mut self, call: Call, result: Result<Answer, Failure>) {
        let desired = self.known_desired();
        let result = result.map_err(|failure| redaction::redacted(failure, desired.as_ref()));
        if call.operation().mutates() {
            self.reserved = false;
            self.changed
                .extend(result.is_ok().then(|| call.operation()));
            self.remember_what_was_set(desired);
        }
        let failed = match (call, result) {
            (Call::CreateIdentityPool { .. }, result) => return self.learn_creation(result),
            (Call::UpdateIdentityPool { settings, tags, .. }, Ok(Answer::Pool(observed))) => {
                self.updated = Some((settings, tags));
                return self.learn_update(observed);
            }
            (_, Ok(Answer::Pool(observed))) => return self.learn_look(observed),
            (_, Ok(Answer::HasIdentities(any))) => return self.has_identities = Some(any),
            (Call::GetIdentityPoolRoles { id }, Ok(Answer::Roles(set))) => {
                self.roles.insert(id, (set, self.heard_at));
                return;
            }
            (Call::SetIdentityPoolRoles { id, set }, Ok(_)) => return self.learn_roles(&id, set),
            (
                Call::GetPrincipalTagAttributeMap { id, provider },
                Ok(Answer::PrincipalTags(map)),
            ) => {
                self.principal_tags.insert((id, provider), Some(map));
                return;
            }
            (Call::SetPrincipalTagAttributeMap { id, provider, map }, Ok(_)) => {
                return self.learn_principal_tags(id, provider, map);
            }
            (Call::DeleteIdentityPool { id, .. }, Ok(_)) => return self.learn_deletion(id),
            (Call::TagResource { id, .. } | Call::UntagResource { id, .. }, Ok(_)) => {
                self.retags += 1;
                let look = self.looks.remove(&id);
                if let Some(Look::Found(pool, _)) = look
                    && !self.is_ours(&pool)
                {
                    self.adopted = Some(id);
                }
                return;
            }
            (_, Ok(_)) => return,
            (call, Err(failure)) => (call, failure),
        };
        match failed {
            (Call::DeleteIdentityPool { id, .. }, failure)
                if failure.kind == FailureKind::NotFound =>
            {
                self.learn_deletion(id);
            }
            // Its only parameter is the id: one of the wrong form names no pool.
            (Call::DescribeIdentityPool { id }, failure)
                if failure.kind == FailureKind::Invalid =>
            {
                self.note_look(id, Look::Gone);
            }
            (Call::SetPrincipalTagAttributeMap { id, .. }, failure)
                if failure.kind == FailureKind::NotFound =>
            {
                self.looks.remove(&id);
                self.misplaced = Some(failure);
            }
            (Call::GetPrincipalTagAttributeMap { id, provider }, failure)
                if failure.kind == FailureKind::NotFound =>
            {
                self.principal_tags.insert((id, provider), None);
            }
            (call, failure) => self.learn_failure(&call, failure),
        }
    }

    /// AWS accepts roles that it then does not keep: what it has is read anew.
    fn remember_what_was_set(&mut self, desired: Option<Desired>) {
        if let Some(desired) = desired {
            let set = Managed {
                tag_keys: desired.tags.into_keys().collect(),
                ..desired.access.managed()
            };
            self.memory.sent = status::both(&self.memory.sent, &set);
        }
    }

    fn learn_roles(&mut self, id: &PoolId, set: RoleSet) {
        self.memory.role_refused_since = None;
        if let (Some((before, _)), true) = (self.roles.remove(id), self.was_in_sync()) {
            let drift = access::role_drift(&set, &before);
            self.corrected
                .extend(drift.into_iter().map(|entry| entry.field));
        }
        self.asked.roles = Some(set);
    }

    fn learn_principal_tags(&mut self, id: PoolId, provider: String, map: TagMap) {
        let before = self.principal_tags.remove(&(id, provider.clone()));
        if let (Some(before), true) = (before, self.was_in_sync()) {
            let drift = access::tag_drift(&provider, &map, before.as_ref());
            self.corrected.extend(drift.map(|entry| entry.field));
        }
        self.asked.principal_tags.insert(provider, map);
    }

    fn learn_failure(&mut self, call: &Call, failure: Failure) {
        if let Some(id) = call.pool().filter(|_| call.says_gone(&failure)) {
            self.note_look(id.clone(), Look::Gone);
            return;
        }
        if failure.refuses_role() {
            self.memory.role_refused_since.get_or_insert(self.heard_at);
        } else {
            self.doubt(call, failure.kind);
        }
        if failure.kind == FailureKind::Unanswered && call.operation().mutates() {
            // It may be under way still, until AWS no longer honours its signature.
            self.memory.late_until = Some(time::after(self.heard_at, SIGNATURE_WINDOW));
        }
        self.fail(failure);
    }

    /// A policy that asks for the owner's tag denies every call about a pool of ours that lost
    /// it, or is gone, but for the look that tells.
    fn doubt(&mut self, call: &Call, kind: FailureKind) {
        let tells = call.operation() == Operation::DescribeIdentityPool;
        let denied = kind == FailureKind::Denied && !tells;
        let ours = |id: &&PoolId| matches!(self.look(id), Some(Look::Found(pool, _)) if self.is_ours(pool));
        self.doubted = call.pool().filter(|_| denied).filter(ours).cloned();
        if let Some(id) = &self.doubted {
            self.looks.remove(id);
        }
    }

    fn note_look(&mut self, id: PoolId, look: Look) {
        let ours = matches!(&look, Look::Found(pool, _) if self.is_ours(pool));
        if !ours && self.doubted.as_ref() == Some(&id) {
            self.failure = None;
            self.failed_under = None;
        }
        self.looks.insert(id, look);
    }

    /// A call that AWS throttled is asked for again a few times: it did nothing, and the budget
    /// has slowed down, where a pause of the object would only lose its turn.
    fn fail(&mut self, failure: Failure) {
        if failure.kind == FailureKind::Throttled && self.throttles < MOST_THROTTLES {
            self.throttles += 1;
            return;
        }
        self.failed_under = self.object.as_deref().map(Trigger::of);
        self.failure = Some(failure);
    }

    /// What a person had asked for when the pass came to its end: what was asked after it failed
    /// is still to be done.
    pub(super) fn trigger(&self) -> Option<Trigger> {
        let failed_under = self.failed_under.clone();
        failed_under.or_else(|| self.object.as_deref().map(Trigger::of))
    }

    fn learn_creation(&mut self, result: Result<Answer, Failure>) {
        let result = match result {
            Ok(Answer::Pool(observed)) => Ok(observed),
            Ok(_) => Err(Failure::unreadable(
                Operation::CreateIdentityPool,
                "the answer names no pool",
            )),
            Err(failure) => Err(failure),
        };
        let fate = match &result {
            Ok(observed) => Fate::Made(observed.id.clone()),
            Err(failure) if failure.kind.is_refusal() => Fate::Void,
            Err(failure) => Fate::Unclear(failure.clone()),
        };
        if let Some(claimed) = &mut self.claimed {
            claimed.sent = true;
            self.memory.own_claim = Some(OwnClaim {
                id: claimed.claim.id,
                fate,
            });
        }
        match result {
            Ok(observed) => {
                self.created = Some(observed.id.clone());
                // What was just made has no roles.
                let none = (RoleSet::default(), self.heard_at);
                self.roles.insert(observed.id.clone(), none);
                self.learn_look(observed);
            }
            Err(failure) if failure.kind.is_refusal() => self.fail(failure),
            // It may have made a pool: the search that follows tells.
            Err(_) => {}
        }
    }

    /// The answer to an update is the look at what it did.
    fn learn_update(&mut self, observed: Observed) {
        self.retags = 0;
        if let (Some(Look::Found(before, _)), true) =
            (self.looks.get(&observed.id), self.was_in_sync())
        {
            let changed = settings::changed_fields(before, &observed);
            self.corrected.extend(changed);
        }
        self.learn_look(observed);
    }

    fn learn_look(&mut self, observed: Observed) {
        let at = self.heard_at;
        self.note_look(observed.id.clone(), Look::Found(Box::new(observed), at));
    }

    fn learn_deletion(&mut self, id: PoolId) {
        self.deleted = true;
        self.memory.deleted = Some(id.clone());
        self.looks.insert(id, Look::Gone);
    }

    /// An object that bore our marks is new no more, even where it looks so later in this
    /// pass: a restored etcd shows it as it was before.
    fn note_marks(&mut self) {
        self.memory.handled |= self.has_finalizer() || self.reading() != Reading::Absent;
    }

    /// A claim that is not trusted is settled from now on, or from its own time where
    /// that is later: a clock that was ahead may have signed a call with it, as far
    /// ahead as AWS lets pass.
    fn note_claim(&mut self) {
        let now = self.moment.now;
        self.memory.distrusted_since = match self.reading() {
            Reading::Untrusted(at) => {
                let furthest = time::after(now, SIGNATURE_WINDOW);
                let from = at.map_or(now, |at| at.clamp(now, furthest));
                Some(self.memory.distrusted_since.unwrap_or(from))
            }
            Reading::Absent | Reading::Void(_) | Reading::Trusted(..) => None,
        };
    }
}

/// Questions about the object that more than one rule asks.
impl Facts {
    pub(super) fn uid(&self) -> Option<&str> {
        self.object.as_ref()?.metadata.uid.as_deref()
    }

    /// Since when the object is known as it is now, own writes apart. Lists from before say
    /// nothing of a call under a claim that came and went meanwhile.
    pub(super) fn seen_at(&self) -> Timestamp {
        self.read_at.unwrap_or(self.began)
    }

    fn annotation(&self, key: &str) -> Option<&str> {
        let annotations = self.object.as_ref()?.metadata.annotations.as_ref()?;
        annotations.get(key).map(String::as_str)
    }

    pub(super) fn status(&self) -> IdentityPoolStatus {
        self.object
            .as_ref()
            .and_then(|object| object.status.clone())
            .unwrap_or_default()
    }

    /// What the spec asks for; `None` also while a value is missing that it takes from
    /// elsewhere, or is refused.
    pub(super) fn desired(&self) -> Option<Desired> {
        self.known_desired()
            .filter(|_| self.references.are_complete())
    }

    /// Whether the pass began for an object without a pool on record.
    pub(super) fn began_without_pool(&self) -> bool {
        self.recorded_before.is_none()
    }

    /// Whether a person waits for what the pass does: the spec, or what it takes values from,
    /// has not come true yet, or a look was asked for.
    pub(super) fn is_asked_for(&self) -> bool {
        let status = self
            .object
            .as_ref()
            .and_then(|object| object.status.as_ref());
        let told = |status: &IdentityPoolStatus| {
            status.observed_generation == self.generation()
                && status.last_handled_reconcile_at.as_deref() == self.reconcile_at()
        };
        !status.is_some_and(told) || !self.was_in_sync()
    }

    /// What is known of that: enough to make a pool.
    pub(super) fn known_desired(&self) -> Option<Desired> {
        let mut desired = self.references.desired(self.object.as_deref()?)?;
        for (key, value) in self.membership.tags().into_iter().flatten() {
            let tag = desired.tags.entry(key.clone());
            tag.or_insert_with(|| value.clone());
        }
        Some(desired)
    }

    /// The spec as far as it is known, with values from elsewhere in place.
    pub(super) fn known_spec(&self) -> Option<&IdentityPoolSpec> {
        self.references.spec(self.object.as_deref()?)
    }

    /// Whether this pass has done nothing yet but read references.
    pub(super) fn is_untouched(&self) -> bool {
        self.moves == self.references.reads
    }

    /// Whether a change of this object is under way of which nobody knows what became of it.
    pub(super) fn is_late(&self) -> bool {
        let until = self.memory.late_until;
        until.is_some_and(|until| self.moment.now < until)
    }

    /// Whether the pool equalled what the spec asks for now, at some earlier look.
    pub(super) fn was_in_sync(&self) -> bool {
        let applied = self.status().applied_hash;
        applied.is_some() && applied == self.desired().map(|desired| desired.hash())
    }

    pub(super) fn generation(&self) -> Option<i64> {
        self.object.as_ref()?.metadata.generation
    }

    pub(super) fn has_finalizer(&self) -> bool {
        self.object
            .as_ref()
            .and_then(|object| object.metadata.finalizers.as_ref())
            .is_some_and(|all| all.iter().any(|name| name == FINALIZER))
    }

    /// Finalizer and a claim of ours are there.
    /// A pool that a look of this pass showed to be ours, whatever a search knows: its tags
    /// may have come since the search learned whose it is.
    pub(super) fn seen_as_ours(&self) -> Option<&Observed> {
        self.looks.values().find_map(|look| match look {
            Look::Found(pool, _) if self.is_ours(pool) => Some(&**pool),
            Look::Found(..) | Look::Gone => None,
        })
    }

    pub(super) fn is_marked(&self) -> bool {
        self.has_finalizer() && matches!(self.reading(), Reading::Trusted(..))
    }

    pub(super) fn reading(&self) -> Reading {
        claim::read(
            self.annotation(CLAIM_ANNOTATION),
            self.uid().unwrap_or_default(),
            self.moment.now,
        )
    }

    pub(super) fn reconcile_at(&self) -> Option<&str> {
        self.annotation(RECONCILE_AT_ANNOTATION)
    }

    /// The region that the spec leads to.
    pub(super) fn region(&self) -> &str {
        self.object
            .as_ref()
            .and_then(|object| object.spec.region.as_deref())
            .unwrap_or(&self.operator.region)
    }

    /// Account and region that are frozen by the claim, or that this pass reaches.
    pub(super) fn home(&self) -> (String, String) {
        match self.reading() {
            Reading::Trusted(claim, _) => (claim.account_id, claim.region),
            Reading::Absent | Reading::Void(_) | Reading::Untrusted(_) => {
                (self.operator.account_id.clone(), self.route.clone())
            }
        }
    }

    /// Value of the owner tag of this object's pool.
    pub(super) fn owner(&self) -> String {
        ownership::owner_of(&self.operator.installation, self.uid().unwrap_or_default())
    }

    /// Value of the source tag of this object's pool.
    pub(super) fn source(&self) -> String {
        let meta = self.object.as_ref().map(|object| &object.metadata);
        let part = |value: Option<&String>| value.cloned().unwrap_or_default();
        format!(
            "{}/{}",
            part(meta.and_then(|meta| meta.namespace.as_ref())),
            part(meta.and_then(|meta| meta.name.as_ref()))
        )
    }

    /// The pool that the status names.
    pub(super) fn recorded(&self) -> Option<PoolId> {
        self.object
            .as_ref()?
            .status
            .as_ref()?
            .identity_pool_id
            .as_deref()
            .map(PoolId::new)
    }

    /// The pool that this pass recorded without having made it.
    pub(super) fn found_anew(&self) -> Option<PoolId> {
        let known = |id: &PoolId| {
            self.recorded_before.as_ref() == Some(id) || self.created.as_ref() == Some(id)
        };
        self.recorded().filter(|id| !known(id))
    }

    /// The deletion policy in force.
    pub(super) fn deletion_policy(&self) -> DeletionPolicy {
        self.object
            .as_ref()
            .and_then(|object| object.spec.deletion_policy)
            .or_else(|| self.membership.deletion_policy())
            .unwrap_or(if self.was_adopted() {
                DeletionPolicy::Retain
            } else {
                DeletionPolicy::DeleteIfEmpty
            })
    }

    /// What happens to changes that others make.
    pub(super) fn drift_policy(&self) -> DriftPolicy {
        let spec = self.object.as_ref().map(|object| &object.spec);
        let own = spec.and_then(|spec| spec.drift_policy);
        own.or_else(|| self.membership.drift_policy())
            .unwrap_or_default()
    }

    /// Seconds between two looks, where object or class say something of it.
    pub(super) fn resync_period_seconds(&self) -> Option<i32> {
        let spec = self.object.as_ref().map(|object| &object.spec);
        let own = spec.and_then(|spec| spec.resync_period_seconds);
        own.or_else(|| self.membership.resync_period_seconds())
    }

    /// Whether the pool was taken over, or is about to be.
    fn was_adopted(&self) -> bool {
        let adopt = self.adopt();
        let names_one = adopt.identity_pool_id.is_some() || adopt.identity_pool_name.is_some();
        self.took_over() || names_one && self.recorded().is_none()
    }

    /// Whether the pool was taken over. Where somebody took the claim away that says so, the
    /// default that was in force until then tells it still.
    pub(super) fn took_over(&self) -> bool {
        match self.reading() {
            Reading::Trusted(claim, _) => claim.adopted,
            Reading::Absent | Reading::Void(_) | Reading::Untrusted(_) => self.kept_by_default(),
        }
    }

    /// Whether the owner tag was put on a pool in this pass, or by one less than `ago` before.
    pub(super) fn has_just_taken_over(&self, ago: Duration) -> bool {
        let lately = |at| self.moment.now < time::after(at, ago);
        let claimed =
            matches!(self.reading(), Reading::Trusted(claim, at) if claim.adopted && lately(at));
        claimed || self.adopted.is_some()
    }

    /// Whether a pool is on record that was to be kept though the spec does not say so.
    fn kept_by_default(&self) -> bool {
        let spec = self.object.as_ref().map(|object| &object.spec);
        let status = self.status();
        spec.is_some_and(|spec| spec.deletion_policy.is_none())
            && status.deletion_policy == Some(DeletionPolicy::Retain)
            && self.membership.deletion_policy() != Some(DeletionPolicy::Retain)
            && status.identity_pool_id.is_some()
    }

    /// What the spec says of existing pools.
    pub(super) fn adopt(&self) -> Adopt {
        let spec = self.object.as_ref().map(|object| &object.spec);
        spec.and_then(|spec| spec.adopt.clone()).unwrap_or_default()
    }

    pub(super) fn is_being_deleted(&self) -> bool {
        self.object
            .as_ref()
            .is_some_and(|object| object.metadata.deletion_timestamp.is_some())
    }

    fn management_policy(&self) -> ManagementPolicy {
        let spec = self.object.as_ref().map(|object| &object.spec);
        spec.map_or(ManagementPolicy::Manage, |spec| spec.management_policy)
    }

    /// Whether nothing is to be done or looked at.
    pub(super) fn is_suspended(&self) -> bool {
        self.management_policy() == ManagementPolicy::Suspend
    }

    /// Whether what would be done is only shown.
    pub(super) fn only_plans(&self) -> bool {
        self.management_policy() == ManagementPolicy::Plan
    }

    /// Whether a pool that is gone is made anew.
    pub(super) fn recreates(&self) -> bool {
        self.object
            .as_ref()
            .is_some_and(|object| object.spec.on_external_deletion == OnExternalDeletion::Recreate)
    }

    pub(super) fn look(&self, id: &PoolId) -> Option<&Look> {
        self.looks.get(id)
    }

    /// Whether a look at a pool showed it to be this object's.
    pub(super) fn is_ours(&self, observed: &Observed) -> bool {
        ownership::verdict(&observed.tags, &self.owner()) == Ownership::Ours
    }
}
