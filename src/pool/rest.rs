//! How a pass ends: when to come back, what to remember, what to count.

use std::time::Duration;

use super::call::{DEADLINE, Failure, Operation};
use super::claim::SEND_FENCE;
use super::facts::Facts;
use super::locate;
use super::memory::{Fate, Hold, Memory, SLOW_RETRY, Unshown, spread};
use super::next::{self, Verdict};
use super::notes::Weight;
use super::recall;
use super::time;
use crate::api::condition::{self, READY, Stance};
use crate::api::{Managed, Reason};

/// Part of the resync period by which two looks may be nearer or further apart.
const RESYNC_SPREAD: u32 = 10;

/// Part of the slow retry, likewise.
const RETRY_SPREAD: u32 = 20;

/// Longest pause between two looks for a pool that may show up any moment.
const DOUBTFUL_PAUSE: Duration = Duration::from_secs(30);

/// For this long another object that looked at a pool before it was taken over may still put its
/// own tags on it: its look has to be recent, and its call ends by its deadline.
const CONTESTED_FOR: Duration = SEND_FENCE
    .saturating_add(DEADLINE)
    .saturating_add(Duration::from_secs(5));

/// Longest pause between two looks for a change that is late: seconds at most.
const LATE_PAUSE: Duration = Duration::from_secs(5);

/// Pause until the term is looked at again: a leader renews it every two seconds or so.
const TERM_PAUSE: Duration = Duration::from_secs(1);

/// Time between two looks that somebody else's writes to status bring about: short for a
/// person who wonders, long for two programs that disagree.
const MEDDLED_PAUSE: Duration = Duration::from_secs(10);

/// Least pause where what the object refers to is written again and again and its values stay:
/// a role may have been mended, or a program may write its heartbeat there.
const RESTLESS_PAUSE: Duration = Duration::from_secs(30);

/// What became of a pass, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The pool equals the spec after something was written to AWS.
    Applied,
    /// Nothing had to be done.
    Unchanged,
    /// Something that comes by itself is waited for.
    Waiting,
    /// A person has to act.
    Stalled,
    /// A call failed and is repeated.
    Failed,
    /// The object is gone or let go.
    Released,
}

impl Outcome {
    /// Label value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Unchanged => "unchanged",
            Self::Waiting => "waiting",
            Self::Stalled => "stalled",
            Self::Failed => "failed",
            Self::Released => "released",
        }
    }
}

/// The end of a pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Rest {
    /// When to come back without being asked; `None`: only when asked.
    pub after: Option<Duration>,
    /// What to keep for the next pass; `None`: nothing, the object is gone.
    pub memory: Option<Memory>,
    /// Spec fields that were changed outside and put right.
    pub corrected: Vec<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether somebody should look.
    pub weight: Weight,
    /// The calls that changed something in AWS, in order.
    pub changed: Vec<Operation>,
    /// Why it did not reach its end, for metrics and the log.
    pub reason: Option<Reason>,
    /// What was found, or what stands in the way, for the log.
    pub detail: Option<String>,
    /// AWS's id of the request that failed.
    pub request_id: Option<String>,
}

/// Ends a pass.
pub(super) fn rest(facts: &Facts, verdict: &Verdict) -> Rest {
    match verdict {
        Verdict::InSync => in_sync(facts),
        Verdict::AtRest => at_rest(facts),
        Verdict::Paused => paused(facts),
        Verdict::NotLeading => not_leading(facts),
        Verdict::Rerouted => done(facts, Outcome::Waiting, Some(Duration::from_millis(1))),
        Verdict::Released => released(facts),
        Verdict::Suspended => done(facts, Outcome::Unchanged, None),
        Verdict::Planned(_) => done(facts, Outcome::Unchanged, Some(period(facts))),
        Verdict::Failed(failure) => failed(facts, failure),
        Verdict::Trouble(what) => Rest {
            detail: Some(format!("the apiserver did not do what was asked: {what}")),
            ..again(
                facts,
                Outcome::Failed,
                facts.memory.backoff(facts.moment.jitter),
            )
        },
        Verdict::Held(held) => Rest {
            detail: Some(held.message.clone()),
            ..held_up(facts, held.reason)
        },
    }
}

