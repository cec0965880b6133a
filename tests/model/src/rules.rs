//! What has to hold in every state.
//!
//! P1: at most one living pool for each object. P3: no pool is left when its object is gone, and
//! no finalizer is dropped from another object. P4: no write to a pool that is not ours. P12: no
//! pool is made without a claim on record, nor twice under one. ESR: from here, once nothing goes
//! wrong any more, all ends well and stays so.

use std::sync::atomic::Ordering;

use stateright::Property;

use super::bounds::World;
use super::calm;
use super::state::{Breach, State};

pub(crate) const P1: &str = "P1 at most one living pool for each object";
pub(crate) const P3: &str = "P3 no pool outlives its object, no finalizer is dropped from another";
pub(crate) const P4: &str = "P4 no write to a pool that is not ours";
pub(crate) const P12: &str = "P12 no pool without a claim, nor two under one";
pub(crate) const ESR: &str = "ESR once trouble ends, all ends well and stays so";

pub(crate) const ALL: [&str; 5] = [P1, P3, P4, P12, ESR];

pub(crate) fn properties() -> Vec<Property<World>> {
    vec![
        Property::always(P1, |world, state| {
            // Time has no bound there, so a second pool may come up only then.
            let so = one_pool_each(state) && calm::breaks(world, state) != Some(P1);
            holds(world, P1, so)
        }),
        Property::always(P3, |world, state| {
            holds(world, P3, nothing_left_behind(state))
        }),
        Property::always(P4, |world, state| {
            holds(world, P4, nothing_foreign_touched(state))
        }),
        Property::always(P12, |world, state| {
            holds(world, P12, every_call_claimed(state))
        }),
        Property::always(ESR, |world, state| {
            let told_apart = broken(state).is_some();
            let so = told_apart || matches!(calm::breaks(world, state), None | Some(P1));
            holds(world, ESR, so)
        }),
    ]
}

/// Only the first counter-example is told: the checker keeps the last, and the first is the
/// shortest.
fn holds(world: &World, property: &str, so: bool) -> bool {
    let place = ALL.iter().position(|name| *name == property);
    so || place.is_none_or(|place| world.broken[place].swap(true, Ordering::Relaxed))
}

/// A property of safety, and whether a state has it.
type Rule = (&'static str, fn(&State) -> bool);

/// The property of safety that a state breaks.
pub(crate) fn broken(state: &State) -> Option<&'static str> {
    let rules: [Rule; 4] = [
        (P1, one_pool_each),
        (P3, nothing_left_behind),
        (P4, nothing_foreign_touched),
        (P12, every_call_claimed),
    ];
    let broken = rules.into_iter().find(|(_, holds)| !holds(state));
    broken.map(|(name, _)| name)
}

fn one_pool_each(state: &State) -> bool {
    (1..=state.uids).all(|uid| state.pools_of(uid).count() <= 1)
}

fn nothing_left_behind(state: &State) -> bool {
    let present = state.etcd.object.as_ref().map(|object| object.uid);
    let gone = (1..=state.uids).filter(|uid| Some(*uid) != present && !state.is_orphaned(*uid));
    let mut left = gone.filter(|uid| state.pools_of(*uid).next().is_some());
    left.next().is_none() && !state.breaches.has(Breach::ForeignFinalizer)
}

fn nothing_foreign_touched(state: &State) -> bool {
    let breaches = [
        Breach::ForeignWrite,
        Breach::LivingDeleted,
        Breach::LostOwnerTag,
    ];
    !breaches
        .into_iter()
        .any(|breach| state.breaches.has(breach))
}

fn every_call_claimed(state: &State) -> bool {
    !state.breaches.has(Breach::NoClaim) && !state.breaches.has(Breach::ClaimUsedTwice)
}
