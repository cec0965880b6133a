//! The life of a pool as one function: from what is known to the next move.
//!
//! `RULES` is read top to bottom, the first answer wins. A rule either asks for
//! a move or concludes the pass with a verdict; a verdict becomes a status write
//! where status does not say so yet, and a rest where it does. Asking again with
//! the same facts gives the same answer.

use std::ops::ControlFlow;
use std::time::Duration;

use jiff::Timestamp;

use super::access;
use super::call::{Call, Failure, FailureKind, Operation};
use super::claim::{Reading, SEND_FENCE};
use super::class::{Bar, Membership};
use super::facts::{Facts, Look};
use super::locate::{self, Located};
use super::moves::Move;
use super::rest;
use super::settings::{Desired, Observed, PoolId};
use super::{adopt, create, deletion, export, grants, guardrails, plan, revocation, status, time};
use crate::api::condition::{self, ADVISORY, STALLED};
use crate::api::{DriftPolicy, FieldDrift, PlannedCall, Reason};

/// How a rule answers.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// Do this and ask again.
    Do(Box<Move>),
    /// The pass is over, and this is what it found.
    Conclude(Verdict),
}

/// What a pass found.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// The pool was looked at and equals the spec.
    InSync,
    /// Nothing happened and no look is due: status stays as it is.
    AtRest,
    /// The pass has to begin anew: its object was led to another region meanwhile, or its class
    /// is not what it was.
    Rerouted,
    /// A pause after a failure is not over yet.
    Paused,
    /// The object is gone, or not ours to look after.
    Released,
    /// managementPolicy is Suspend.
    Suspended,
    /// A change is due, but another replica may lead before it ends.
    NotLeading,
    /// managementPolicy is Plan, and this is what would be done.
    Planned(Shown),
    /// AWS did not do what was asked.
    Failed(Failure),
    /// The apiserver did not do what was asked; status cannot tell anybody.
    Trouble(String),
    /// Something stands in the way.
    Held(Held),
}

/// What would be done, as status shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Shown {
    pub(super) calls: Vec<PlannedCall>,
    pub(super) drift: Vec<FieldDrift>,
}

impl Shown {
    fn of(steps: &plan::Steps) -> Self {
        Self {
            calls: steps.calls.iter().map(plan::Planned::shown).collect(),
            drift: steps.differences.clone(),
        }
    }
}

/// What stands in the way.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Held {
    pub(super) reason: Reason,
    pub(super) message: String,
    pub(super) drift: Vec<FieldDrift>,
    /// What would be done once it is out of the way.
    pub(super) plan: Vec<PlannedCall>,
    /// Whether the recorded id is to be forgotten.
    pub(super) forget: bool,
}

impl Held {
    pub(super) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            drift: Vec::new(),
            plan: Vec::new(),
            forget: false,
        }
    }
}

/// A rule that has come to an answer breaks off; one that has none continues.
pub(super) type Flow<T = ()> = ControlFlow<Step, T>;

pub(super) fn act<T>(mv: Move) -> Flow<T> {
    ControlFlow::Break(Step::Do(Box::new(mv)))
}

pub(super) fn conclude<T>(verdict: Verdict) -> Flow<T> {
    ControlFlow::Break(Step::Conclude(verdict))
}

pub(super) fn hold<T>(reason: Reason, message: impl Into<String>) -> Flow<T> {
    conclude(Verdict::Held(Held::new(reason, message)))
}

/// Moves after which a pass is broken off. The longest honest pass needs about twenty, and
/// [`MOVES_PER_MAP`] for each map of principal tags; more means that two writers undo each
/// other, and waiting helps.
const MAX_MOVES: u32 = 60;

/// A look, a reservation, the call, a look at what came of it, and one to spare.
const MOVES_PER_MAP: u32 = 5;

/// A role that was just made is known everywhere in AWS within seconds; two minutes are
/// what IAM's users wait for it at most.
pub(super) const ROLE_APPEARS_WITHIN: Duration = Duration::from_secs(120);

