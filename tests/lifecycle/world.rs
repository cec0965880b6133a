//! A small world for the core alone: one object, an account of pools, two clocks,
//! no I/O. It carries out the core's moves as apiserver and AWS would.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use identity_pool_operator::api::condition::{self, READY};
use identity_pool_operator::api::names::{CLAIM_ANNOTATION, CLAIM_TAG, FINALIZER, OWNER_TAG};
use identity_pool_operator::api::{IdentityPool, IdentityPoolSpec, IdentityPoolStatus};
use identity_pool_operator::pool::access::{RoleSet, TagMap};
use identity_pool_operator::pool::call::{Answer, Call, Failure, FailureKind, Operation};
use identity_pool_operator::pool::claim::Claim;
use identity_pool_operator::pool::class::Membership;
use identity_pool_operator::pool::export::{Found, Owner, Refusal, Write};
use identity_pool_operator::pool::facts::{Moment, Operator};
use identity_pool_operator::pool::memory::{Arrival, Memory};
use identity_pool_operator::pool::moves::{Search, Trouble, Which};
use identity_pool_operator::pool::notes::Note;
use identity_pool_operator::pool::ownership::Owned;
use identity_pool_operator::pool::rest::Rest;
use identity_pool_operator::pool::settings::{Observed, PoolId, Settings, Tags};
use identity_pool_operator::pool::sources::{Absence, Findings, Source};
use identity_pool_operator::pool::urgency::Urgency;
use identity_pool_operator::pool::{Facts, Move, Seen, next, urgency};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::apiserver::{Change, changed, fresh, tested};

pub(crate) const UID: &str = "11111111-2222-3333-4444-555555555555";
pub(crate) const OWNER: &str = "cluster/11111111-2222-3333-4444-555555555555";
/// How far a signature may be from AWS's clock.
pub(crate) const SIGNATURE: SignedDuration = SignedDuration::from_secs(300);
pub(crate) const SETTLE: Duration = Duration::from_secs(420);

/// A day of passes where nothing is amiss. Whoever never pauses is not to be waited for.
const MOST_PASSES: u32 = 2_000;

/// What AWS says unless a test has other words for it.
const WORDS: &str = "as the test wants it";

/// What befalls the next call of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Refused, with this kind.
    Refused(FailureKind),
    /// Carried out, but the answer is lost.
    ReplyLost,
    /// Neither carried out nor answered.
    Lost,
    /// Not answered, and carried out later, while AWS still honours its signature.
    Late,
}

/// Something that happens while an AWS call is under way.
type Happening = (Operation, fn(&mut World));

