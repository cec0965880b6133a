//! What a pool costs while nothing happens.
//!
//! Looks come once a resync period, so they are counted at a short period and
//! scaled to the default one; the list of the account comes once a minute whatever
//! the period, so it is scaled by time alone.

use std::path::Path;
use std::time::{Duration, Instant};

use harness::control_plane::ControlPlane;

use crate::objects::Scene;
use crate::table::{Row, Table};
use crate::{Outcome, creation};

const POOLS: usize = 200;
/// The shortest period that the operator takes.
const PERIOD: f64 = 60.0;
/// The default period.
const DEFAULT_PERIOD: f64 = 1800.0;
const HOUR: f64 = 3600.0;

/// Watches a quiet operator and tells what it did.
pub(crate) async fn rows(
    plane: &ControlPlane,
    operator: &Path,
    table: &mut Table,
    quick: bool,
) -> Outcome<()> {
    let time = Duration::from_secs(if quick { 15 } else { 130 });
    eprintln!("{POOLS} pools at rest for {} s", time.as_secs());
    let mut scene = Scene::without_operator(plane, Duration::ZERO).await?;
    let started = scene.start(operator, &["--resync-period-seconds=60"])?;
    started.ready().await?;
    scene.operator = Some(started);
    creation::run(&scene, POOLS).await?;
    let versions = versions(&scene).await?;
    scene.fake.reset_journal();
    let begun = Instant::now();
    tokio::time::sleep(time).await;
    let hours = begun.elapsed().as_secs_f64() / HOUR;
    let looks = real(scene.fake.count("DescribeIdentityPool")) / real(POOLS) / hours;
    let lists = real(scene.fake.count("ListIdentityPools")) / real(POOLS) / hours;
    let others = real(scene.fake.calls().len()) - (looks + lists) * real(POOLS) * hours;
    let moved = versions
        .iter()
        .zip(self::versions(&scene).await?)
        .filter(|(before, after)| *before != after);
    let an_hour = looks * PERIOD / DEFAULT_PERIOD + lists + others / real(POOLS) / hours;
    table.push(
        Row::new(
            "AWS calls a pool and hour at rest, scaled to 30 min",
            "",
            vec![an_hour],
        )
        .target("≤5")
        .peers("120 or 60 (XC), 0 (ACK)"),
    );
    table.push(Row::new(
        "  of which the minute's list of the account",
        "",
        vec![lists],
    ));
    table.push(
        Row::new("objects written to at rest", "", vec![real(moved.count())])
            .target("0")
            .peers("all, each minute (XC)"),
    );
    Ok(())
}

async fn versions(scene: &Scene) -> Outcome<Vec<Option<String>>> {
    let list = scene.api.list(&kube::api::ListParams::default()).await?;
    Ok(list
        .items
        .into_iter()
        .map(|object| object.metadata.resource_version)
        .collect())
}

#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark")]
fn real(count: usize) -> f64 {
    count as f64
}
