//! Which pool is this object's: the recorded one if its tag agrees, else the one
//! that a search by owner finds, else none.
//!
//! A positive answer is always verified by a look at the pool. A negative one
//! needs two full lists, both begun when no copy of a create call could take
//! effect any more; a list or look that was refused or cut is no answer.

use jiff::Timestamp;
use uuid::Uuid;

use super::call::Call;
use super::claim::{self, Reading, VISIBLE_WITHIN};
use super::create;
use super::facts::{Facts, Look};
use super::memory::{Arrival, Fate};
use super::moves::Move;
use super::next::{Flow, act, hold};
use super::ownership::{self, Owned, Ownership};
use super::settings::{Observed, PoolId};
use super::time;
use crate::api::Reason;
use crate::api::condition::{self, READY};
use crate::api::names::{CLAIM_ANNOTATION, OWNER_TAG};

/// Lists that have to agree before "there is none" is believed: one list can miss
/// a pool that moved between its pages while they were read.
const LISTS_THAT_AGREE: usize = 2;

/// Where the pool of an object is.
#[derive(Debug)]
pub(super) enum Located<'a> {
    /// Here, and its tag says it is ours.
    Pool(&'a Observed),
    /// There is none, and none was recorded.
    Nowhere,
    /// The recorded one is gone, and there is no other.
    Gone(PoolId),
}

/// Finds the pool, or says what to ask next.
pub(super) fn locate(facts: &Facts) -> Flow<Located<'_>> {
    let own = facts.created.clone().or_else(|| facts.adopted.clone());
    let Some(id) = own.or_else(|| facts.recorded()) else {
        let found = by_owner(facts, unresolved(facts))?;
        // What a search knows of a pool may be from before the owner's tags came.
        return Flow::Continue(match found.or_else(|| seen(facts)) {
            Some(pool) => Located::Pool(pool),
            None => Located::Nowhere,
        });
    };
    match facts.look(&id) {
        None => describe(&id),
        Some(Look::Found(pool, _)) if facts.is_ours(pool) => Flow::Continue(Located::Pool(pool)),
        Some(Look::Found(foreign, _)) => match by_owner(facts, facts.seen_at())? {
            Some(pool) => Flow::Continue(Located::Pool(pool)),
            None => not_ours(facts, foreign),
        },
        Some(Look::Gone) => match by_owner(facts, settled_but_for(facts))? {
            Some(pool) => Flow::Continue(Located::Pool(pool)),
            None if just_claimed(facts) && facts.memory.deleted.as_ref() != Some(&id) => hold(
                Reason::NotYetVisible,
                format!("AWS does not show pool {id} yet, which was created a moment ago."),
            ),
            None => Flow::Continue(Located::Gone(id)),
        },
    }
}

/// A pool that a look of this pass showed to be this object's, whoever led to it.
fn seen(facts: &Facts) -> Option<&Observed> {
    facts.looks.values().find_map(|look| match look {
        Look::Found(pool, _) if facts.is_ours(pool) => Some(&**pool),
        Look::Found(..) | Look::Gone => None,
    })
}

/// Whether this object came to this process as new, with nothing to suggest that
/// anybody dealt with it before. Only then may a pool be made without a search.
fn is_new(facts: &Facts) -> bool {
    facts.memory.arrival == Arrival::Event
        && !facts.memory.handled
        && !facts
            .memory
            .own_claim
            .as_ref()
            .is_some_and(|own| own.fate != Fate::Void)
        && facts.recorded().is_none()
}

/// Until when a create call of an earlier claim could still take effect; `None`
/// when there is none that could.
fn unresolved(facts: &Facts) -> Option<Timestamp> {
    let own = facts.memory.own_claim.as_ref();
    let window = facts.operator.settle_window;
    let is_void = |id| own.is_some_and(|own| own.fate == Fate::Void && own.id == id);
    let on_object = match facts.reading() {
        Reading::Trusted(claim, _) | Reading::Void(claim) if is_void(claim.id) => None,
        Reading::Trusted(claim, _) if claim.adopted => return Some(searched_from(facts)),
        Reading::Trusted(claim, _) if is_ended(facts, claim.id) => return Some(facts.seen_at()),
        Reading::Trusted(_, at) => Some(at),
        Reading::Untrusted(_) => facts.memory.distrusted_since,
        Reading::Absent | Reading::Void(_) if facts.has_finalizer() || !is_new(facts) => {
            return Some(searched_from(facts));
        }
        Reading::Absent | Reading::Void(_) => None,
    };
    on_object
        .into_iter()
        .chain(ours_unsettled(facts))
        .max()
        .map(|at| time::after(at, window))
}