/// Everything outside the core.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    /// How far the wall clock was set back since the start; the other clock goes on.
    pub(crate) set_back: Duration,
    pub(crate) clock_offset: Option<SignedDuration>,
    /// When another process may lead; never, where there is none.
    pub(crate) term_ends: Option<Timestamp>,
    pub(crate) object: Option<IdentityPool>,
    pub(crate) memory: Memory,
    /// What the object is to its class.
    pub(crate) membership: Membership,
    pub(crate) pools: BTreeMap<PoolId, Observed>,
    pub(crate) roles: BTreeMap<PoolId, RoleSet>,
    pub(crate) principal_tags: BTreeMap<(PoolId, String), TagMap>,
    /// Whether the operator may take over pools.
    pub(crate) allows_adoption: bool,
    /// For how long reads of roles and principal tags show what was there before a change.
    pub(crate) read_lag: Duration,
    shown_roles: BTreeMap<PoolId, (Option<RoleSet>, Timestamp)>,
    shown_tags: BTreeMap<(PoolId, String), (Option<TagMap>, Timestamp)>,
    /// Roles that AWS accepts and does not keep.
    pub(crate) dropped_role: Option<&'static str>,
    /// The `ConfigMaps` of the namespace.
    pub(crate) config_maps: BTreeMap<String, Found>,
    /// The apiserver lets the operator write no `ConfigMap`.
    pub(crate) forbids_export: bool,
    /// `ConfigMap` writes that another writer forestalls.
    pub(crate) export_conflicts: u32,
    /// Pools that the list does not show yet.
    pub(crate) unlisted: Vec<PoolId>,
    pub(crate) identities: bool,
    /// What stands in other objects of the namespace.
    pub(crate) elsewhere: Findings,
    /// How often that was read.
    pub(crate) reads: u32,
    pub(crate) missing: bool,
    /// AWS ignores tags that come with an update.
    pub(crate) update_ignores_tags: bool,
    pub(crate) fates: VecDeque<(Operation, Fate)>,
    /// Writes that another writer forestalls.
    pub(crate) conflicts: u32,
    /// Every AWS call of every pass.
    pub(crate) calls: Vec<Operation>,
    /// Those that change something, as they were sent.
    pub(crate) sent: Vec<Call>,
    /// Every write to the apiserver.
    pub(crate) writes: Vec<&'static str>,
    /// Every Event.
    pub(crate) notes: Vec<Note>,
    /// Something else that happens before a move is carried out, once.
    pub(crate) meanwhile: Option<Happening>,
    /// What becomes of the next waits for the request budget; then it has tokens.
    pub(crate) waits: VecDeque<fn(&mut World) -> Seen>,
    /// How urgent each move was that the budget serves.
    pub(crate) urgencies: Vec<Urgency>,
    /// AWS accepts updates and does nothing.
    pub(crate) inert: bool,
    /// The process stands still between its first claim and what follows.
    pub(crate) pause_before_sending: Option<Duration>,
    /// Signing times of creations and deletions.
    pub(crate) signed: Vec<Timestamp>,
    /// Something that happens while the next claim is written, once.
    pub(crate) claim_meanwhile: Option<fn(&mut World)>,
    /// What AWS says when it refuses.
    pub(crate) words: &'static str,
    /// Something that happens before the next write of status, once.
    pub(crate) after_the_look: Option<fn(&mut World)>,
    /// Calls that are still under way.
    pub(crate) wire: Vec<Call>,
    serial: u32,
}

impl World {
    /// A world with a new object that came as an event.
    pub(crate) fn new(spec: IdentityPoolSpec) -> Self {
        Self {
            now: "2026-11-24T10:00:00Z".parse().expect("a time"),
            set_back: Duration::ZERO,
            clock_offset: None,
            term_ends: None,
            object: Some(fresh(UID, "1", spec)),
            memory: Memory::new(Arrival::Event),
            membership: Membership::Unclassed,
            pools: BTreeMap::new(),
            roles: BTreeMap::new(),
            principal_tags: BTreeMap::new(),
            allows_adoption: false,
            read_lag: Duration::ZERO,
            shown_roles: BTreeMap::new(),
            shown_tags: BTreeMap::new(),
            dropped_role: None,
            config_maps: BTreeMap::new(),
            forbids_export: false,
            export_conflicts: 0,
            unlisted: Vec::new(),
            identities: false,
            elsewhere: Findings::new(),
            reads: 0,
            missing: false,
            update_ignores_tags: false,
            fates: VecDeque::new(),
            conflicts: 0,
            calls: Vec::new(),
            sent: Vec::new(),
            writes: Vec::new(),
            notes: Vec::new(),
            meanwhile: None,
            waits: VecDeque::new(),
            urgencies: Vec::new(),
            inert: false,
            pause_before_sending: None,
            signed: Vec::new(),
            claim_meanwhile: None,
            words: WORDS,
            after_the_look: None,
            wire: Vec::new(),
            serial: 0,
        }
    }

    fn operator(&self) -> Arc<Operator> {
        Arc::new(Operator {
            allows_adoption: self.allows_adoption,
            ..(*operator()).clone()
        })
    }

    pub(crate) fn object(&mut self) -> &mut IdentityPool {
        self.object.as_mut().expect("the object is there")
    }

    /// Somebody changes the object, by the apiserver's rules.
    pub(crate) fn change(&mut self, change: &Change) -> Result<Option<IdentityPool>, Trouble> {
        let Some(stored) = &self.object else {
            return Err(Trouble::Gone);
        };
        let serial = &mut self.serial;
        self.object = changed(stored, change, || {
            *serial += 1;
            version(*serial)
        })?;
        Ok(self.object.clone())
    }

