//! The only maker of status and conditions, for every way a pass can end.
//!
//! Status is a function of what is known: no counters, no clock but on a
//! transition, so that asking again says the same and a repeat writes nothing.
//! `observedGeneration` moves together with the conditions of that generation.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::call::{Failure, FailureKind, REQUEST_ID};
use super::facts::Facts;
use super::moves::Move;
use super::next::{self, Held, Shown, Verdict};
use super::settings::{Desired, Observed, PoolId};
use super::urgency::{Urgency, urgency};
use super::{advice, export, notes, revocation, suspects};
use crate::api::condition::{self, ADVISORY, DRIFTED, READY, RECONCILING, STALLED, Stance};
use crate::api::{IdentityPoolStatus, Managed, Reason};

/// Failures in a row that an object which was in sync may have before its status
/// says so: one throttled look is no news.
const PATIENCE: u32 = 3;

/// One condition before it gets its times.
struct Said {
    kind: &'static str,
    status: &'static str,
    reason: Reason,
    message: String,
}

fn report(facts: &Facts, verdict: &Verdict) -> Option<IdentityPoolStatus> {
    facts.object.as_ref()?;
    let old = facts.status();
    let new = match verdict {
        Verdict::AtRest
        | Verdict::Paused
        | Verdict::Rerouted
        | Verdict::NotLeading
        | Verdict::Released
        | Verdict::Trouble(_) => return None,
        Verdict::InSync => in_sync(facts, old.clone()),
        Verdict::Suspended => suspended(facts, old.clone()),
        Verdict::Planned(shown) => planned(facts, old.clone(), shown),
        Verdict::Failed(failure) if patient(facts, failure) => return None,
        Verdict::Failed(failure) => failed(facts, old.clone(), failure),
        Verdict::Held(held) => held_up(facts, old.clone(), held),
    };
    (new != old).then_some(new)
}

/// The write of what a verdict asks for; `None` when the object has it already.
pub(super) fn write(facts: &Facts, verdict: &Verdict) -> Option<Move> {
    report(facts, verdict).map(|status| written(facts, status))
}

/// The write that says that a move waits for the request budget, where somebody waits for the
/// move and status does not say so yet.
pub(super) fn crowded(facts: &Facts, mv: &Move) -> Option<Move> {
    let is_awaited = urgency(facts, mv) <= Urgency::Creation;
    if !(facts.crowded && is_awaited) {
        return None;
    }
    let held = Held::new(
        Reason::Throttled,
        "AWS allows this account only so many calls a second, and many wait for their turn; so does \
         this object.",
    );
    write(facts, &Verdict::Held(held))
}

fn written(facts: &Facts, status: IdentityPoolStatus) -> Move {
    Move::WriteStatus {
        note: notes::of_status(facts, &status),
        status: Box::new(status),
    }
}

/// The write for an object whose pool is gone and shall be made anew.
pub(super) fn forgetting(facts: &Facts, gone: &PoolId) -> Move {
    let held = Held {
        forget: true,
        ..Held::new(
            Reason::Updating,
            format!("Pool {gone} was deleted in AWS; a new one is being made."),
        )
    };
    written(facts, held_up(facts, facts.status(), &held))
}

/// What the object set before, as far as it is on record or this process knows of it.
pub(super) fn managed(facts: &Facts) -> Managed {
    both(&on_record(facts), &facts.memory.sent)
}

fn on_record(facts: &Facts) -> Managed {
    facts.status().managed.unwrap_or_default()
}

/// Whether it is on record which tags, roles and principal tags the spec sets: before they
/// are set, or a crash would leave them behind when the spec gives them up.
pub(super) fn records_what_is_set(facts: &Facts, desired: &Desired) -> bool {
    let (on_record, wanted) = (on_record(facts), to_manage(facts, desired.clone()));
    both(&on_record, &wanted) == on_record
}

