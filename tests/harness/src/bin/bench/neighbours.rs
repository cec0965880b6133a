//! What one tenant feels of another: edits, one at a time, in a namespace of their own, alone and
//! beside a namespace with many objects that are created, and then edited, all at once.

use std::cell::Cell;
use std::time::{Duration, Instant};

use futures::FutureExt;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::json;

use crate::Outcome;
use crate::case::Bench;
use crate::changes;
use crate::creation::{self, Load};
use crate::objects::{is_done, object};
use crate::ready::Since;
use crate::row::Row;
use crate::scene::Scene;

/// Objects of the busy namespace.
pub(crate) const MANY: usize = 500;
/// Calls a second that the account allows.
pub(crate) const LIMIT: u32 = 25;
/// Edits of the quiet namespace in each situation, at most.
const EDITS: usize = 20;
/// From one edit to the next.
const PAUSE: Duration = Duration::from_secs(1);
/// A latency like AWS's.
const LATENCY: Duration = Duration::from_millis(50);

/// Rows of the quiet namespace.
pub(crate) async fn rows(bench: &Bench<'_>) -> Outcome<Vec<Row>> {
    let (mut alone, mut beside_creations, mut beside_edits) = (vec![], vec![], vec![]);
    for number in 1..=bench.runs {
        eprintln!(
            "a quiet namespace beside a busy one, run {number} of {}",
            bench.runs
        );
        let scene = Scene::operated_for_two(bench.plane, bench.binary, LATENCY).await?;
        scene
            .fake
            .configure(|settings| settings.account_rate = Some(LIMIT.into()));
        let quiet = scene.neighbour();
        let made = Since::now(&quiet).await?;
        quiet.create(&PostParams::default(), &object("one")).await?;
        made.until(&quiet, is_done, 1).await?;
        alone.push(edits(&quiet, || false).await?);
        let busy = creation::run(&scene, Load::of(MANY), None).map(|made| made.map(drop));
        beside_creations.push(Box::pin(beside(&quiet, busy)).await?);
        let busy = changes::edit_all(&scene).map(|edited| edited.map(drop));
        beside_edits.push(Box::pin(beside(&quiet, busy)).await?);
    }
    let ratios = |beside: &[f64]| {
        let pairs = beside.iter().zip(&alone);
        pairs
            .map(|(beside, alone)| beside / alone)
            .collect::<Vec<_>>()
    };
    let (created, edited) = (ratios(&beside_creations), ratios(&beside_edits));
    Ok(vec![
        Row::new("an edit alone, to Ready, slowest of the edits", "ms", alone),
        Row::new(format!("beside {MANY} creations"), "ms", beside_creations),
        Row::new(format!("beside {MANY} edits"), "ms", beside_edits),
        Row::new("ratio beside creations/alone", "", created).at_most(2.0),
        Row::new("ratio beside edits/alone", "", edited).at_most(2.0),
    ])
}

/// Edits beside a busy neighbour, as long as it is busy.
async fn beside(
    quiet: &Api<DynamicObject>,
    busy: impl Future<Output = Outcome<()>>,
) -> Outcome<f64> {
    let over = Cell::new(false);
    let busy = async {
        busy.await?;
        over.set(true);
        Ok(())
    };
    let (longest, ()) = tokio::try_join!(edits(quiet, || over.get()), busy)?;
    Ok(longest)
}

/// Edits one object again and again. The longest time from an edit to its being true, in
/// milliseconds: of so few the 99th percentile.
async fn edits(quiet: &Api<DynamicObject>, is_over: impl Fn() -> bool) -> Outcome<f64> {
    let mut longest = Duration::ZERO;
    for _ in 0..EDITS {
        if is_over() {
            break;
        }
        longest = longest.max(edit(quiet).await?);
        tokio::time::sleep(PAUSE).await;
    }
    Ok(longest.as_secs_f64() * 1000.0)
}

async fn edit(quiet: &Api<DynamicObject>) -> Outcome<Duration> {
    let since = Since::now(quiet).await?;
    let begun = Instant::now();
    let name = format!("edit {}", uuid::Uuid::new_v4().simple());
    let patch = Patch::Merge(json!({ "spec": { "identityPoolName": name } }));
    quiet.patch("one", &PatchParams::default(), &patch).await?;
    let edited = |object: &DynamicObject| {
        object.data["status"]["identityPoolName"] == *name && is_done(object)
    };
    since.until(quiet, edited, 1).await?;
    Ok(begun.elapsed())
}
