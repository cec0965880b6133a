//! Runs the checker over a scenario, and tells what came of it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use stateright::report::{ReportData, ReportDiscovery, Reporter};
use stateright::{Checker, HasDiscoveries, Model};

use super::bounds::{Scenario, World};
use super::events::Event;
use super::trace;

/// What came of a run.
pub(crate) struct Run {
    name: &'static str,
    pub(crate) states: usize,
    transitions: usize,
    depth: usize,
    time: Duration,
    /// Moves of the core, and facts it was asked about.
    asked: (usize, usize),
    /// The properties that do not hold, each with a counter-example.
    pub(crate) broken: BTreeMap<&'static str, String>,
    events: Vec<(Event, u64)>,
}

/// How far to go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Until {
    /// All states are explored.
    Explored,
    /// This property is broken; the way to it is one of the shortest.
    Broken(&'static str),
}

/// Explores a scenario. `shows` its progress, where that is worth a line now and then.
pub(crate) fn check(scenario: Scenario, until: Until, shows: bool) -> Run {
    let began = Instant::now();
    let name = scenario.name;
    let (threads, until) = match until {
        Until::Explored => (2, HasDiscoveries::AllFailures),
        Until::Broken(property) => (1, HasDiscoveries::AnyOf([property].into())),
    };
    let world = World::new(scenario);
    let checker = world
        .checker()
        .threads(threads)
        .finish_when(until)
        .spawn_bfs();
    let checker = if shows {
        println!("{name}");
        checker.join_and_report(&mut Progress)
    } else {
        checker.join()
    };
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

/// A line now and then.
struct Progress;

impl Reporter<World> for Progress {
    fn report_checking(&mut self, data: ReportData) {
        if !data.done {
            println!(
                "  {:>5.0} s: {:>11} states, depth {}",
                data.duration.as_secs_f64(),
                data.unique_states,
                data.max_depth
            );
        }
    }

    fn report_discoveries(&mut self, _: &World, _: BTreeMap<&'static str, ReportDiscovery<World>>) {
    }

    fn delay(&self) -> Duration {
        Duration::from_secs(10)
    }
}

/// The runs as a table, with what happened in them.
pub(crate) struct Table<'a>(pub(crate) &'a [Run]);

impl Table<'_> {
    pub(crate) fn states(&self) -> usize {
        self.0.iter().map(|run| run.states).sum()
    }

    /// How often something happened in all runs together.
    pub(crate) fn count(&self, event: Event) -> u64 {
        let runs = self.0.iter().flat_map(|run| &run.events);
        let counts = runs.filter(|(of, _)| *of == event);
        counts.map(|(_, count)| count).sum()
    }

    fn row(f: &mut fmt::Formatter<'_>, name: &str, of: [usize; 5], time: f64) -> fmt::Result {
        let [states, transitions, depth, moves, facts] = of;
        writeln!(
            f,
            "| {name:<84} | {states:>9} | {transitions:>11} | {depth:>5} | {moves:>9} | {facts:>9} | {time:>6.1} |"
        )
    }
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| {:<84} | {:>9} | {:>11} | {:>5} | {:>9} | {:>9} | {:>6} |",
            "scenario", "states", "transitions", "depth", "moves", "facts", "s"
        )?;
        for run in self.0 {
            let (moves, facts) = run.asked;
            let of = [run.states, run.transitions, run.depth, moves, facts];
            Self::row(f, run.name, of, run.time.as_secs_f64())?;
        }
        let sum = |of: fn(&Run) -> usize| self.0.iter().map(of).sum::<usize>();
        let all = [
            self.states(),
            sum(|run| run.transitions),
            self.0.iter().map(|run| run.depth).max().unwrap_or_default(),
            sum(|run| run.asked.0),
            sum(|run| run.asked.1),
        ];
        let time = self.0.iter().map(|run| run.time.as_secs_f64()).sum();
        Self::row(f, "all", all, time)?;
        for event in Event::ALL {
            writeln!(f, "{:>10} × {}", self.count(*event), event.text())?;
        }
        Ok(())
    }
}