/// Reads of this API are consistent in practice, if not by the docs: what does not show within
/// half a minute is not late.
const SHOWN_WITHIN: Duration = Duration::from_secs(30);

const RULES: &[fn(&Facts) -> Flow] = &[
    gone,
    paused,
    apiserver_failed,
    runaway,
    outdated,
    rerouted,
    being_deleted,
    unread_references,
    suspended,
    clashing,
    barred,
    elsewhere,
    revocation::denied,
    role_refused,
    aws_failed,
    nothing_due,
    bad_reference,
    waiting_at_rest,
    no_pool,
    unmarked,
    export::exported,
    waiting,
    doubled,
    misplaced,
    unread,
    differs,
    export::refused,
];

/// The next move. Pure: the same facts always give the same move.
#[must_use]
pub fn next(facts: &Facts) -> Move {
    let step = RULES.iter().find_map(|rule| rule(facts).break_value());
    match step.unwrap_or(Step::Conclude(Verdict::InSync)) {
        Step::Do(mv) => match fenced(facts, &mv) {
            Some(verdict) => closing(facts, &verdict),
            None => status::crowded(facts, &mv).unwrap_or(*mv),
        },
        Step::Conclude(verdict) => closing(facts, &verdict),
    }
}

/// Why a move that changes something is not made after all, whichever rule asks for it.
fn fenced(facts: &Facts, mv: &Move) -> Option<Verdict> {
    if !mv.needs_a_term() {
        return None;
    }
    if facts.moment.term_left.is_zero() {
        return Some(Verdict::NotLeading);
    }
    if facts.superseded {
        return Some(Verdict::Rerouted);
    }
    let Move::Call(call) = mv else {
        return None;
    };
    let (reason, sentence) = guardrails::forbidden(facts, call)?;
    Some(Verdict::Held(Held::new(reason, sentence)))
}

/// A claim of which nothing came is marked first, then comes status where it says
/// something else, then the rest.
fn closing(facts: &Facts, verdict: &Verdict) -> Move {
    if let Some(void) = create::voided(facts) {
        return Move::WriteClaim(void);
    }
    status::write(facts, verdict)
        .unwrap_or_else(|| Move::Rest(Box::new(rest::rest(facts, verdict))))
}

fn gone(facts: &Facts) -> Flow {
    if facts.object.is_some() {
        return Flow::Continue(());
    }
    deletion::unpublished(facts)?;
    conclude(Verdict::Released)
}

/// Any event wakes a pass, but only a change by a person ends a pause early, which was seen
/// to when the pass began, or one of what the object refers to, which is read to be told.
fn paused(facts: &Facts) -> Flow {
    let Some(hold) = &facts.memory.hold else {
        return Flow::Continue(());
    };
    if !facts.is_untouched() || facts.moment.now >= hold.until {
        return Flow::Continue(());
    }
    if hold.news != facts.memory.news {
        unread_references(facts)?;
        if facts.moment.now >= hold.soonest {
            return Flow::Continue(());
        }
    }
    conclude(Verdict::Paused)
}

fn apiserver_failed(facts: &Facts) -> Flow {
    match &facts.trouble {
        Some(what) => conclude(Verdict::Trouble(what.clone())),
        None => Flow::Continue(()),
    }
}

fn outdated(facts: &Facts) -> Flow {
    if facts.outdated {
        return act(Move::ReadObject);
    }
    Flow::Continue(())
}

/// The object was led to another region since the pass began, whose hands do not reach
/// there: nothing that was seen in the one is evidence in the other. Where a claim
/// has frozen the region, another rule says so.
fn rerouted(facts: &Facts) -> Flow {
    let frozen = matches!(facts.reading(), Reading::Trusted(..));
    if frozen || facts.region() == facts.route {
        return Flow::Continue(());
    }
    conclude(Verdict::Rerouted)
}

