//! A counter-example for a person: one line for each thing that happened.

use stateright::{Model, Path};

use super::actions::Action;
use super::bounds::World;
use super::calm;
use super::rules;
use super::scene::Scene;
use super::state::State;

/// Tells a path that ends where a property does not hold.
pub(crate) fn told(world: &World, path: Path<State, Action>, property: &str) -> String {
    let mut lines = Vec::new();
    let mut state = world.init_states().remove(0);
    for action in path.into_actions() {
        let mut scene = Scene::new(world, state);
        scene.told = Some(Vec::new());
        scene.counts = false;
        scene.perform(action);
        lines.append(&mut scene.told.unwrap_or_default());
        state = scene.state;
    }
    if property == rules::ESR || (property == rules::P1 && rules::broken(&state).is_none()) {
        lines.push("   from here on nothing goes wrong any more".into());
        lines.extend(calm::account(world, &state));
    }
    let pools = state.pools.iter().map(|pool| pool.seen.id.as_str());
    lines.push(format!(
        "   in the end: pools {:?}, object {:?}",
        pools.collect::<Vec<_>>(),
        state.etcd.object.as_ref().map(|now| (now.uid, &now.ready))
    ));
    lines.join("\n")
}
