//! Runs the checker over a scenario.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use stateright::{Checker, HasDiscoveries, Model};

use super::bounds::{Scenario, World};
use super::events::Event;
use super::trace;

/// What came of a run.
pub(crate) struct Run {
    pub(crate) name: &'static str,
    pub(crate) states: usize,
    pub(crate) transitions: usize,
    pub(crate) depth: usize,
    pub(crate) time: Duration,
    /// Moves and facts of the core that differ.
    pub(crate) asked: (usize, usize),
    /// The properties that do not hold, each with a counter-example.
    pub(crate) broken: BTreeMap<&'static str, String>,
    pub(crate) events: Vec<(Event, u64)>,
}

/// Explores all states of a scenario, or until one of these properties is broken.
pub(crate) fn check(scenario: Scenario, until: &[&'static str]) -> Run {
    let began = Instant::now();
    let name = scenario.name;
    let until = if until.is_empty() {
        HasDiscoveries::AllFailures
    } else {
        HasDiscoveries::AnyOf(until.iter().copied().collect())
    };
    let checker = World::new(scenario).checker().threads(2).finish_when(until);
    let checker = checker.spawn_bfs().join();
    let world = checker.model();
    let broken = checker
        .discoveries()
        .into_iter()
        .map(|(property, path)| (property, trace::told(world, path, property)))
        .collect();
    Run {
        name,
        states: checker.unique_state_count(),
        transitions: checker.state_count(),
        depth: checker.max_depth(),
        time: began.elapsed(),
        asked: world.core.asked(),
        broken,
        events: Event::ALL
            .iter()
            .map(|event| (*event, world.events.count(*event)))
            .collect(),
    }
}