fn runaway(facts: &Facts) -> Flow {
    if facts.moves < MAX_MOVES {
        return Flow::Continue(());
    }
    let managed = status::managed(facts);
    let maps = facts.desired().map_or(0, |desired| {
        access::providers(&desired.access, &managed).len()
    });
    let most = MAX_MOVES + MOVES_PER_MAP * u32::try_from(maps).unwrap_or(MAX_MOVES);
    if facts.moves >= most && facts.outdated {
        // Another write of status would meet the next conflict.
        return conclude(Verdict::Trouble(format!(
            "no end after {most} steps: the object changes under every write"
        )));
    }
    if facts.moves >= most {
        return hold(
            Reason::ConcurrentModification,
            format!(
                "No end after {most} steps: somebody else keeps changing the object or its pool."
            ),
        );
    }
    Flow::Continue(())
}

fn being_deleted(facts: &Facts) -> Flow {
    if facts.is_being_deleted() {
        return deletion::delete(facts);
    }
    Flow::Continue(())
}

/// What the spec asks for is not known before its references are read.
fn unread_references(facts: &Facts) -> Flow {
    match facts.references.unread() {
        Some(sources) => act(Move::ReadReferences(sources.clone())),
        None => Flow::Continue(()),
    }
}

/// A value that would be refused at `kubectl apply` if it stood in the spec.
fn bad_reference(facts: &Facts) -> Flow {
    match facts.references.refused() {
        Some(refused) => hold(Reason::InvalidReference, refused),
        None => Flow::Continue(()),
    }
}

/// A pool that is on record stays as it is while values are missing, and nobody asks AWS
/// for it meanwhile unless there is another reason to.
fn waiting_at_rest(facts: &Facts) -> Flow {
    let heard = facts.status().last_handled_reconcile_at.as_deref() == facts.reconcile_at();
    let doubtful = facts.missing || facts.meddled || !heard || !facts.is_marked();
    if facts.recorded().is_none() || doubtful || export::is_due(facts) {
        return Flow::Continue(());
    }
    waiting(facts)
}

/// A pool was made without the values that are missing, so that its id is there for what
/// has to come before them.
fn waiting(facts: &Facts) -> Flow {
    let Some(missing) = facts.references.missing() else {
        return Flow::Continue(());
    };
    // What is missing may itself wait for what is exported.
    export::refused(facts)?;
    hold(
        Reason::WaitingForReferences,
        format!("{missing} The pool stays as it is until then."),
    )
}

fn suspended(facts: &Facts) -> Flow {
    if facts.is_suspended() {
        return conclude(Verdict::Suspended);
    }
    Flow::Continue(())
}

/// What only one of two entries could have is given to neither.
fn clashing(facts: &Facts) -> Flow {
    match facts.known_spec().and_then(access::clash) {
        Some(sentence) => hold(Reason::ConflictingEntries, sentence),
        None => Flow::Continue(()),
    }
}

/// Without a class that can be used nobody knows which account to ask, let alone as whom.
pub(super) fn barred(facts: &Facts) -> Flow {
    match &facts.membership {
        Membership::Barred(Bar { reason, message }) => hold(*reason, message),
        Membership::Unclassed | Membership::Member { .. } => Flow::Continue(()),
    }
}

/// Account and region are frozen by the claim; an edit of them must not lead to
/// a second pool elsewhere.
pub(super) fn elsewhere(facts: &Facts) -> Flow {
    let status = facts.status();
    let (account, region) = match facts.reading() {
        Reading::Trusted(claim, _) => (Some(claim.account_id), Some(claim.region)),
        Reading::Absent | Reading::Void(_) | Reading::Untrusted(_) => {
            (status.account_id, status.region)
        }
    };
    let account = account.unwrap_or_else(|| facts.operator.account_id.clone());
    let region = region.unwrap_or_else(|| facts.region().to_owned());
    if account == facts.operator.account_id && region == facts.region() {
        return Flow::Continue(());
    }
    hold(Reason::AccountMismatch, misled(facts, &account, &region))
}

/// Whose region it is where the spec names none.
fn whose(facts: &Facts) -> String {
    let class = facts.membership.class();
    class.map_or("the operator's".to_owned(), |class| {
        format!("that of class {}", class.name)
    })
}

