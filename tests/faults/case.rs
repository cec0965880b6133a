//! Plays cases side by side, judges each by the same oracles, and says how to repeat the one that
//! fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};
use tokio::task::JoinError;

use crate::table::{Outcome, Report};
use crate::world::{Stage, World};

/// Cases after which a line tells how far it is.
const MANY: usize = 1_000;

/// Worlds at once. Most of a case is waiting, for the settle window and for pauses.
const SIDE_BY_SIDE: usize = 40;

type Play = Box<dyn FnOnce(Arc<World>) -> BoxFuture<'static, Played> + Send>;

/// One thing that goes wrong in one workload.
pub(crate) struct Case {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) stage: Stage,
    pub(crate) play: Play,
}

/// What came of it, where nothing was amiss.
#[derive(Debug, Default)]
pub(crate) struct Played {
    /// From the end of the fault to the end of the workload.
    pub(crate) recovered: Duration,
    /// Whether there was an occasion for the fault.
    pub(crate) met: bool,
}

impl Case {
    pub(crate) fn new<F>(
        kind: &'static str,
        name: String,
        stage: Stage,
        play: impl FnOnce(Arc<World>) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Played> + Send + 'static,
    {
        let play = Box::new(|world| Box::pin(play(world)) as BoxFuture<'static, Played>);
        Self {
            kind,
            name,
            stage,
            play,
        }
    }
}

/// The cases that are chosen; the whole name of one chooses only that.
pub(crate) fn choose(mut cases: Vec<Case>, chosen: Option<&str>) -> Vec<Case> {
    if cases.iter().any(|case| Some(case.name.as_str()) == chosen) {
        cases.retain(|case| Some(case.name.as_str()) == chosen);
    } else {
        cases.retain(|case| chosen.is_none_or(|chosen| case.name.contains(chosen)));
    }
    cases
}

/// Plays cases side by side.
pub(crate) async fn play(cases: impl Iterator<Item = Case>) -> Report {
    let begun = Instant::now();
    let mut outcomes = stream::iter(cases)
        .map(attempt)
        .buffer_unordered(SIDE_BY_SIDE);
    let mut report = Report::default();
    while let Some(outcome) = outcomes.next().await {
        if let Some(why) = &outcome.failed {
            let name = &outcome.name;
            println!(
                "FAILED {name}: {why}\n  to repeat it: cargo test --test faults -- '{name}'\n"
            );
        }
        report.add(outcome);
        if report.cases().is_multiple_of(MANY) {
            let (cases, took) = (report.cases(), begun.elapsed());
            println!("{cases} cases in {took:.0?}, {} failed", report.failed());
        }
    }
    report.took = begun.elapsed();
    report
}

async fn attempt(case: Case) -> Outcome {
    let Case {
        kind,
        name,
        stage,
        play,
    } = case;
    let outcome = |played, broken: Vec<String>, world: Option<&World>| Outcome {
        kind,
        name: name.clone(),
        created: world.map_or(0, |world| world.rig.fake.executed("CreateIdentityPool")),
        played,
        failed: (!broken.is_empty()).then(|| {
            let trace = world.map(World::trace).unwrap_or_default();
            format!("{}\n{trace}", broken.join("\n  "))
        }),
        broken,
    };
    let world = match tokio::spawn(World::new(stage)).await {
        Ok(world) => world,
        Err(error) => return outcome(Played::default(), said(error), None),
    };
    let played = tokio::spawn(play(Arc::clone(&world))).await;
    world.end();
    let mut broken = [world.rig.fake.violations(), world.oracle.broken()].concat();
    let played = played.unwrap_or_else(|error| {
        broken.extend(said(error));
        Played::default()
    });
    outcome(played, broken, Some(&world))
}

/// The words of a panic.
fn said(error: JoinError) -> Vec<String> {
    let panic = error.try_into_panic().ok();
    let text = panic.map(|panic| match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic
            .downcast::<&str>()
            .map(|text| (*text).to_owned())
            .unwrap_or_default(),
    });
    text.into_iter().collect()
}
