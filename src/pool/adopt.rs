//! A pool that is not this object's yet: one that the spec names, or the one that an
//! earlier object of the same namespace and name left behind.
//!
//! Asked only where the object certainly has no pool of its own. A pool with another
//! owner is never taken, unless that owner was an earlier object of this namespace and name. Nothing is changed before a person has agreed: by `overwrite`,
//! or by `previous: true`.

use super::call::Call;
use super::facts::{Facts, Look};
use super::guardrails;
use super::moves::{Move, Which};
use super::next::{Flow, act, hold};
use super::ownership::{self, Ownership};
use super::settings::{Observed, PoolId};
use crate::api::names::{OWNER_TAG, SOURCE_TAG};
use crate::api::{Adopt, Reason};

/// The pool to take over, if there is one; a hold where a person has to decide.
pub(super) fn candidate(facts: &Facts) -> Flow<Option<&Observed>> {
    let found = wanted(facts)?;
    if let Some(pool) = found {
        guardrails::this_adoption(facts, pool)?;
    }
    Flow::Continue(found)
}

fn wanted(facts: &Facts) -> Flow<Option<&Observed>> {
    let adopt = facts.adopt();
    let Adopt {
        identity_pool_id,
        identity_pool_name,
        previous,
        overwrite: _,
    } = adopt;
    if let Some(id) = identity_pool_id {
        allowed(facts)?;
        return named(facts, &PoolId::new(id));
    }
    if let Some(name) = identity_pool_name {
        allowed(facts)?;
        return named(facts, &only(facts, &name)?);
    }
    if previous == Some(false) {
        return Flow::Continue(None);
    }
    predecessor(facts, previous == Some(true))
}

/// Whether a person has agreed to what taking over changes.
pub(super) fn is_confirmed(facts: &Facts) -> bool {
    let adopt = facts.adopt();
    adopt.overwrite == Some(true) || adopt.previous == Some(true)
}

/// A class has its own word on it, for its objects instead of the operator's.
fn allowed(facts: &Facts) -> Flow {
    if facts.membership.class().is_some() {
        return guardrails::some_adoption(facts);
    }
    if facts.operator.allows_adoption {
        return Flow::Continue(());
    }
    hold(
        Reason::AdoptionNotAllowed,
        "spec.adopt names a pool, but the operator does not take over pools that it did not make. Run \
         it with --allow-adoption, or remove spec.adopt to have a new pool made.",
    )
}

/// The one pool of a name.
fn only(facts: &Facts, name: &str) -> Flow<PoolId> {
    let Some(found) = facts.named.as_deref() else {
        let which = Which::All { after: facts.began };
        return act(Move::FindByName {
            name: name.to_owned(),
            which,
        });
    };
    match found {
        [id] => Flow::Continue(id.clone()),
        [] => hold(
            Reason::AdoptionTargetMissing,
            format!(
                "spec.adopt.identityPoolName is {name:?}, but no pool in region {} has that name. \
                 Correct it, or remove spec.adopt to have a new pool made.",
                facts.region()
            ),
        ),
        several => hold(
            Reason::AdoptionAmbiguous,
            format!(
                "spec.adopt.identityPoolName is {name:?}, and {} pools have that name: {}. Set \
                 spec.adopt.identityPoolId to one of them.",
                several.len(),
                list(several)
            ),
        ),
    }
}

/// A pool that the spec names, unless it is somebody's.
fn named<'a>(facts: &'a Facts, id: &PoolId) -> Flow<Option<&'a Observed>> {
    let pool = match facts.look(id) {
        None => return act(Move::Call(Call::DescribeIdentityPool { id: id.clone() })),
        Some(Look::Found(pool, _)) => pool,
        Some(Look::Gone) => return hold(Reason::AdoptionTargetMissing, missing(facts, id)),
    };
    match ownership::verdict(&pool.tags, &facts.owner()) {
        Ownership::Ours | Ownership::Nobody => Flow::Continue(Some(pool)),
        // Its owner is no more, and a person has chosen it among several.
        Ownership::Other(_) if is_predecessor(facts, pool) => Flow::Continue(Some(pool)),
        Ownership::Other(owner) => hold(
            Reason::ForeignOwner,
            format!(
                "spec.adopt leads to pool {id}, which belongs to {}. Nothing is written to it. If that \
                 owner is no more, remove its tag {OWNER_TAG} from the pool.",
                ownership::described(&pool.tags, owner, &facts.operator.installation)
            ),
        ),
    }
}

/// The region stands in every id, so one of another region cannot be found in this.
fn missing(facts: &Facts, id: &PoolId) -> String {
    let ours = facts.region();
    match id.as_str().split_once(':') {
        Some((theirs, _)) if theirs != ours => format!(
            "spec.adopt leads to pool {id}, which by its id is in region {theirs}, but this object is \
             in {ours}. Set spec.region to {theirs}, or correct the id."
        ),
        _ => format!(
            "spec.adopt leads to pool {id}, which is not there. Correct it, or remove spec.adopt to \
             have a new pool made."
        ),
    }
}

/// The pool that an earlier object of this namespace and name left: it has our
/// installation and source, and an owner that is no more, or this object would not be.
fn predecessor(facts: &Facts, wanted: bool) -> Flow<Option<&Observed>> {
    // The name never comes from elsewhere, so it is known while other values are missing.
    let Some(desired) = facts.known_desired() else {
        return Flow::Continue(None);
    };
    let Some(same_name) = facts.named.as_deref() else {
        return act(Move::FindByName {
            name: desired.settings.identity_pool_name,
            which: Which::Unrecorded,
        });
    };
    let mut found = Vec::new();
    for id in same_name {
        match facts.look(id) {
            None => return act(Move::Call(Call::DescribeIdentityPool { id: id.clone() })),
            Some(Look::Found(pool, _)) if is_predecessor(facts, pool) => found.push(&**pool),
            Some(Look::Found(..) | Look::Gone) => {}
        }
    }
    match found[..] {
        [] => Flow::Continue(None),
        [pool] if wanted => Flow::Continue(Some(pool)),
        _ => hold(Reason::PreviousPoolFound, left_behind(facts, &found)),
    }
}

fn is_predecessor(facts: &Facts, pool: &Observed) -> bool {
    let owner = pool.tags.get(OWNER_TAG).map(String::as_str);
    let installed = owner
        .and_then(|owner| owner.split_once('/'))
        .is_some_and(|(installation, _)| installation == facts.operator.installation);
    installed
        && owner != Some(facts.owner().as_str())
        && pool.tags.get(SOURCE_TAG) == Some(&facts.source())
}

fn left_behind(facts: &Facts, found: &[&Observed]) -> String {
    let ids: Vec<PoolId> = found.iter().map(|pool| pool.id.clone()).collect();
    let source = facts.source();
    if let [id] = &ids[..] {
        return format!(
            "Pool {id} was left by an earlier object {source}. Set spec.adopt.previous to true to take \
             it with its identities, or to false to have a new pool made. Roles may trust the old id: \
             take it only if this object is the same application."
        );
    }
    let flag = if facts.operator.allows_adoption {
        ""
    } else {
        " (which needs the operator's --allow-adoption)"
    };
    format!(
        "{} pools were left by earlier objects {source}: {}. None is taken. Set \
         spec.adopt.identityPoolId to one{flag}, or spec.adopt.previous to false to have a new pool \
         made.",
        ids.len(),
        list(&ids)
    )
}

fn list(ids: &[PoolId]) -> String {
    let ids: Vec<&str> = ids.iter().map(PoolId::as_str).collect();
    ids.join(", ")
}