    /// A person edits the spec.
    pub(crate) fn edit(&mut self, change: impl FnOnce(&mut IdentityPoolSpec)) {
        let mut spec = self.object().spec.clone();
        change(&mut spec);
        self.change(&Change::Spec(&spec)).expect("it is accepted");
    }

    /// A person deletes the object.
    pub(crate) fn delete(&mut self) {
        let now = self.now;
        self.change(&Change::Delete(now)).expect("it is accepted");
    }

    /// Another controller has a finalizer of its own on the object, so that a deletion shows.
    pub(crate) fn hold_by_another(&mut self) {
        let held = Change::Finalizers(&["example.com/other"]);
        self.change(&held).expect("it is accepted");
    }

    /// The object has another version: somebody changed what nobody here cares about.
    pub(crate) fn touch(&mut self) {
        self.serial += 1;
        let version = version(self.serial);
        self.object().metadata.resource_version = Some(version);
    }

    /// The process ends and another begins: nothing is remembered, all is listed.
    pub(crate) fn restart(&mut self) {
        self.memory = Memory::new(Arrival::Listed);
    }

    pub(crate) fn wait(&mut self, time: Duration) {
        self.now = self.now.checked_add(time).expect("in range");
    }

    pub(crate) fn status(&self) -> IdentityPoolStatus {
        self.object
            .as_ref()
            .and_then(|object| object.status.clone())
            .unwrap_or_default()
    }

    /// Status and reason of a condition, as `True/InSync`.
    pub(crate) fn condition(&self, kind: &str) -> String {
        let status = self.status();
        condition::find(&status.conditions, kind).map_or("-".into(), |found| {
            format!("{}/{}", found.status, found.reason)
        })
    }

    /// What the condition `Ready` says.
    pub(crate) fn message(&self) -> String {
        let status = self.status();
        let ready = condition::find(&status.conditions, READY);
        ready.map_or(String::new(), |ready| ready.message.clone())
    }

    /// Pools whose tag says that they are this object's.
    pub(crate) fn owned(&self) -> Vec<PoolId> {
        let ours = |pool: &&Observed| pool.tags.get(OWNER_TAG).is_some_and(|tag| tag == OWNER);
        self.pools
            .values()
            .filter(ours)
            .map(|pool| pool.id.clone())
            .collect()
    }

    /// A pool that nobody of ours made.
    pub(crate) fn seed(&mut self, tags: &[(&str, &str)]) -> PoolId {
        let id = self.new_id();
        let tags = tags
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect();
        let pool = Observed {
            id: id.clone(),
            settings: Settings::default(),
            tags,
        };
        self.pools.insert(id.clone(), pool);
        id
    }

    fn new_id(&mut self) -> PoolId {
        self.serial += 1;
        PoolId::new(format!("eu-west-1:{:08}", self.serial))
    }

    /// Forgets what was done so far, to count anew.
    pub(crate) fn count_anew(&mut self) {
        self.calls.clear();
        self.sent.clear();
        self.writes.clear();
        self.urgencies.clear();
    }

    /// One pass from start to rest.
    pub(crate) fn pass(&mut self) -> Rest {
        let object = self.object().clone();
        self.pass_on(object)
    }

    /// A pass that begins with what a cache shows of the object.
    pub(crate) fn pass_on(&mut self, object: IdentityPool) -> Rest {
        let object = Arc::new(object);
        let mut facts = Facts::begin_as(
            self.membership.clone(),
            self.operator(),
            self.moment(),
            object,
            self.memory.clone(),
        );
        facts.missing = self.missing;
        for _ in 0..1000 {
            facts.moment = self.moment();
            facts.note_membership(&self.membership);
            let mv = next(&facts);
            if let Move::Rest(rest) = mv {
                let forgotten = || Memory::new(Arrival::Listed);
                self.memory = rest.memory.clone().unwrap_or_else(forgotten);
                return *rest;
            }
            let wait = match mv {
                Move::Reserve | Move::Call(_) => {
                    self.urgencies.push(urgency(&facts, &mv));
                    self.waits.pop_front()
                }
                _ => None,
            };
            let seen = match wait {
                Some(wait) => wait(self),
                None => self.carry_out(mv, &facts),
            };
            self.wait(Duration::from_millis(5));
            facts.learn(seen, self.now);
        }
        panic!("a pass must end");
    }