/// Nothing is remembered but a call that may be under way still: a restored etcd can
/// bring the object back. A pool that was made for an object which is gone without its
/// finalizer has nobody to look after it; at least the log says so.
fn released(facts: &Facts) -> Rest {
    let orphan = facts.unpublished();
    let own = facts.memory.own_claim.as_ref();
    let unclear = own.is_some_and(|own| matches!(own.fate, Fate::Unclear(_)));
    Rest {
        memory: unclear.then(|| remembered(facts)),
        weight: orphan.map_or(Weight::Normal, |_| Weight::Warning),
        detail: orphan.map(|pool| {
            let id = &pool.id;
            format!("pool {id} was just created and has no object any more")
        }),
        ..done(facts, Outcome::Released, None)
    }
}

/// Whether the pool has to be looked at now.
pub(super) fn look_due(facts: &Facts) -> bool {
    let ready = condition::holds(&facts.status().conditions, READY);
    !ready || !facts.was_in_sync() || facts.export_touched || asks_for_look(facts)
}

/// Whether there is a reason to look at the pool other than what it is to be.
pub(super) fn asks_for_look(facts: &Facts) -> bool {
    !is_heard(facts)
        || !facts.is_marked()
        || facts.missing
        || facts.meddled
        || facts.moment.now >= next_look(facts)
}

/// Whether status already answers what a person asked for last.
pub(super) fn is_heard(facts: &Facts) -> bool {
    let status = facts.status();
    status.last_handled_reconcile_at.as_deref() == facts.reconcile_at()
        && status.observed_generation == facts.generation()
}

/// The turn of an object that was in sync before this process started is anywhere
/// in the period, so that a restart is no stampede.
fn next_look(facts: &Facts) -> jiff::Timestamp {
    facts.memory.next_look.unwrap_or_else(|| {
        let part = period(facts) * u32::from(facts.moment.jitter) / 1000;
        time::after(facts.began, part.max(Duration::from_secs(1)))
    })
}

fn period(facts: &Facts) -> Duration {
    facts
        .resync_period_seconds()
        .and_then(|seconds| u64::try_from(seconds).ok())
        .map_or(facts.operator.resync_period, Duration::from_secs)
}

fn in_sync(facts: &Facts) -> Rest {
    let late = facts
        .memory
        .late_until
        .map(|late| time::until(facts.moment.now, late));
    let late = late.filter(|late| !late.is_zero());
    let period = spread(period(facts), RESYNC_SPREAD, facts.moment.jitter);
    // A change that got no answer may still undo this one.
    let pause = late.map_or(period, |late| period.min(late + Duration::from_secs(1)));
    let pause = if facts.has_just_taken_over(CONTESTED_FOR) {
        pause.min(CONTESTED_FOR)
    } else {
        pause
    };
    let outcome = if facts.changed.is_empty() {
        Outcome::Unchanged
    } else {
        Outcome::Applied
    };
    let mut rest = done(facts, outcome, Some(pause));
    rest.detail = facts
        .found_anew()
        .map(|id| format!("pool {id} was found by its owner tag and recorded; no other was made"));
    if let Some(memory) = &mut rest.memory {
        memory.next_look = Some(time::after(facts.moment.now, pause));
        memory.late_until = facts.memory.late_until.filter(|_| late.is_some());
        if late.is_none() {
            memory.sent = Managed::default();
        }
        memory.role_refused_since = None;
        memory.hold = facts.meddled.then(|| hold(facts, MEDDLED_PAUSE)).flatten();
    }
    rest
}

fn at_rest(facts: &Facts) -> Rest {
    let due = next_look(facts);
    let mut rest = done(
        facts,
        Outcome::Unchanged,
        Some(time::until(facts.moment.now, due)),
    );
    if let Some(memory) = &mut rest.memory {
        memory.next_look = Some(due);
    }
    rest
}

fn paused(facts: &Facts) -> Rest {
    let until = facts.memory.hold.as_ref().map(|hold| {
        if hold.news == facts.memory.news {
            hold.until
        } else {
            hold.until.min(hold.soonest)
        }
    });
    Rest {
        after: until.map(|until| time::until(facts.moment.now, until)),
        memory: Some(facts.memory.clone()),
        ..done(facts, Outcome::Waiting, None)
    }
}

/// Nothing went wrong with the object: what is remembered of failures stays as it is.
fn not_leading(facts: &Facts) -> Rest {
    let memory = Memory {
        handled: true,
        ..facts.memory.clone()
    };
    Rest {
        memory: Some(memory),
        ..done(facts, Outcome::Waiting, Some(TERM_PAUSE))
    }
}

