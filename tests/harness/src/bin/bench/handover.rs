//! How long nobody works when the leader goes: asked to stop, or killed.

use std::path::Path;
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use harness::operator::{Operator, Signal};
use harness::scratch::Scratch;

use crate::Outcome;
use crate::case::Bench;
use crate::row::Row;
use crate::scene::Scene;

/// Pairs of replicas, each measured once in each way.
const PAIRS: usize = 20;
/// So many at a time: they share two cores.
const SIDE_BY_SIDE: usize = 5;
/// A change of the leader that takes longer is broken.
const LIMIT: Duration = Duration::from_secs(60);

const LEADS: &str = "\nidentity_pool_operator_leader 1\n";

/// How the leader goes.
#[derive(Clone, Copy)]
enum End {
    Asked,
    Killed,
}

/// From the end of one leader to the beginning of the next, with the default timing.
pub(crate) async fn rows(bench: &Bench<'_>, quick: bool) -> Outcome<Vec<Row>> {
    let pairs = if quick { 1 } else { PAIRS };
    eprintln!("{pairs} hand-overs and as many losses of the leader");
    let (mut asked, mut killed) = (vec![], vec![]);
    for begun in (0..pairs).step_by(SIDE_BY_SIDE) {
        // Hand-overs one by one: they are short, and the starts beside them would count.
        for _ in begun..pairs.min(begun + SIDE_BY_SIDE) {
            asked.push(change(bench, End::Asked).await? * 1000.0);
        }
        let losses = (begun..pairs.min(begun + SIDE_BY_SIDE)).map(|_| change(bench, End::Killed));
        killed.extend(try_join_all(losses).await?);
    }
    Ok(vec![
        Row::new("asked to stop, to the next leader", "ms", asked).at_most(1000.0),
        Row::new("killed, to the next leader", "s", killed).at_most(17.0),
    ])
}

/// Seconds until the second of two replicas leads.
async fn change(bench: &Bench<'_>, end: End) -> Outcome<f64> {
    let scene = Scene::new(bench.plane, bench.binary, Duration::ZERO).await?;
    let logs = Scratch::new()?;
    let first = replica(&scene, &logs.path().join("first.log")).await?;
    until_leading(&first).await?;
    let second = replica(&scene, &logs.path().join("second.log")).await?;
    let begun = Instant::now();
    match end {
        End::Asked => first.signal(Signal::TERM)?,
        End::Killed => drop(first),
    }
    until_leading(&second).await?;
    Ok(begun.elapsed().as_secs_f64())
}

async fn replica(scene: &Scene, log: &Path) -> Outcome<Operator> {
    let flags = [
        "--leader-elect=true".to_owned(),
        format!("--leader-election-namespace={}", scene.namespace()),
    ];
    let replica = scene.start(flags, log)?;
    replica.ready().await?;
    Ok(replica)
}

async fn until_leading(replica: &Operator) -> Outcome<()> {
    let begun = Instant::now();
    while !replica.metrics().await.contains(LEADS) {
        if begun.elapsed() > LIMIT {
            return Err("nobody took the lead".into());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}
