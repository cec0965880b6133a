//! How long a start takes, and what a restart over many pools costs.
//!
//! A restart has come to a steady state when each object has had a pass and none is
//! under way.

use std::time::{Duration, Instant};

use crate::case::Bench;
use crate::creation::{self, Load};
use crate::row::Row;
use crate::scene::Scene;
use crate::tally::{Tally, sum};
use crate::{Outcome, real};

/// So long a period that hardly a look falls due while a restart is watched: turns
/// are anywhere in it, some at its very beginning, and are counted apart.
const NO_LOOKS: &str = "--resync-period-seconds=86400";
/// A restart that takes longer is broken.
const LIMIT: Duration = Duration::from_secs(60);

/// A start in a namespace with one object, which is Ready.
pub(crate) async fn start_rows(bench: &Bench<'_>) -> Outcome<Vec<Row>> {
    let (mut ready, mut passed) = (Vec::new(), Vec::new());
    for _ in 0..bench.runs {
        let mut scene = Scene::operated(bench.plane, bench.binary, Duration::ZERO).await?;
        creation::run(&scene, Load::of(1), None).await?;
        scene.operator = None;
        let begun = Instant::now();
        scene.operate(&[]).await?;
        ready.push(millis(begun));
        until_steady(&scene, 1).await?;
        passed.push(millis(begun));
    }
    Ok(vec![
        Row::new("process start to ready, one object", "ms", ready),
        Row::new("process start to the end of the first pass", "ms", passed).at_most(200.0),
    ])
}

/// Restarts over so many pools.
pub(crate) async fn rows(bench: &Bench<'_>, count: usize) -> Outcome<Vec<Row>> {
    eprintln!("restarts with {count} pools");
    let mut scene = Scene::operated(bench.plane, bench.binary, Duration::ZERO).await?;
    creation::run(&scene, Load::of(count), None).await?;
    let (mut ready, mut steady, mut spent) = (vec![], vec![], vec![]);
    for _ in 0..bench.runs {
        Tally::at_rest(&scene).await;
        scene.operator = None;
        scene.fake.reset_journal();
        let begun = Instant::now();
        scene.operate(&[NO_LOOKS]).await?;
        ready.push(millis(begun));
        until_steady(&scene, count).await?;
        steady.push(millis(begun));
        spent.push(Tally::at_rest(&scene).await);
    }
    let pages = count.div_ceil(60);
    let of = |value: fn(&Tally) -> usize| spent.iter().map(value).map(real);
    Ok(vec![
        Row::new("process start to ready", "ms", ready),
        Row::new("process start to steady state", "ms", steady).at_most(5000.0),
        Row::new(
            "AWS calls, looks apart",
            "",
            of(|all| all.all_calls() - all.looks()),
        )
        .at_most(real(pages + 1)),
        Row::new("looks that fell due", "", of(Tally::looks)),
        Row::new("apiserver writes", "", of(|all| all.writes)).exactly(0.0),
    ])
}

async fn until_steady(scene: &Scene, count: usize) -> Outcome<()> {
    let begun = Instant::now();
    while begun.elapsed() < LIMIT {
        let operator = scene.operator.as_ref().ok_or("there is no operator")?;
        let page = operator.metrics().await;
        if sum(&page, "reconcile_total", "") >= count && sum(&page, "reconcile_in_flight", "") == 0
        {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Err("the operator did not come to rest after its restart".into())
}

fn millis(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1000.0
}