/// Names what differs, and only that.
fn misled(facts: &Facts, account: &str, region: &str) -> String {
    let mut lives = Vec::new();
    let mut mend = Vec::new();
    if region != facts.region() {
        let why = match facts.object.as_ref().map(|object| &object.spec.region) {
            Some(Some(asked)) => format!("spec.region is {asked}"),
            _ => format!("spec names none and {} is {}", whose(facts), facts.region()),
        };
        lives.push(format!("in region {region}, but {why}"));
        mend.push(format!("set spec.region to {region}"));
    }
    if account != facts.operator.account_id {
        let other = &facts.operator.account_id;
        let (leads, way_out) = facts.membership.class().map_or_else(
            || {
                let leads = format!("the operator runs in account {other}");
                (leads, format!("run the operator in account {account}"))
            },
            |class| {
                let leads = format!("class {} leads to account {other}", class.name);
                let way_out = format!("set spec.className to a class of account {account}");
                (leads, way_out)
            },
        );
        lives.push(format!("in account {account}, but {leads}"));
        mend.push(way_out);
    }
    format!(
        "The pool of this object lives {}. A pool cannot move, so no call is made and no other \
         change is applied: {}.",
        lives.join(", and "),
        mend.join(", and ")
    )
}

pub(super) fn aws_failed(facts: &Facts) -> Flow {
    let Some(failure) = &facts.failure else {
        return Flow::Continue(());
    };
    match &facts.doubted {
        Some(id) if facts.look(id).is_none() => {
            act(Move::Call(Call::DescribeIdentityPool { id: id.clone() }))
        }
        _ => conclude(Verdict::Failed(failure.clone())),
    }
}

fn nothing_due(facts: &Facts) -> Flow {
    if facts.is_untouched() && !rest::look_due(facts) {
        return conclude(Verdict::AtRest);
    }
    Flow::Continue(())
}

/// No pool of ours: make one, or say why not.
fn no_pool(facts: &Facts) -> Flow {
    match locate::locate(facts)? {
        Located::Pool(_) => Flow::Continue(()),
        Located::Nowhere if adopt::candidate(facts)?.is_some() => Flow::Continue(()),
        Located::Nowhere => {
            planned_creation(facts)?;
            create::create(facts)
        }
        Located::Gone(id) => {
            if facts.recreates() {
                planned_creation(facts)?;
            }
            if facts.recreates() && facts.recorded().is_none() {
                return create::create(facts);
            }
            if facts.recreates() {
                return act(status::forgetting(facts, &id));
            }
            hold(
                Reason::PoolGone,
                format!(
                    "Pool {id} was deleted in AWS, and its identities with it. A new pool has a new \
                     id: set spec.onExternalDeletion to Recreate if applications can take one."
                ),
            )
        }
    }
}

/// Under managementPolicy Plan a pool is not made, but shown.
fn planned_creation(facts: &Facts) -> Flow {
    let desired = facts.known_desired().filter(|_| facts.only_plans());
    let Some(desired) = desired else {
        return Flow::Continue(());
    };
    let shown = Shown::of(&plan::creation(&desired));
    let Some(missing) = facts.references.missing() else {
        return conclude(Verdict::Planned(shown));
    };
    conclude(Verdict::Held(Held {
        drift: shown.drift,
        plan: shown.calls,
        ..Held::new(
            Reason::WaitingForReferences,
            format!("{missing} Manage would make the pool without them; see status.plan."),
        )
    }))
}

/// Finalizer and claim are put back where somebody took them away.
fn unmarked(facts: &Facts) -> Flow {
    let Some(pool) = located(facts) else {
        return Flow::Continue(());
    };
    if facts.is_marked() || facts.only_plans() {
        return Flow::Continue(());
    }
    act(Move::WriteClaim(create::claim_for(facts, pool)))
}

