//! What becomes of an object whose class denies what it asks for: nothing is written, or its pool
//! loses its roles, so that nobody gets credentials through it.

use super::access::RoleSet;
use super::call::Call;
use super::facts::Facts;
use super::guardrails;
use super::locate::{self, Located};
use super::moves::Move;
use super::next::{self, Flow, act, hold};
use crate::api::OnRevocation;

/// Holds an object back that its class denies something.
pub(super) fn denied(facts: &Facts) -> Flow {
    let Some((reason, sentence)) = guardrails::denied(facts) else {
        return Flow::Continue(());
    };
    stripped(facts)?;
    let more = if has_stripped(facts) || has_no_roles(facts) {
        " Its pool has no roles any more (the class's onRevocation is StripRoles)."
    } else {
        ""
    };
    hold(reason, format!("{sentence}{more}"))
}

/// Clears the roles of a pool that is on record, where the class wants that.
fn stripped(facts: &Facts) -> Flow {
    let strips = facts
        .membership
        .class()
        .is_some_and(|class| class.on_revocation == OnRevocation::StripRoles);
    if !strips || facts.only_plans() || facts.recorded().is_none() || has_stripped(facts) {
        return Flow::Continue(());
    }
    next::aws_failed(facts)?;
    let Located::Pool(pool) = locate::locate(facts)? else {
        return Flow::Continue(());
    };
    let id = || pool.id.clone();
    match facts.roles.get(&pool.id) {
        None => return act(Move::Call(Call::GetIdentityPoolRoles { id: id() })),
        Some((set, _)) if *set == RoleSet::default() => return Flow::Continue(()),
        Some(_) => {}
    }
    next::ready_to_write(facts, &pool.id)?;
    let set = RoleSet::default();
    act(Move::Call(Call::SetIdentityPoolRoles { id: id(), set }))
}

/// Whether a look at the roles of the pool, for which the class asks, showed none.
fn has_no_roles(facts: &Facts) -> bool {
    let roles = next::located(facts).and_then(|pool| facts.roles.get(&pool.id));
    roles.is_some_and(|(set, _)| *set == RoleSet::default())
}

/// Whether this pass has cleared the roles of a pool that its class denies something.
pub(super) fn has_stripped(facts: &Facts) -> bool {
    let cleared = facts.asked.roles.as_ref() == Some(&RoleSet::default());
    cleared && guardrails::denied(facts).is_some()
}
