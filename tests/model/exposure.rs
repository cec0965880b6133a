//! The residual risk of the design, as the checker understands it: a create call that may
//! still take effect, or whose pool no list shows yet, while nothing on the object tells of it
//! and it is not the sender alone who acts.

use identity_pool_operator::pool::memory::Fate;
use uuid::Uuid;

use super::etcd::Object;
use super::print::Printed;
use super::process::creates;
use super::bounds::World;
use super::state::State;

/// What is left of the object.
pub(crate) struct Left<'a> {
    pub(crate) object: Option<&'a Printed<Object>>,
    pub(crate) claim: Option<Uuid>,
}

/// Whether a creation is in doubt of which nothing that is left tells.
pub(crate) fn is_exposed(world: &World, state: &State, left: &Left) -> bool {
    let Some(object) = left.object else {
        return false;
    };
    let uncovered = |claim: Uuid| left.claim != Some(claim) && !sender_alone(state, object, claim);
    let mut under_way = state.wire.iter().filter(|call| call.uid == object.uid);
    let in_flight = under_way.any(|call| call.claim().is_some_and(uncovered));
    let mut hidden = state.pools_of(object.uid).filter(|pool| !pool.is_listed());
    let hidden = hidden.any(|pool| {
        let recorded = object.pool.as_deref() == Some(pool.seen.id.as_str());
        !recorded && pool.claim().is_some_and(uncovered)
    });
    in_flight || hidden || (0..state.processes.len()).any(|process| about_to_send(world, state, process, left))
}

/// A process has written a claim and goes on to send under it.
fn about_to_send(world: &World, state: &State, process: usize, left: &Left) -> bool {
    let Some(pass) = &state.processes[process].pass else {
        return false;
    };
    let of_object = left.object.is_some_and(|object| object.uid == pass.object.uid);
    if !of_object || pass.waits.is_some() || !creates(&world.asked(state, process)) {
        return false;
    }
    state.processes.len() > 1 && pass.object.claim != left.claim
}

/// The only process remembers the call.
fn sender_alone(state: &State, object: &Object, claim: Uuid) -> bool {
    let [process] = &state.processes[..] else {
        return false;
    };
    let remembers = |memory: &identity_pool_operator::pool::memory::Memory| {
        let own = memory.own_claim.as_ref();
        own.is_some_and(|own| own.id == claim && own.fate != Fate::Void)
    };
    let between = process.known.get(&object.uid);
    let in_pass = process.pass.as_ref();
    in_pass.is_some_and(|pass| pass.waits.is_some() || remembers(&pass.facts.memory))
        || between.is_some_and(|known| remembers(&known.memory))
}