    /// Passes and pauses until the object is at peace or `time` is over.
    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now.checked_add(time).expect("in range");
        for _ in 0..MOST_PASSES {
            if self.now >= end || self.object.is_none() {
                return;
            }
            let Some(pause) = self.pass().after else {
                return;
            };
            self.wait(pause.max(Duration::from_millis(1)));
        }
        panic!("it does not come to rest");
    }

    pub(crate) fn moment(&self) -> Moment {
        self.moment_at(self.now)
    }

    /// A moment by a clock that may be off.
    pub(crate) fn moment_at(&self, now: Timestamp) -> Moment {
        let millis = u64::try_from(now.as_millisecond()).expect("after 1970");
        let time = uuid::Timestamp::from_unix_time(
            millis / 1000,
            u32::try_from(millis % 1000).expect("ms") * 1_000_000,
            0,
            0,
        );
        Moment {
            now,
            uptime: Duration::from_millis(millis) + self.set_back,
            draw: Uuid::new_v7(time),
            jitter: 500,
            clock_offset: self.clock_offset,
            term_left: self.term_left(now),
        }
    }

    fn term_left(&self, now: Timestamp) -> Duration {
        let left = |end: Timestamp| end.duration_since(now).try_into();
        self.term_ends
            .map_or(Duration::MAX, |end| left(end).unwrap_or_default())
    }

    pub(crate) fn carry_out(&mut self, mv: Move, facts: &Facts) -> Seen {
        match mv {
            Move::ReadObject => Seen::Object(Ok(self.object.clone().map(Arc::new))),
            Move::ReadReferences(sources) => {
                self.reads += 1;
                let absent = Err(Absence::NoObject);
                let found = |source: Source| {
                    let found = self.elsewhere.get(&source).unwrap_or(&absent).clone();
                    (source, found)
                };
                Seen::References(Ok(sources.into_iter().map(found).collect()))
            }
            Move::Reserve => Seen::Reserved,
            Move::WriteClaim(claim) => self.write_claim(claim, facts),
            Move::Search { after } => {
                // A list that counts begins after the instant that is asked for.
                self.now = self.now.max(
                    after
                        .checked_add(Duration::from_millis(1))
                        .expect("in range"),
                );
                Seen::Searched(self.search())
            }
            Move::FindByName { name, which } => {
                // The other answer is at hand.
                let asked = matches!(which, Which::All { .. });
                self.calls
                    .extend(asked.then_some(Operation::ListIdentityPools));
                let same = self.pools.values();
                let same = same.filter(|pool| pool.settings.identity_pool_name == name);
                Seen::Named(Ok(same.map(|pool| pool.id.clone()).collect()))
            }
            Move::Call(call) => {
                let mutating = call.operation().mutates().then(|| call.clone());
                self.sent.extend(mutating);
                let result = self.call(call.clone());
                Seen::Answered(Box::new(call), result)
            }
            Move::WriteStatus { status, note } => {
                self.notes.extend(note);
                self.write_status(&status, facts)
            }
            Move::ReadExport(name) => {
                let found = self.config_maps.get(&name).cloned();
                Seen::ExportRead(name, Ok(found))
            }
            Move::WriteExport(write) => {
                let written = self.write_export(&write);
                Seen::ExportWritten(write, written)
            }
            Move::DropFinalizer => self.drop_finalizer(facts),
            Move::Rest(_) => unreachable!("handled by the caller"),
        }
    }

    /// A write of the operator's, which rests on what this pass has seen.
    fn write_on(
        &mut self,
        facts: &Facts,
        change: &Change,
    ) -> Result<Option<IdentityPool>, Trouble> {
        if self.conflicts > 0 {
            self.conflicts -= 1;
            self.touch();
        }
        let seen = facts.object.as_ref().expect("a pass with an object");
        tested(self.object.as_ref(), seen)?;
        self.change(change)
    }

    fn write_claim(&mut self, claim: Claim, facts: &Facts) -> Seen {
        let kind = if claim.void.is_some() {
            "void"
        } else {
            "claim"
        };
        self.writes.push(kind);
        let result = self.write_on(facts, &Change::Claim(&claim)).map(|_| {
            if let Some(happen) = self.claim_meanwhile.take() {
                happen(self);
            }
            Arc::new(self.object().clone())
        });
        if let Some(pause) = self.pause_before_sending.take() {
            self.wait(pause);
        }
        Seen::ClaimWritten(claim, result)
    }

    fn write_status(&mut self, status: &IdentityPoolStatus, facts: &Facts) -> Seen {
        self.writes.push("status");
        if let Some(happen) = self.after_the_look.take() {
            happen(self);
        }
        let written = self.write_on(facts, &Change::Status(Some(status)));
        Seen::StatusWritten(written.map(|_| Arc::new(self.object().clone())))
    }

    /// The apiserver's rules for a `ConfigMap`.
    fn write_export(&mut self, write: &Write) -> Result<(), Refusal> {
        self.writes.push("export");
        if self.forbids_export {
            return Err(Refusal::Forbidden("configmaps is forbidden".into()));
        }
        if self.export_conflicts > 0 {
            self.export_conflicts -= 1;
            return Err(Refusal::Stale);
        }
        let version = self.config_maps.get(write.name()).map(|map| &map.version);
        let read = match write {
            Write::Create { .. } => None,
            Write::Patch { found, .. } | Write::Delete { found, .. } => Some(&found.version),
        };
        if version != read {
            return Err(Refusal::Stale);
        }
        self.serial += 1;
        let version = self.serial.to_string();
        match write.clone() {
            Write::Create { name, data } => {
                let map = Found {
                    uid: version.clone(),
                    version,
                    controller: Some(Owner {
                        kind: "IdentityPool".into(),
                        name: "app".into(),
                        uid: UID.into(),
                    }),
                    labelled: true,
                    data,
                    ..Found::default()
                };
                self.config_maps.insert(name, map);
            }
            Write::Patch { name, found, data } => {
                let map = Found {
                    version,
                    labelled: true,
                    binary: false,
                    data,
                    ..found
                };
                self.config_maps.insert(name, map);
            }
            Write::Delete { name, .. } => drop(self.config_maps.remove(&name)),
        }
        Ok(())
    }

    fn drop_finalizer(&mut self, facts: &Facts) -> Seen {
        self.writes.push("finalizer");
        let dropped = self.write_on(facts, &Change::DropFinalizer);
        Seen::FinalizerDropped(dropped.map(drop))
    }

    fn search(&mut self) -> Result<Search, Failure> {
        self.calls.push(Operation::ListIdentityPools);
        self.happen(Operation::ListIdentityPools);
        if let Some(Fate::Refused(kind)) = self.fate(Operation::ListIdentityPools) {
            return Err(failure(Operation::ListIdentityPools, kind));
        }
        let listed = |pool: &&Observed| !self.unlisted.contains(&pool.id);
        let found = self
            .pools
            .values()
            .filter(|pool| pool.tags.get(OWNER_TAG).is_some_and(|tag| tag == OWNER))
            .filter(listed)
            .map(|pool| Owned {
                id: pool.id.clone(),
                claim: pool.tags.get(CLAIM_TAG).cloned(),
            })
            .collect();
        Ok(Search {
            list_began: Some(self.now),
            found,
        })
    }

    fn fate(&mut self, operation: Operation) -> Option<Fate> {
        let place = self.fates.iter().position(|(of, _)| *of == operation)?;
        self.fates.remove(place).map(|(_, fate)| fate)
    }

    /// What a test wants to happen while this call is under way.
    fn happen(&mut self, operation: Operation) {
        if self.meanwhile.is_some_and(|(at, _)| at == operation) {
            let (_, happen) = self.meanwhile.take().expect("just seen");
            happen(self);
        }
    }

    fn call(&mut self, call: Call) -> Result<Answer, Failure> {
        let operation = call.operation();
        self.calls.push(operation);
        self.signed.extend(signed_at(&call));
        self.happen(operation);
        match self.fate(operation) {
            Some(Fate::Refused(kind)) => {
                let message = self.words.into();
                let refusal = failure(operation, kind);
                return Err(Failure { message, ..refusal });
            }
            Some(Fate::Lost) => return Err(failure(operation, FailureKind::Unanswered)),
            Some(Fate::Late) => {
                self.wire.push(call);
                return Err(failure(operation, FailureKind::Unanswered));
            }
            Some(Fate::ReplyLost) => {
                let _ = self.execute(call);
                return Err(failure(operation, FailureKind::Unanswered));
            }
            None => {}
        }
        self.execute(call)
    }

    /// A call that was held up arrives; AWS refuses it once its signature is too old.
    pub(crate) fn deliver(&mut self, call: Call) {
        let signed_at = signed_at(&call).unwrap_or(self.now);
        if self.now.duration_since(signed_at).abs() <= SIGNATURE {
            let _ = self.execute(call);
        }
    }

    fn execute(&mut self, call: Call) -> Result<Answer, Failure> {
        let operation = call.operation();
        if let Call::CreateIdentityPool { settings, tags, .. } = call {
            let pool = Observed {
                id: self.new_id(),
                settings,
                tags,
            };
            self.pools.insert(pool.id.clone(), pool.clone());
            return Ok(Answer::Pool(pool));
        }
        let id = call.pool().expect("a call about a pool").clone();
        let until = self.now.checked_add(self.read_lag).expect("in range");
        let Some(pool) = self.pools.get_mut(&id) else {
            return Err(failure(operation, FailureKind::NotFound));
        };
        match call {
            Call::UpdateIdentityPool { .. } if self.inert => Ok(Answer::Pool(pool.clone())),
            // Whether AWS refuses this is not known: the core has to do without.
            Call::UpdateIdentityPool { settings, .. } if stray(self.roles.get(&id), &settings) => {
                Err(failure(operation, FailureKind::Invalid))
            }
            Call::UpdateIdentityPool { settings, tags, .. } => {
                pool.settings = settings;
                if !self.update_ignores_tags {
                    pool.tags = tags;
                }
                Ok(Answer::Pool(pool.clone()))
            }
            Call::DescribeIdentityPool { .. } => Ok(Answer::Pool(pool.clone())),
            Call::ListIdentities { .. } => Ok(Answer::HasIdentities(self.identities)),
            Call::TagResource { tags, .. } => {
                pool.tags.extend(tags);
                Ok(Answer::Done)
            }
            Call::UntagResource { keys, .. } => {
                pool.tags.retain(|key, _| !keys.contains(key));
                Ok(Answer::Done)
            }
            Call::DeleteIdentityPool { .. } => {
                self.pools.remove(&id);
                Ok(Answer::Done)
            }
            Call::GetIdentityPoolRoles { id } => {
                let now = self.roles.get(&id).cloned();
                let shown = late(self.now, self.shown_roles.get(&id), now);
                Ok(Answer::Roles(shown.unwrap_or_default()))
            }
            Call::SetIdentityPoolRoles { set, .. } if stray(Some(&set), &pool.settings) => {
                Err(failure(operation, FailureKind::Invalid))
            }
            Call::SetIdentityPoolRoles { id, mut set } => {
                if let Some(dropped) = self.dropped_role {
                    set.roles.remove(dropped);
                }
                let before = self.roles.insert(id.clone(), set);
                self.shown_roles.insert(id, (before, until));
                Ok(Answer::Done)
            }
            Call::GetPrincipalTagAttributeMap { id, provider } => {
                let of = (id, provider);
                let now = self.principal_tags.get(&of).cloned();
                late(self.now, self.shown_tags.get(&of), now)
                    .map(Answer::PrincipalTags)
                    .ok_or_else(|| failure(operation, FailureKind::NotFound))
            }
            Call::SetPrincipalTagAttributeMap { id, provider, map } => {
                let of = (id, provider);
                let before = self.principal_tags.insert(of.clone(), map);
                self.shown_tags.insert(of, (before, until));
                Ok(Answer::Done)
            }
            Call::CreateIdentityPool { .. } | Call::ListIdentityPools { .. } => unreachable!(),
        }
    }
}