fn failed(facts: &Facts, failure: &Failure) -> Rest {
    let mut rest = held_up(facts, failure.kind.reason());
    if rest.outcome == Outcome::Waiting {
        rest.outcome = Outcome::Failed;
        rest.weight = Weight::Warning;
    }
    rest.detail = Some(failure.to_string());
    rest.request_id.clone_from(&failure.request_id);
    rest
}

fn held_up(facts: &Facts, reason: Reason) -> Rest {
    let jitter = facts.moment.jitter;
    let (outcome, pause) = match (reason.stance(), reason) {
        (Stance::Stalled, _) => (Outcome::Stalled, spread(SLOW_RETRY, RETRY_SPREAD, jitter)),
        // A pool that may show up any moment is looked for again soon.
        (_, Reason::ChangeNotYetVisible) => {
            let pause = facts.memory.backoff(jitter).min(LATE_PAUSE);
            (Outcome::Waiting, pause)
        }
        (_, Reason::RoleNotAccepted) => (Outcome::Waiting, role_pause(facts)),
        (_, Reason::Settling) => (Outcome::Waiting, doubtful_pause(facts)),
        (_, Reason::NotYetVisible) => {
            let by = locate::visible_by(facts).map(|by| time::until(facts.moment.now, by));
            let pause = doubtful_pause(facts);
            (Outcome::Waiting, by.map_or(pause, |by| pause.min(by)))
        }
        _ => (Outcome::Waiting, facts.memory.backoff(jitter)),
    };
    let mut rest = Rest {
        reason: Some(reason),
        ..again(facts, outcome, pause)
    };
    if let Some(memory) = &mut rest.memory {
        memory.unshown = unshown(facts, reason);
    }
    rest
}

/// Longest pause while a role may be new: a sixth of its two minutes.
const ROLE_PAUSE: Duration = Duration::from_secs(20);

/// A role may be known any moment, and is refused at the end of its time and no later.
fn role_pause(facts: &Facts) -> Duration {
    let pause = facts.memory.backoff(facts.moment.jitter).min(ROLE_PAUSE);
    let since = facts.memory.role_refused_since;
    let end = since.map(|since| time::after(since, next::ROLE_APPEARS_WITHIN));
    end.map_or(pause, |end| pause.min(time::until(facts.moment.now, end)))
}

fn doubtful_pause(facts: &Facts) -> Duration {
    let pause = facts.memory.backoff(facts.moment.jitter);
    pause.min(DOUBTFUL_PAUSE)
}

/// Since when AWS does not show what it accepted.
fn unshown(facts: &Facts, reason: Reason) -> Option<Unshown> {
    if !matches!(reason, Reason::ChangeNotYetVisible | Reason::ChangeNotTaken) {
        return None;
    }
    let desired = facts.desired().map(|desired| desired.hash());
    let before = facts.memory.unshown.clone();
    let same = before.filter(|before| before.desired == desired);
    same.or(Some(Unshown {
        since: facts.moment.now,
        desired,
    }))
}

/// Comes back after `pause`, and not before unless a person changes something.
fn again(facts: &Facts, outcome: Outcome, pause: Duration) -> Rest {
    let mut memory = remembered(facts);
    memory.failures = facts.memory.failures.saturating_add(1);
    memory.hold = hold(facts, pause);
    Rest {
        memory: Some(memory),
        ..done(facts, outcome, Some(pause))
    }
}

/// A pause that only a person ends early, or what the object refers to.
fn hold(facts: &Facts, pause: Duration) -> Option<Hold> {
    let (object, trigger) = (facts.object.as_ref()?, facts.trigger()?);
    Some(Hold {
        until: time::after(facts.moment.now, pause),
        trigger,
        news: facts.memory.news,
        values: facts.references.fingerprint(object),
        class: facts.membership.version(),
        soonest: time::after(facts.moment.now, pause.min(RESTLESS_PAUSE)),
    })
}

fn done(facts: &Facts, outcome: Outcome, after: Option<Duration>) -> Rest {
    Rest {
        after,
        memory: Some(remembered(facts)),
        corrected: facts.corrected.clone(),
        outcome,
        weight: match outcome {
            Outcome::Stalled | Outcome::Failed => Weight::Warning,
            Outcome::Applied | Outcome::Unchanged | Outcome::Waiting | Outcome::Released => {
                Weight::Normal
            }
        },
        changed: facts.changed.clone(),
        reason: None,
        detail: None,
        request_id: None,
    }
}

fn remembered(facts: &Facts) -> Memory {
    Memory {
        handled: true,
        failures: 0,
        hold: None,
        unshown: None,
        recent: recall::kept(facts),
        ..facts.memory.clone()
    }
}