/// What either has set.
pub(super) fn both(one: &Managed, other: &Managed) -> Managed {
    let Managed {
        tag_keys,
        secret_login_providers,
        roles,
        role_mappings,
        principal_tag_providers,
        config_maps,
    } = one;
    let union = |one: &[String], other: &[String]| {
        let all: BTreeSet<&String> = one.iter().chain(other).collect();
        all.into_iter().cloned().collect()
    };
    Managed {
        tag_keys: union(tag_keys, &other.tag_keys),
        secret_login_providers: union(secret_login_providers, &other.secret_login_providers),
        roles: *roles || other.roles,
        role_mappings: *role_mappings || other.role_mappings,
        principal_tag_providers: union(principal_tag_providers, &other.principal_tag_providers),
        config_maps: union(config_maps, &other.config_maps),
    }
}

/// What the object will have set once the spec is true.
fn to_manage(facts: &Facts, desired: Desired) -> Managed {
    Managed {
        config_maps: export::to_record(facts),
        tag_keys: desired.tags.into_keys().collect(),
        secret_login_providers: desired.secrets.into_keys().collect(),
        ..desired.access.managed()
    }
}

fn noted(managed: Managed) -> Option<Managed> {
    (managed != Managed::default()).then_some(managed)
}

fn in_sync(facts: &Facts, mut status: IdentityPoolStatus) -> IdentityPoolStatus {
    common(facts, &mut status);
    let desired = facts.desired();
    status.applied_hash = desired.as_ref().map(super::settings::Desired::hash);
    status.managed = desired.and_then(|desired| noted(to_manage(facts, desired)));
    status.drift = None;
    let good = |kind, status, reason: Reason, message: &str| Said {
        kind,
        status,
        reason,
        message: message.to_owned(),
    };
    say(
        facts,
        &mut status,
        vec![
            good(READY, "True", Reason::InSync, "The pool equals the spec."),
            good(
                RECONCILING,
                "False",
                Reason::InSync,
                "Nothing is under way.",
            ),
            good(STALLED, "False", Reason::InSync, "Nobody has to act."),
            good(
                DRIFTED,
                "False",
                Reason::NoDrift,
                "Nothing was changed outside.",
            ),
            advised(facts),
        ],
    );
    status
}

fn held_up(facts: &Facts, mut status: IdentityPoolStatus, held: &Held) -> IdentityPoolStatus {
    common(facts, &mut status);
    half_applied(facts, &mut status);
    if revocation::has_stripped(facts) {
        // What is set again one day was not changed outside.
        status.applied_hash = None;
    }
    if held.forget {
        status.identity_pool_id = None;
        status.identity_pool_arn = None;
        status.identity_pool_name = None;
        status.applied_hash = None;
    }
    status.drift = (!held.drift.is_empty()).then(|| held.drift.clone());
    status.plan = (!held.plan.is_empty()).then(|| held.plan.clone());
    // What equalled the spec when last seen is lost from sight, not wrong.
    let out_of_sight = held.reason == Reason::ClassNotReady
        && facts.status().observed_generation == facts.generation()
        && is_ready(&facts.status()) != Some(false);
    let ready = if out_of_sight { "Unknown" } else { "False" };
    let mut said = obstacle(ready, held.reason, &held.message);
    if held.reason == Reason::Drifted {
        said.push(Said {
            kind: DRIFTED,
            status: "True",
            reason: Reason::Drifted,
            message: held.message.clone(),
        });
    }
    said.push(advised(facts));
    say(facts, &mut status, said);
    status
}

fn failed(facts: &Facts, mut status: IdentityPoolStatus, failure: &Failure) -> IdentityPoolStatus {
    common(facts, &mut status);
    // What equalled the spec when last seen may still do so: lost from sight, not wrong.
    let ready = if facts.was_in_sync() && is_ready(&status) != Some(false) {
        "Unknown"
    } else {
        "False"
    };
    half_applied(facts, &mut status);
    let mut said = obstacle(ready, failure.kind.reason(), &sentence(facts, failure));
    said.push(advised(facts));
    say(facts, &mut status, said);
    status
}

