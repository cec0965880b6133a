//! Plays cases side by side, judges each by the same oracles, and says how to repeat the one that
//! fails.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};

use crate::table::{Outcome, Report};
use crate::world::{Stage, World};

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
    }
    report.took = begun.elapsed();
    report
}

async fn attempt(case: Case) -> Outcome {
    let world = World::new(case.stage).await;
    let played = tokio::spawn((case.play)(Arc::clone(&world))).await;
    world.end();
    let mut broken = world.rig.fake.violations();
    broken.extend(world.oracle.broken());
    let played = match played {
        Ok(played) => played,
        Err(error) => {
            broken.extend(error.try_into_panic().ok().map(|panic| said(&*panic)));
            Played::default()
        }
    };
    let failed = (!broken.is_empty()).then(|| {
        let all = broken.join("\n  ");
        format!("{all}\n{}", world.trace())
    });
    Outcome {
        kind: case.kind,
        name: case.name,
        created: world.rig.fake.executed("CreateIdentityPool"),
        played,
        broken,
        failed,
    }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default()
}