/// A resourceVersion.
fn version(serial: u32) -> String {
    format!("{}", 100 + serial)
}

/// What a read shows that may be late.
fn late<T: Clone>(
    now: Timestamp,
    before: Option<&(Option<T>, Timestamp)>,
    really: Option<T>,
) -> Option<T> {
    match before {
        Some((before, until)) if now < *until => before.clone(),
        _ => really,
    }
}

/// Whether a mapping is for a user pool client or login provider that the pool lacks.
fn stray(set: Option<&RoleSet>, settings: &Settings) -> bool {
    let mut providers = set.into_iter().flat_map(|set| set.mappings.keys());
    providers.any(|provider| match provider.split_once(':') {
        Some((name, client)) => !settings
            .cognito_identity_providers
            .iter()
            .any(|have| have.provider_name == name && have.client_id == client),
        None => !settings.supported_login_providers.contains_key(provider),
    })
}

/// The signing time that a call asks for.
pub(crate) fn signed_at(call: &Call) -> Option<Timestamp> {
    match call {
        Call::CreateIdentityPool { signed_at, .. } | Call::DeleteIdentityPool { signed_at, .. } => {
            Some(*signed_at)
        }
        _ => None,
    }
}

/// Tags without the operator's own.
pub(crate) fn foreign(tags: &Tags) -> Vec<(&str, &str)> {
    tags.iter()
        .filter(|(key, _)| !key.starts_with("cognito-identity.dev/"))
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect()
}