/// Whether the one call of a claim is known to have made a pool that is gone again: then
/// nothing of it can show up any more.
fn is_ended(facts: &Facts, claim: Uuid) -> bool {
    let own = facts.memory.own_claim.as_ref();
    own.is_some_and(|own| match &own.fate {
        Fate::Made(id) => own.id == claim && matches!(facts.look(id), Some(Look::Gone)),
        Fate::Void | Fate::Unclear(_) => false,
    })
}

/// From when on a search counts where the object shows no call that could be under way:
/// at once, unless this process knows of one.
fn searched_from(facts: &Facts) -> Timestamp {
    let window = facts.operator.settle_window;
    ours_unsettled(facts).map_or(facts.seen_at(), |at| time::after(at, window))
}

/// When "there is no other pool" may be believed though the recorded one is gone: an id in
/// status alone proves nothing, since it can be forged or older than the claim.
///
/// Where nothing follows from it but a sentence in status, it may be said at once.
fn settled_but_for(facts: &Facts) -> Timestamp {
    if !facts.is_being_deleted() && !facts.recreates() {
        return facts.seen_at();
    }
    unresolved(facts).unwrap_or(facts.seen_at())
}

/// When this process itself last sent a create call of which nothing is known,
/// though the object may no longer show it.
fn ours_unsettled(facts: &Facts) -> Option<Timestamp> {
    let own = facts
        .memory
        .own_claim
        .as_ref()
        .filter(|own| own.fate != Fate::Void)?;
    claim::time_of(own.id)
}

/// Searches by owner tag. `settled`: lists count against us only when begun after it;
/// `None`: there is nothing to search for.
fn by_owner(facts: &Facts, settled: impl Into<Option<Timestamp>>) -> Flow<Option<&Observed>> {
    let settled = settled.into();
    let latest = match (facts.searches.last(), settled) {
        (Some(latest), _) => latest,
        (None, Some(_)) => return act(Move::Search { after: facts.began }),
        (None, None) => return Flow::Continue(None),
    };
    let found: Vec<&Owned> = latest
        .found
        .iter()
        .filter(|owned| !refuted(facts, &owned.id))
        .collect();
    if let Some(id) = chosen(facts, &found)? {
        return match facts.look(id) {
            Some(Look::Found(pool, _)) if facts.is_ours(pool) => Flow::Continue(Some(pool)),
            _ => describe(id),
        };
    }
    if let Some(pool) = facts.seen_as_ours() {
        return Flow::Continue(Some(pool));
    }
    let Some(settled) = settled else {
        return Flow::Continue(None);
    };
    if facts.moment.now < settled {
        return settling(facts, settled);
    }
    let lists = || facts.searches.iter().filter_map(|search| search.list_began);
    if lists().filter(|began| *began > settled).count() >= LISTS_THAT_AGREE {
        // By a clock that is off nothing can be known to be settled.
        return create::clocks_agree(facts, || Flow::Continue(None));
    }
    act(Move::Search {
        after: lists().fold(settled, Timestamp::max),
    })
}

/// Of several pools with our tag the one that carries the claim is used.
fn chosen<'a>(facts: &Facts, found: &[&'a Owned]) -> Flow<Option<&'a PoolId>> {
    if let [] | [_] = found {
        return Flow::Continue(found.first().map(|owned| &owned.id));
    }
    let claim = match facts.reading() {
        Reading::Trusted(claim, _) => Some(claim.id.to_string()),
        Reading::Absent | Reading::Void(_) | Reading::Untrusted(_) => None,
    };
    let claimed = found
        .iter()
        .find(|owned| claim.is_some() && owned.claim == claim);
    match claimed {
        Some(owned) => Flow::Continue(Some(&owned.id)),
        None => hold(
            Reason::DuplicatePools,
            format!(
                "Several pools bear the owner tag of this object: {}. None is recorded, so none is \
                 used and none deleted. Delete the ones that are not wanted, or remove their tag \
                 {OWNER_TAG}.",
                list(found)
            ),
        ),
    }
}