/// Roles and principal tags are looked at where the spec manages them, or did.
fn unread(facts: &Facts) -> Flow {
    let (Some(pool), Some(desired)) = (subject(facts), facts.desired()) else {
        return Flow::Continue(());
    };
    let managed = status::managed(facts);
    let id = || pool.id.clone();
    // Of a pool that others made it is told what stays as they left it.
    let made_by_others = located(facts).is_none() || facts.took_over();
    let reads = made_by_others || access::reads_roles(&desired.access, &managed);
    if reads && !facts.roles.contains_key(&pool.id) {
        return act(Move::Call(Call::GetIdentityPoolRoles { id: id() }));
    }
    let unread = |provider: &String| {
        // What was just made has no maps but those that were just set.
        let known = facts.created.as_ref() == Some(&pool.id)
            && !facts.asked.principal_tags.contains_key(provider);
        !known && !facts.principal_tags.contains_key(&(id(), provider.clone()))
    };
    let mut providers = access::providers(&desired.access, &managed);
    if made_by_others {
        providers.extend(access::user_pools(&pool.settings));
    }
    match providers.into_iter().find(unread) {
        Some(provider) => act(Move::Call(Call::GetPrincipalTagAttributeMap {
            id: id(),
            provider,
        })),
        None => Flow::Continue(()),
    }
}

/// AWS says of a role that IAM does not know yet what it says of one that may not be
/// passed: it is thought new for a while.
fn role_refused(facts: &Facts) -> Flow {
    let (Some(failure), Some(since)) = (&facts.failure, facts.memory.role_refused_since) else {
        return Flow::Continue(());
    };
    if !failure.refuses_role() {
        return Flow::Continue(());
    }
    let young = facts.moment.now < time::after(since, ROLE_APPEARS_WITHIN);
    let reason = if young && !was_refused(facts) {
        Reason::RoleNotAccepted
    } else {
        Reason::RoleRefused
    };
    hold(reason, format!("{failure}. {}", reason.next_step()))
}

/// Whether an earlier process has waited for the role in vain, and nobody asked for anything since.
fn was_refused(facts: &Facts) -> bool {
    let status = facts.status();
    condition::find(&status.conditions, STALLED)
        .is_some_and(|stalled| stalled.reason == Reason::RoleRefused.as_str())
        && rest::is_heard(facts)
}

/// The configuration: what differs is changed, or reported.
fn differs(facts: &Facts) -> Flow {
    let (Some(pool), Some(desired)) = (subject(facts), facts.desired()) else {
        return Flow::Continue(());
    };
    let managed = status::managed(facts);
    let own = if located(facts).is_some() {
        create::own_tags(facts, pool)
    } else {
        create::prospective_tags(facts)
    };
    let tags = |provider: &str| {
        let of_provider = (pool.id.clone(), provider.to_owned());
        facts.principal_tags.get(&of_provider)?.as_ref()
    };
    let make = if located(facts).is_some() {
        plan::plan
    } else {
        plan::adoption
    };
    let plan = make(&plan::Input {
        desired: &desired,
        observed: pool,
        own,
        managed: &managed.tag_keys.iter().cloned().collect(),
        updated: facts.updated.as_ref(),
        retags: facts.retags,
        grants: grants::Input {
            managed: &managed,
            roles: facts.roles.get(&pool.id).map(|(set, _)| set),
            tags: &tags,
            asked: &facts.asked,
        },
    });
    let outcome = match plan {
        plan::Plan::Done => return immutable(facts, &desired, pool),
        plan::Plan::TooManyTags(message) => return hold(Reason::TooManyTags, message),
        plan::Plan::NotTaken(drift) => return not_taken(drift),
        plan::Plan::NotShown(drift) => return not_shown(facts, drift),
        plan::Plan::Steps(steps) => steps,
    };
    if let Some(held) = report_only(facts, &outcome.differences) {
        return conclude(Verdict::Held(held));
    }
    if facts.only_plans() {
        return conclude(Verdict::Planned(Shown::of(&outcome)));
    }
    if located(facts).is_none() {
        return take_over(facts, pool, &outcome);
    }
    let awaited = unshown_since(facts).is_some_and(|since| may_show_up(facts, since));
    if awaited && outcome.may_be_done() {
        return not_shown(facts, outcome.differences);
    }
    if facts.recorded().as_ref() != Some(&pool.id) || !status::records_what_is_set(facts, &desired)
    {
        record_first(facts)?;
    }
    ready_to_write(facts, &pool.id)?;
    let Some(planned) = outcome.calls.into_iter().next() else {
        return Flow::Continue(());
    };
    if planned.call.operation() == Operation::SetIdentityPoolRoles {
        roles_seen_lately(facts, &pool.id)?;
    }
    act(Move::Call(planned.call))
}