fn suspended(facts: &Facts, mut status: IdentityPoolStatus) -> IdentityPoolStatus {
    common(facts, &mut status);
    let idle = |kind| Said {
        kind,
        status: "False",
        reason: Reason::Suspended,
        message: "spec.managementPolicy is Suspend.".to_owned(),
    };
    let mut said = vec![idle(RECONCILING), idle(STALLED), advised(facts)];
    if !facts.was_in_sync() {
        said.push(Said {
            kind: READY,
            status: "Unknown",
            reason: Reason::Suspended,
            message: "spec.managementPolicy is Suspend; the spec as it stands was not applied."
                .to_owned(),
        });
    }
    say(facts, &mut status, said);
    status
}

/// AWS was looked at and does not equal the spec; nothing is on its way.
fn planned(facts: &Facts, mut status: IdentityPoolStatus, shown: &Shown) -> IdentityPoolStatus {
    common(facts, &mut status);
    status.plan = Some(shown.calls.clone());
    status.drift = Some(shown.drift.clone());
    let operations: Vec<&str> = shown
        .calls
        .iter()
        .map(|call| call.operation.as_str())
        .collect();
    let idle = |kind| Said {
        kind,
        status: "False",
        reason: Reason::Planned,
        message: "spec.managementPolicy is Plan.".to_owned(),
    };
    let ready = Said {
        kind: READY,
        status: "False",
        reason: Reason::Planned,
        message: format!(
            "spec.managementPolicy is Plan. Manage would call {}; see status.plan and status.drift.",
            operations.join(", ")
        ),
    };
    let said = vec![
        ready,
        idle(RECONCILING),
        idle(STALLED),
        planned_drift(facts.was_in_sync()),
        advised(facts),
    ];
    say(facts, &mut status, said);
    status
}

/// What differs from a spec that was true before was changed outside.
fn planned_drift(was_in_sync: bool) -> Said {
    let (status, reason, message) = if was_in_sync {
        (
            "True",
            Reason::Drifted,
            "The pool was changed outside; Manage would put it right, see status.drift.",
        )
    } else {
        (
            "False",
            Reason::NoDrift,
            "What differs is what the spec asks for anew.",
        )
    };
    Said {
        kind: DRIFTED,
        status,
        reason,
        message: message.to_owned(),
    }
}

/// A short failure to look at a pool that was in sync goes without saying.
fn patient(facts: &Facts, failure: &Failure) -> bool {
    let status = facts.status();
    failure.kind.reason().stance() == Stance::Progressing
        && facts.memory.failures < PATIENCE
        && facts.was_in_sync()
        && is_ready(&status) == Some(true)
        && status.observed_generation == facts.generation()
        && facts.changed.is_empty()
}

fn is_ready(status: &IdentityPoolStatus) -> Option<bool> {
    let ready = condition::find(&status.conditions, READY)?;
    match ready.status.as_str() {
        "True" => Some(true),
        "False" => Some(false),
        _ => None,
    }
}

fn obstacle(ready: &'static str, reason: Reason, message: &str) -> Vec<Said> {
    let stalled = reason.stance() == Stance::Stalled;
    let pair = |kind, holds: bool| Said {
        kind,
        status: if holds { "True" } else { "False" },
        reason,
        message: match (kind, holds) {
            (_, true) => message.to_owned(),
            (RECONCILING, false) => "Waiting alone does not mend it; see Stalled.".to_owned(),
            (_, false) => "Nobody has to act; see Reconciling.".to_owned(),
        },
    };
    vec![
        Said {
            kind: READY,
            status: ready,
            reason,
            message: message.to_owned(),
        },
        pair(RECONCILING, !stalled),
        pair(STALLED, stalled),
    ]
}

/// Operation, AWS's words, code, request id, the fields in question, the next step.
fn sentence(facts: &Facts, failure: &Failure) -> String {
    let about = match failure.kind {
        FailureKind::Invalid => suspects::about(facts, failure),
        _ => String::new(),
    };
    format!("{failure}. {about}{}", failure.kind.reason().next_step())
}