fn settling<T>(facts: &Facts, settled: Timestamp) -> Flow<T> {
    let gone = facts
        .recorded()
        .map(|id| format!("Pool {id}, which status names, is gone. "))
        .unwrap_or_default();
    let next = if facts.is_being_deleted() {
        "the object goes if none has shown up by"
    } else {
        "a new call is made if none has shown up by"
    };
    let outlook = format!(
        ", so a pool of this object may still show up. It is looked for by its owner tag; {next} \
         {settled:.0}."
    );
    let told = told_before(facts, &gone, &outlook).filter(|_| !knows_best(facts));
    let message = told.unwrap_or_else(|| format!("{gone}{}{outlook}", doubt(facts)));
    hold(Reason::Settling, message)
}

/// Whether this process itself sent the call that the object speaks of.
fn knows_best(facts: &Facts) -> bool {
    let own = facts.memory.own_claim.as_ref();
    own.is_some_and(|own| match facts.reading() {
        Reading::Trusted(claim, _) => own.id == claim.id && matches!(own.fate, Fate::Unclear(_)),
        Reading::Absent | Reading::Void(_) | Reading::Untrusted(_) => false,
    })
}

/// What is on the object of the same doubt. It may be the word of the process that sent the call:
/// were everybody to tell what it knows itself, several would overwrite each other in turns.
fn told_before(facts: &Facts, gone: &str, outlook: &str) -> Option<String> {
    let status = facts.status();
    let ready = condition::find(&status.conditions, READY)?;
    let same = ready.reason == Reason::Settling.as_str()
        && ready.message.starts_with(gone)
        && ready.message.ends_with(outlook);
    same.then(|| ready.message.clone())
}

/// What is not known, and why.
fn doubt(facts: &Facts) -> String {
    let own = facts.memory.own_claim.as_ref().map(|own| &own.fate);
    if let Some(Fate::Unclear(failure)) = own {
        return failure.to_string();
    }
    match facts.reading() {
        Reading::Trusted(_, at) => {
            format!(
                "This process does not know what came of the CreateIdentityPool call claimed at \
                 {at:.0}"
            )
        }
        Reading::Absent | Reading::Void(_) | Reading::Untrusted(_) => format!(
            "The annotation {CLAIM_ANNOTATION} is not as the operator left it, and \
             CreateIdentityPool may have been called under another"
        ),
    }
}

fn not_ours<T>(facts: &Facts, foreign: &Observed) -> Flow<T> {
    let owner = facts.owner();
    let whose = match ownership::verdict(&foreign.tags, &owner) {
        Ownership::Other(other) => {
            let other = ownership::described(&foreign.tags, other, &facts.operator.installation);
            format!("it belongs to {other}")
        }
        Ownership::Nobody | Ownership::Ours => format!("it has no tag {OWNER_TAG}"),
    };
    hold(
        Reason::ForeignOwner,
        format!(
            "Pool {} is recorded in status but is not this object's: {whose}. Nothing is written to \
             it. If it is this object's after all, set its tag {OWNER_TAG} to {owner}.",
            foreign.id
        ),
    )
}

/// Whether a look showed that a pool found by its tag is gone or not ours. A look from before the
/// list shows nothing of the sort: another process may have tagged the pool since.
fn refuted(facts: &Facts, id: &PoolId) -> bool {
    let listed = facts.searches.last().and_then(|search| search.list_began);
    match facts.look(id) {
        Some(Look::Found(pool, at)) => {
            !facts.is_ours(pool) && listed.is_none_or(|listed| *at >= listed)
        }
        Some(Look::Gone) => true,
        None => false,
    }
}

fn just_claimed(facts: &Facts) -> bool {
    visible_by(facts).is_some_and(|by| facts.moment.now < by)
}

/// When a pool that AWS does not show is gone, not late.
pub(super) fn visible_by(facts: &Facts) -> Option<Timestamp> {
    match facts.reading() {
        Reading::Trusted(_, at) => Some(time::after(at, VISIBLE_WITHIN)),
        Reading::Absent | Reading::Void(_) | Reading::Untrusted(_) => None,
    }
}

fn describe<T>(id: &PoolId) -> Flow<T> {
    act(Move::Call(Call::DescribeIdentityPool { id: id.clone() }))
}

fn list(found: &[&Owned]) -> String {
    let ids: Vec<&str> = found.iter().map(|owned| owned.id.as_str()).collect();
    ids.join(", ")
}
