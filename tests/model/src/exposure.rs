//! The residual risks of the design, as the checker understands them. After a restore, or once
//! the claim was stripped, nothing on the object may tell of a creation. Then two pools can come
//! of it, if
//!
//! - the call may still take effect, or no list shows its pool yet, and another than the process
//!   that sent it acts, because that one is gone or does not act alone;
//! - another process is in the middle of a pass that began before the restore, and etcd goes back to
//!   the very version that this pass rests on, or to when the object was new, as which it takes it.

use identity_pool_operator::pool::memory::{Arrival, Fate, Memory};
use uuid::Uuid;

use super::bounds::World;
use super::etcd::Object;
use super::process::creates;
use super::state::{Process, State};

/// Whether a state is one of those.
pub(crate) fn is_exposed(world: &World, state: &State) -> bool {
    let Some(object) = state.etcd.object.as_deref() else {
        return false;
    };
    hides_a_call(state, object)
        || state.processes.len() > 1 && {
            let mut processes = 0..state.processes.len();
            processes.any(|process| is_about_to_send(world, state, object, process))
                || pass_from_before(state, object)
        }
}

fn hides_a_call(state: &State, object: &Object) -> bool {
    let uncovered =
        |claim: Uuid| object.claim != Some(claim) && !sender_alone(state, object, claim);
    let mut calls = state.wire.iter().filter(|call| call.uid == object.uid);
    let mut hidden = state.pools_of(object.uid).filter(|pool| {
        let recorded = object.pool.as_deref() == Some(pool.seen.id.as_str());
        !pool.is_listed() && !recorded
    });
    calls.any(|call| call.outcome.is_none() && call.claim().is_some_and(uncovered))
        || hidden.any(|pool| pool.claim().is_some_and(uncovered))
}

/// The only process there is remembers the call.
fn sender_alone(state: &State, object: &Object, claim: Uuid) -> bool {
    let [process] = &state.processes[..] else {
        return false;
    };
    let remembers = |memory: &Memory| {
        let own = memory.own_claim.as_ref();
        own.is_some_and(|own| own.id == claim && own.fate != Fate::Void)
    };
    let pass = process.pass.as_ref();
    let waits = pass.is_some_and(|pass| pass.waits.is_some() || remembers(&pass.facts.memory));
    let known = process.known.get(&object.uid);
    waits || known.is_some_and(|known| remembers(&known.memory))
}

/// A process has written a claim that is on the object no more, and goes on to send under it.
fn is_about_to_send(world: &World, state: &State, object: &Object, process: usize) -> bool {
    let Some(pass) = &state.processes[process].pass else {
        return false;
    };
    pass.object.uid == object.uid
        && pass.object.claim != object.claim
        && pass.waits.is_none()
        && creates(&world.asked(state, process))
}

/// A pass is under way that would begin a creation on what it saw before etcd went back: it
/// still takes the object for new, or has searched already and its write will find the version
/// that it rests on.
fn pass_from_before(state: &State, object: &Object) -> bool {
    let looks_new = !object.held && object.claim.is_none();
    let goes_on = |process: &Process| {
        let pass = process
            .pass
            .as_ref()
            .filter(|pass| pass.object.uid == object.uid);
        pass.is_some_and(|pass| {
            let memory = &pass.facts.memory;
            let takes_for_new = memory.arrival == Arrival::Event && !memory.handled;
            looks_new && takes_for_new || pass.object.version == object.version
        })
    };
    let touched = state.records.iter().any(|record| record.uid == object.uid);
    touched && state.processes.iter().any(goes_on)
}