/// What nobody manages is sent back as it was seen, so it has to be seen lately.
fn roles_seen_lately(facts: &Facts, id: &PoolId) -> Flow {
    match facts.roles.get(id) {
        Some((_, at)) if is_recent(facts, *at) => Flow::Continue(()),
        _ => act(Move::Call(Call::GetIdentityPoolRoles { id: id.clone() })),
    }
}

/// A map of principal tags that found no place, though the pool is there.
fn misplaced(facts: &Facts) -> Flow {
    let Some(failure) = facts
        .misplaced
        .as_ref()
        .filter(|_| located(facts).is_some())
    else {
        return Flow::Continue(());
    };
    let kind = FailureKind::Invalid;
    conclude(Verdict::Failed(Failure {
        kind,
        ..failure.clone()
    }))
}

/// Waiting for the budget comes before the look that a write rests on, or the look
/// would be old when the waiting is over. Gives the time of that look.
pub(super) fn ready_to_write(facts: &Facts, id: &PoolId) -> Flow<Timestamp> {
    if !facts.reserved {
        return act(Move::Reserve);
    }
    match facts.look(id) {
        Some(Look::Found(_, at)) if is_recent(facts, *at) => Flow::Continue(*at),
        _ => act(Move::Call(Call::DescribeIdentityPool { id: id.clone() })),
    }
}

/// Whether something was seen so lately that a write may rest on it.
pub(super) fn is_recent(facts: &Facts, at: Timestamp) -> bool {
    facts.moment.now <= time::after(at, SEND_FENCE)
}

/// A second pool that was reported is looked for again, or a process that never saw it
/// would take the report back.
fn doubled(facts: &Facts) -> Flow {
    let reported = condition::find(&facts.status().conditions, ADVISORY)
        .is_some_and(|advice| advice.reason == Reason::SecondPool.as_str());
    if reported && facts.searches.is_empty() && facts.known.len() < 2 {
        return act(Move::Search { after: facts.began });
    }
    Flow::Continue(())
}

/// What AWS cannot change is said last, so that it holds up nothing else.
fn immutable(facts: &Facts, desired: &Desired, pool: &Observed) -> Flow {
    let want = &desired.settings.developer_provider_name;
    let have = &pool.settings.developer_provider_name;
    let Some(have) = have.as_ref().filter(|_| want != have) else {
        return Flow::Continue(());
    };
    let spec = facts.object.as_ref().map(|object| &object.spec);
    let referred = spec.is_some_and(|spec| spec.developer_provider_name_from.is_some());
    let (field, way_out) = if referred {
        ("developerProviderNameFrom", "Have what it refers to say")
    } else {
        ("developerProviderName", "Set spec.developerProviderName to")
    };
    let asked = want
        .as_ref()
        .map_or("names none".to_owned(), |want| format!("says {want:?}"));
    hold(
        Reason::ImmutableField,
        format!(
            "spec.{field} {asked}, but pool {} has {have:?}, and AWS can neither change nor clear \
             it. {way_out} {have:?}.",
            pool.id
        ),
    )
}

/// Since when AWS does not show what it accepted of the very change that is wanted.
fn unshown_since(facts: &Facts) -> Option<Timestamp> {
    let unshown = facts.memory.unshown.as_ref()?;
    let desired = facts.desired().map(|desired| desired.hash());
    (unshown.desired == desired).then_some(unshown.since)
}

