//! Taking leave: what happens to the pool when its object goes.
//!
//! The finalizer goes last. `Retain` always lets go, whatever state AWS is in. Any
//! other policy first makes sure that no pool of ours is left, with the same rules
//! for "there is none" as a creation, and deletes only what a fresh look shows to
//! be ours, for an object that a fresh read shows to be going.
//! Waiting for the request budget comes before those looks, or they would be old when
//! it is over.

use super::call::Call;
use super::facts::Facts;
use super::guardrails;
use super::locate::{self, Located};
use super::moves::Move;
use super::next::{self, Flow, Verdict, act, conclude, hold};
use super::settings::Observed;
use crate::api::{DeletionPolicy, Reason};

/// One step of a deletion.
pub(super) fn delete(facts: &Facts) -> Flow {
    if !facts.has_finalizer() {
        return conclude(Verdict::Released);
    }
    if facts.deletion_policy() == DeletionPolicy::Retain {
        return act(Move::DropFinalizer);
    }
    not_suspended(facts)?;
    next::barred(facts)?;
    next::elsewhere(facts)?;
    next::aws_failed(facts)?;
    if facts.deleted {
        return act(Move::DropFinalizer);
    }
    match locate::locate(facts)? {
        Located::Nowhere | Located::Gone(_) => act(Move::DropFinalizer),
        Located::Pool(pool) => {
            guardrails::some_deletion(facts)?;
            empty_enough(facts, pool)?;
            fresh(facts, pool)
        }
    }
}

/// The apiserver removes an object although it has a finalizer, when its deletion began
/// before the finalizer came and ends after it. A pool that was made for it in this very
/// pass, and whose id never came on record, is nobody's, and goes as the policy says.
pub(super) fn unpublished(facts: &Facts) -> Flow {
    let (Some(object), Some(pool)) = (&facts.lost, facts.unpublished()) else {
        return Flow::Continue(());
    };
    let policy = object.spec.deletion_policy;
    let policy = policy.or_else(|| facts.membership.deletion_policy());
    if policy == Some(DeletionPolicy::Retain) || facts.failure.is_some() {
        return Flow::Continue(());
    }
    if policy != Some(DeletionPolicy::Delete) {
        match facts.has_identities {
            None => {
                let id = pool.id.clone();
                return act(Move::Call(Call::ListIdentities { id }));
            }
            Some(true) => return Flow::Continue(()),
            Some(false) => {}
        }
    }
    let looked_at = next::ready_to_write(facts, &pool.id)?;
    act(Move::Call(Call::DeleteIdentityPool {
        id: pool.id.clone(),
        signed_at: looked_at,
    }))
}

fn not_suspended(facts: &Facts) -> Flow {
    let policy = match (facts.is_suspended(), facts.only_plans()) {
        (false, false) => return Flow::Continue(()),
        (true, _) => "Suspend",
        (_, true) => "Plan",
    };
    hold(
        Reason::DeletionSuspended,
        format!(
            "The object is being deleted, but spec.managementPolicy is {policy}, so the pool is not \
             touched. Set it to Manage, or set spec.deletionPolicy to Retain to keep the pool."
        ),
    )
}

fn empty_enough(facts: &Facts, pool: &Observed) -> Flow {
    if facts.deletion_policy() == DeletionPolicy::Delete {
        return Flow::Continue(());
    }
    match facts.has_identities {
        None => act(Move::Call(Call::ListIdentities {
            id: pool.id.clone(),
        })),
        Some(false) => Flow::Continue(()),
        Some(true) => hold(
            Reason::PoolNotEmpty,
            format!(
                "Pool {} has issued identities, which cannot be recovered once it is deleted. Set \
                 spec.deletionPolicy to Delete to lose them, or to Retain to keep the pool.",
                pool.id
            ),
        ),
    }
}

/// The deletion rests on a read of the object and a look at the pool, and is
/// signed with the older of the two, so that AWS refuses it when it comes late.
fn fresh(facts: &Facts, pool: &Observed) -> Flow {
    let looked_at = next::ready_to_write(facts, &pool.id)?;
    match facts.read_at.filter(|at| next::is_recent(facts, *at)) {
        None => act(Move::ReadObject),
        Some(read_at) => act(Move::Call(Call::DeleteIdentityPool {
            id: pool.id.clone(),
            signed_at: read_at.min(looked_at),
        })),
    }
}