/// What a failure says apart from request ids, times and counts, by which a repeat of
/// it is told. Other messages are taken by the letter.
fn gist(message: &str) -> String {
    let Some((before, after)) = message.split_once(REQUEST_ID) else {
        return message.to_owned();
    };
    let rest = after.find(')').map_or("", |end| &after[end..]);
    before
        .chars()
        .chain(rest.chars())
        .filter(|char| !char.is_ascii_digit())
        .collect()
}

/// What this pass changed without coming to its end is not what any spec was made true
/// by: an edit that takes it back must not find a change made outside.
fn half_applied(facts: &Facts, status: &mut IdentityPoolStatus) {
    let in_doubt = facts.failure.as_ref().is_some_and(|failure| {
        failure.operation.mutates() && failure.kind == FailureKind::Unanswered
    });
    if (in_doubt || !facts.changed.is_empty()) && !facts.was_in_sync() {
        status.applied_hash = None;
    }
}

/// What every report brings up to date.
fn common(facts: &Facts, status: &mut IdentityPoolStatus) {
    status.observed_generation = facts.generation();
    status.plan = None;
    status.deletion_policy = Some(facts.deletion_policy());
    status.last_handled_reconcile_at = facts.reconcile_at().map(str::to_owned);
    let Some(pool) = next::located(facts) else {
        return;
    };
    note_pool(facts, status, pool);
    let wanted = facts.known_desired();
    let wanted = wanted.map(|desired| to_manage(facts, desired));
    let wanted = wanted.unwrap_or_default();
    status.managed = noted(both(&managed(facts), &wanted));
}

fn note_pool(facts: &Facts, status: &mut IdentityPoolStatus, pool: &Observed) {
    let (account, region) = facts.home();
    status.identity_pool_id = Some(pool.id.to_string());
    status.identity_pool_arn = Some(
        export::Pool {
            partition: &facts.operator.partition,
            account: &account,
            region: &region,
            id: &pool.id,
        }
        .arn(),
    );
    status.identity_pool_name = Some(pool.settings.identity_pool_name.clone());
    status.account_id = Some(account);
    status.region = Some(region);
}

/// The gravest doubt gives the reason, all of them the message.
fn advised(facts: &Facts) -> Said {
    let advice = advice::advice(facts);
    let sentences: Vec<&str> = advice
        .iter()
        .map(|(_, sentence)| sentence.as_str())
        .collect();
    let (status, reason, message) = match advice.first() {
        Some((reason, _)) => ("True", *reason, sentences.join(" ")),
        None => (
            "False",
            Reason::NoAdvice,
            "Nothing doubtful was found.".to_owned(),
        ),
    };
    Said {
        kind: ADVISORY,
        status,
        reason,
        message,
    }
}

/// Puts conditions in, with the time of the transition where there is one, and
/// with the old message where only the request id differs.
fn say(facts: &Facts, status: &mut IdentityPoolStatus, said: Vec<Said>) {
    for Said {
        kind,
        status: state,
        reason,
        message,
    } in said
    {
        let place = status
            .conditions
            .iter()
            .position(|condition| condition.type_ == kind);
        let old = place.map(|place| &status.conditions[place]);
        let kept = old.filter(|old| old.status == state);
        let repeat =
            old.filter(|old| old.reason == reason.as_str() && gist(&old.message) == gist(&message));
        let condition = Condition {
            type_: kind.to_owned(),
            status: state.to_owned(),
            reason: reason.to_string(),
            message: repeat.map_or(message, |old| old.message.clone()),
            observed_generation: facts.generation(),
            last_transition_time: kept.map_or_else(
                || Time(facts.moment.now),
                |old| old.last_transition_time.clone(),
            ),
        };
        match place {
            Some(place) => status.conditions[place] = condition,
            None => status.conditions.push(condition),
        }
    }
}