pub(crate) fn operator() -> Arc<Operator> {
    Arc::new(Operator {
        installation: "cluster".into(),
        account_id: "123456789012".into(),
        partition: "aws".into(),
        region: "eu-west-1".into(),
        settle_window: SETTLE,
        resync_period: Duration::from_secs(1800),
        allows_adoption: false,
    })
}

pub(crate) fn failure(operation: Operation, kind: FailureKind) -> Failure {
    Failure {
        operation,
        kind,
        code: format!("{kind:?}"),
        message: WORDS.into(),
        request_id: Some(Uuid::now_v7().to_string()),
    }
}

/// Things that happen to an object besides edits.
impl World {
    /// Status and marks are gone, as after a restore of metadata without them.
    pub(crate) fn erase(&mut self) {
        for change in [
            Change::Status(None),
            Change::Finalizers(&[]),
            Change::Annotation(CLAIM_ANNOTATION, None),
        ] {
            self.change(&change).expect("it is accepted");
        }
    }

    /// Finalizer and a claim of somebody's making.
    pub(crate) fn mark(&mut self, claim: &str) {
        let meta = &mut self.object().metadata;
        meta.finalizers = Some(vec![FINALIZER.into()]);
        meta.annotations
            .get_or_insert_default()
            .insert(CLAIM_ANNOTATION.into(), claim.into());
        self.touch();
    }

