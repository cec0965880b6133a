//! What is proven, and that the proof would notice.

use super::bounds::Scenario;
use super::check::{Run, Table, Until, check};
use super::events::Event;
use super::rules::P1;
use super::scenarios;

/// States that CI explores at least.
const STATES: usize = 2_000_000;

fn explore(scenarios: Vec<Scenario>, shows: bool) -> Vec<Run> {
    let mut runs = Vec::new();
    for scenario in scenarios {
        runs.push(check(scenario, Until::Explored, shows));
    }
    println!("{}", Table(&runs));
    for (property, trace) in runs.iter().flat_map(|run| &run.broken) {
        println!("{property}: not so\n{trace}\n");
    }
    runs
}

fn holds(runs: &[Run]) {
    let broken: Vec<_> = runs.iter().flat_map(|run| run.broken.keys()).collect();
    assert!(broken.is_empty(), "{broken:?}: see the traces above");
}

#[test]
fn whatever_happens_there_is_one_pool_and_all_ends_well() {
    let runs = explore(scenarios::bounded(), false);
    holds(&runs);
    let table = Table(&runs);
    assert!(table.states() >= STATES, "only {} states", table.states());
    for event in Event::ALL {
        assert!(table.count(*event) > 0, "never: {}", event.text());
    }
}

#[test]
fn a_protocol_with_a_part_left_out_is_refuted() {
    for (scenario, property) in scenarios::mutants() {
        let name = scenario.name;
        let run = check(scenario, Until::Broken(property), false);
        let trace = run.broken.get(property);
        let trace = trace.unwrap_or_else(|| panic!("{name}: survives {} states", run.states));
        println!(
            "{name} breaks {property}, found in {} states\n{trace}\n",
            run.states
        );
    }
}

#[test]
#[ignore = "a minute more: make model-check"]
fn the_fence_and_the_signature_stand_in_for_each_other() {
    holds(&explore(scenarios::spare_parts(), true));
}

#[test]
fn what_the_design_leaves_open_makes_two_pools_and_breaks_nothing_else() {
    for scenario in scenarios::open_risks() {
        let name = scenario.name;
        let run = check(scenario, Until::Explored, false);
        println!("{name}, {} states:", run.states);
        for (property, trace) in &run.broken {
            println!("{property}: not so\n{trace}\n");
        }
        let broken: Vec<_> = run.broken.keys().copied().collect();
        assert_eq!(broken, [P1], "{name}");
    }
}

#[test]
#[ignore = "many minutes: make model-check"]
fn the_large_bound() {
    holds(&explore(scenarios::large(), true));
}
