//! Making the pool: reserve, claim, send once.
//!
//! The order is the promise: waiting for the budget comes before the claim, the
//! claim is on record before the call, the call is sent by the pass that wrote the
//! claim or by nobody, within the fence by both clocks, signed with the claim's
//! instant, so that AWS itself refuses a copy that comes late.

use jiff::Timestamp;
use uuid::Uuid;

use super::call::{Call, Operation};
use super::claim::{self, Claim, MAX_CLOCK_OFFSET, SEND_FENCE};
use super::facts::{Claimed, Facts};
use super::guardrails;
use super::memory::Fate;
use super::moves::Move;
use super::next::{Flow, act, hold};
use super::ownership;
use super::settings::{Observed, Tags};
use super::time;
use crate::api::Reason;
use crate::api::names::CLAIM_TAG;

/// One step towards a new pool. To be asked only when there certainly is none.
pub(super) fn create(facts: &Facts) -> Flow {
    guardrails::one_more(facts)?;
    clocks_agree(facts, || Flow::Continue(()))?;
    if let Some(call) = facts
        .claimed
        .as_ref()
        .and_then(|claimed| sendable(facts, claimed))
    {
        return act(Move::Call(call));
    }
    if !facts.reserved {
        return act(Move::Reserve);
    }
    act(Move::WriteClaim(claim_of(facts, facts.moment.draw)))
}

/// The call, if it may still be sent under this claim.
fn sendable(facts: &Facts, claimed: &Claimed) -> Option<Call> {
    let made = claimed.claim.time()?;
    let in_fence = facts.moment.now <= time::after(made, SEND_FENCE)
        && facts.moment.uptime.saturating_sub(claimed.at) <= SEND_FENCE;
    if claimed.sent || !in_fence || !facts.reserved || !still_on_object(facts, claimed) {
        return None;
    }
    let desired = facts.known_desired()?;
    let mut tags = desired.tags;
    tags.extend(tags_under(facts, &claimed.claim.id.to_string()));
    Some(Call::CreateIdentityPool {
        settings: desired.settings,
        tags,
        signed_at: made,
    })
}

fn still_on_object(facts: &Facts, claimed: &Claimed) -> bool {
    matches!(facts.reading(), claim::Reading::Trusted(claim, _) if claim == claimed.claim)
}

/// The settle window reckons with clocks that are at most this far apart. What was
/// heard of AWS's clock may be old, so it is heard anew before anybody is alarmed.
pub(super) fn clocks_agree<T>(facts: &Facts, then: impl FnOnce() -> Flow<T>) -> Flow<T> {
    let offset = facts.moment.clock_offset.unwrap_or_default();
    if offset.abs() <= MAX_CLOCK_OFFSET {
        return then();
    }
    if facts.searches.is_empty() {
        return act(Move::Search { after: facts.began });
    }
    let which = if offset.is_negative() {
        "ahead of"
    } else {
        "behind"
    };
    hold(
        Reason::ClockSkew,
        format!(
            "The operator's clock is more than {} s {which} that of AWS. No pool is created and none \
             is believed not to exist, because a late call could not be told from a new one. Set the \
             node's clock right.",
            MAX_CLOCK_OFFSET.as_secs()
        ),
    )
}

/// The claim for a pool that exists while the object has lost its own, or the id for
/// a pool that has lost its tag: each is the other's witness.
pub(super) fn claim_for(facts: &Facts, pool: &Observed) -> Claim {
    let is_past =
        |id: &Uuid| claim::time_of(*id).is_some_and(|at: Timestamp| at <= facts.moment.now);
    let of_pool = || {
        pool.tags
            .get(CLAIM_TAG)
            .and_then(|tag| tag.parse().ok())
            .filter(is_past)
    };
    let of_object = match facts.reading() {
        claim::Reading::Trusted(claim, _) => Some(claim.id),
        claim::Reading::Absent | claim::Reading::Void(_) | claim::Reading::Untrusted(_) => None,
    };
    let id = of_object.or_else(of_pool).unwrap_or(facts.moment.draw);
    Claim {
        adopted: facts.took_over(),
        ..claim_of(facts, id)
    }
}

fn claim_of(facts: &Facts, id: Uuid) -> Claim {
    Claim {
        id,
        uid: facts.uid().unwrap_or_default().to_owned(),
        account_id: facts.operator.account_id.clone(),
        region: facts.route.clone(),
        void: None,
        adopted: false,
    }
}

/// The claim under which a pool is taken over.
pub(super) fn adoption_claim(facts: &Facts) -> Claim {
    Claim {
        adopted: true,
        ..claim_of(facts, facts.moment.draw)
    }
}

/// What a refusal, or a call that was never sent, is called in a void claim.
const NOT_SENT: &str = "NotSent";

/// The claim on the object, marked void where this process knows that nothing came of
/// it. Only at the end of a pass: until then the pass may still send under it.
pub(super) fn voided(facts: &Facts) -> Option<Claim> {
    // Where the apiserver does not answer, the next pass tries again.
    let own = facts.memory.own_claim.as_ref()?;
    if own.fate != Fate::Void || facts.trouble.is_some() || !facts.has_finalizer() {
        return None;
    }
    let claim::Reading::Trusted(claim, _) = facts.reading() else {
        return None;
    };
    let refusal = facts
        .failure
        .as_ref()
        .filter(|failure| failure.operation == Operation::CreateIdentityPool);
    let why = refusal.map_or(NOT_SENT, |failure| &failure.code);
    (claim.id == own.id).then(|| Claim {
        void: Some(why.to_owned()),
        ..claim
    })
}

/// The owner's tags as an existing pool shall bear them; its claim tag is history
/// and stays as it is.
pub(super) fn own_tags(facts: &Facts, pool: &Observed) -> Tags {
    match pool.tags.get(CLAIM_TAG) {
        Some(claim) => tags_under(facts, claim),
        None => tags_under(facts, &claim_for(facts, pool).id.to_string()),
    }
}

/// The owner's tags as they are shown of a pool that is not this object's yet: there is
/// no claim whose id could be told, and a new draw each time would be news each time.
pub(super) fn prospective_tags(facts: &Facts) -> Tags {
    tags_under(facts, "(new)")
}

fn tags_under(facts: &Facts, claim: &str) -> Tags {
    ownership::own_tags(&facts.owner(), &facts.source(), claim)
}