    /// Somebody writes an id into status and asks for a reconcile.
    pub(crate) fn forge(&mut self, id: &str) {
        self.object()
            .status
            .get_or_insert_default()
            .identity_pool_id = Some(id.into());
        self.ask();
    }

    /// A person asks for a reconcile now.
    pub(crate) fn ask(&mut self) {
        let at = self.now.to_string();
        let asked = Change::Annotation("cognito-identity.dev/reconcile-at", Some(&at));
        self.change(&asked).expect("it is accepted");
    }

    /// A pass that ends right after the create call, whatever came of it.
    pub(crate) fn claim_then_crash(&mut self) {
        self.crash_after(4, true);
    }

    /// A pass that is killed at its `count`th move, before or after it takes effect.
    pub(crate) fn crash_after(&mut self, count: usize, executed: bool) {
        let object = Arc::new(self.object().clone());
        let mut facts = Facts::begin(self.operator(), self.moment(), object, self.memory.clone());
        for step in 1.. {
            facts.moment = self.moment();
            let mv = next(&facts);
            if matches!(mv, Move::Rest(_)) {
                return;
            }
            if step == count && !executed {
                return;
            }
            let seen = self.carry_out(mv, &facts);
            if step == count {
                return;
            }
            self.wait(Duration::from_millis(5));
            facts.learn(seen, self.now);
        }
    }

    /// A pass whose pool is made but not listed.
    pub(crate) fn pass_with_hidden_pool(&mut self) {
        self.meanwhile = Some((Operation::CreateIdentityPool, |world| {
            // The id that the next pool gets.
            world
                .unlisted
                .push(PoolId::new(format!("eu-west-1:{:08}", world.serial + 1)));
        }));
        self.pass();
    }
}
