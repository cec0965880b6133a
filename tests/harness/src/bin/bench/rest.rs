//! What pools cost while nothing happens.
//!
//! The operator is restarted before: it spreads the turns of known pools evenly over
//! the period, so that a window of whole periods shows the rate of a steady state and
//! not the echo of 200 creations at once. Looks come once a resync period, so they are
//! counted at a short period and scaled to the default one; the list of the account
//! comes once a minute whatever the period, so it is scaled by time alone.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use kube::ResourceExt;
use kube::api::ListParams;

use crate::case::Bench;
use crate::creation::{self, Load};
use crate::row::Row;
use crate::scene::Scene;
use crate::tally::Tally;
use crate::{Outcome, real};

pub(crate) const POOLS: usize = 200;
/// Seconds: the shortest period that the operator takes.
pub(crate) const PERIOD: u32 = 60;
/// Seconds.
pub(crate) const DEFAULT_PERIOD: u32 = 1800;
/// From the restart to the window: away from the list that a start and each full
/// minute bring, of which the window shall hold neither one more nor one less.
const ASIDE: Duration = Duration::from_secs(5);

/// What one operator did in its window, by pool and hour.
struct Seen {
    looks: f64,
    others: f64,
    touched: f64,
    writes: f64,
}

/// Watches as many quiet operators as there are runs, side by side, for some periods.
pub(crate) async fn rows(bench: &Bench<'_>, periods: u32) -> Outcome<Vec<Row>> {
    let window = Duration::from_secs((PERIOD * periods).into());
    let mut scenes = Vec::new();
    for _ in 0..bench.runs {
        let mut scene = Scene::operated(bench.plane, bench.binary, Duration::ZERO).await?;
        creation::run(&scene, Load::of(POOLS), None).await?;
        let flag = format!("--resync-period-seconds={PERIOD}");
        scene.operate(&[&flag]).await?;
        scenes.push(scene);
    }
    let of = scenes.len();
    eprintln!("{of} × {POOLS} pools at rest for {} s", window.as_secs());
    tokio::time::sleep(ASIDE).await;
    let seen = try_join_all(scenes.iter().map(|scene| watch(scene, window))).await?;
    Ok(table(&seen))
}

async fn watch(scene: &Scene, window: Duration) -> Outcome<Seen> {
    let (versions, before) = (versions(scene).await?, Tally::now(scene).await);
    let begun = Instant::now();
    tokio::time::sleep(window).await;
    let hours = begun.elapsed().as_secs_f64() / 3600.0;
    let spent = Tally::now(scene).await.since(&before);
    let after = self::versions(scene).await?;
    let touched = versions
        .iter()
        .filter(|(name, version)| after.get(*name) != Some(version));
    let rate = |count: usize| real(count) / real(POOLS) / hours;
    let looks = spent.looks();
    Ok(Seen {
        looks: rate(looks),
        others: rate(spent.all_calls() - looks),
        touched: real(touched.count()),
        writes: rate(spent.writes + spent.events),
    })
}

fn table(seen: &[Seen]) -> Vec<Row> {
    let scale = f64::from(PERIOD) / f64::from(DEFAULT_PERIOD);
    let lists = 60.0 * real(POOLS.div_ceil(60)) / real(POOLS);
    let of = |value: fn(&Seen) -> f64| seen.iter().map(value);
    let all = seen.iter().map(|seen| seen.looks * scale + seen.others);
    vec![
        Row::new("AWS calls a pool and hour, period 1800 s", "", all)
            .at_most(4.0 + lists)
            .peers("120 or 60 (XC), 0 (ACK)"),
        Row::new(
            "  looks, scaled",
            "",
            of(|seen| seen.looks).map(|looks| looks * scale),
        ),
        Row::new(
            "  the account's list, not scaled",
            "",
            of(|seen| seen.others),
        )
        .at_most(lists * 1.005),
        Row::new(
            "looks a pool and hour, as measured",
            "",
            of(|seen| seen.looks),
        ),
        Row::new(
            "objects with a new resourceVersion",
            "",
            of(|seen| seen.touched),
        )
        .exactly(0.0),
        Row::new(
            "apiserver writes a pool and hour",
            "",
            of(|seen| seen.writes),
        )
        .exactly(0.0)
        .peers("120 or 60 (XC), 0 (ACK)"),
    ]
}

/// By name.
async fn versions(scene: &Scene) -> Outcome<BTreeMap<String, Option<String>>> {
    let list = scene.api.list(&ListParams::default()).await?;
    let versions = list.items.into_iter();
    Ok(versions
        .map(|object| (object.name_any(), object.metadata.resource_version))
        .collect())
}