/// Whether the change was made a moment ago and may show up by itself.
fn may_show_up(facts: &Facts, since: Timestamp) -> bool {
    facts.moment.now < time::after(since, SHOWN_WITHIN)
}

/// Roles and principal tags are read apart from the call that sets them, and a read may be
/// late.
fn not_shown(facts: &Facts, drift: Vec<FieldDrift>) -> Flow {
    if unshown_since(facts).is_some_and(|since| !may_show_up(facts, since)) {
        return not_taken(drift);
    }
    let fields = names(&drift);
    conclude(Verdict::Held(Held {
        drift,
        ..Held::new(
            Reason::ChangeNotYetVisible,
            format!("AWS accepted the change but does not show it yet: {fields} differ."),
        )
    }))
}

fn not_taken(drift: Vec<FieldDrift>) -> Flow {
    let (fields, lost) = (names(&drift), access::lost_roles(&drift));
    conclude(Verdict::Held(Held {
        drift,
        ..Held::new(
            Reason::ChangeNotTaken,
            format!("AWS accepted the update but still shows other values of {fields}.{lost}"),
        )
    }))
}

/// Under `driftPolicy: Report` a change made outside is told, not undone. What the
/// spec asks for anew is no drift: it has not been true before.
fn report_only(facts: &Facts, differences: &[FieldDrift]) -> Option<Held> {
    facts.object.as_ref()?;
    if facts.drift_policy() != DriftPolicy::Report || !facts.was_in_sync() {
        return None;
    }
    Some(Held {
        drift: differences.to_vec(),
        ..Held::new(
            Reason::Drifted,
            format!(
                "The pool was changed outside: {} differ. spec.driftPolicy is Report, so nothing \
                 is undone; see status.drift.",
                names(differences)
            ),
        )
    })
}

/// The id is on record before anything else is done to the pool.
pub(super) fn record_first(facts: &Facts) -> Flow {
    let held = Held::new(
        Reason::Updating,
        "The pool exists; its settings are being brought in line.",
    );
    status::write(facts, &Verdict::Held(held)).map_or(Flow::Continue(()), act)
}

/// Puts the owner's tags on a pool once a person has agreed to all that follows; before
/// anything else, so that no other call goes to a pool that is not ours.
fn take_over(facts: &Facts, pool: &Observed, steps: &plan::Steps) -> Flow {
    if !adopt::is_confirmed(facts) {
        let shown = Shown::of(steps);
        return conclude(Verdict::Held(Held {
            drift: shown.drift,
            plan: shown.calls,
            ..Held::new(
                Reason::AdoptionPending,
                format!(
                    "Pool {} can be taken over. Nothing has been changed, not even tags; status.drift \
                     and status.plan show what would be. Set spec.adopt.overwrite to true to go on.",
                    pool.id
                ),
            )
        }));
    }
    guardrails::one_more(facts)?;
    let claimed = matches!(facts.reading(), Reading::Trusted(claim, _) if claim.adopted);
    if !claimed || !facts.has_finalizer() {
        return act(Move::WriteClaim(create::adoption_claim(facts)));
    }
    ready_to_write(facts, &pool.id)?;
    act(Move::Call(Call::TagResource {
        id: pool.id.clone(),
        tags: create::own_tags(facts, pool),
    }))
}

/// The pool that is looked at: this object's, or the one that it takes over.
fn subject(facts: &Facts) -> Option<&Observed> {
    located(facts).or_else(|| match adopt::candidate(facts) {
        ControlFlow::Continue(candidate) => candidate,
        ControlFlow::Break(_) => None,
    })
}

/// The pool that [`locate`] settled on, once it has.
pub(super) fn located(facts: &Facts) -> Option<&Observed> {
    match locate::locate(facts) {
        ControlFlow::Continue(Located::Pool(pool)) => Some(pool),
        _ => None,
    }
}

fn names(drift: &[FieldDrift]) -> String {
    let names: Vec<&str> = drift.iter().map(|entry| entry.field.as_str()).collect();
    names.join(", ")
}
