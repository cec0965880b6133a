//! Creations: from the answer to the create request to the event that says Ready.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt};
use kube::ResourceExt;
use kube::api::{DynamicObject, ListParams, PostParams, WatchEvent, WatchParams};
use uuid::Uuid;

use crate::Outcome;
use crate::objects::{AT_ONCE, Scene, object};

/// Seconds; a run that takes longer is broken.
const LIMIT: u32 = 120;

/// What one run showed.
pub(crate) struct Measured {
    pub(crate) per_second: f64,
    /// Milliseconds.
    pub(crate) p50: f64,
    /// Milliseconds.
    pub(crate) p99: f64,
    /// AWS calls an object, whatever the operation.
    pub(crate) calls: f64,
    /// Writes an object by the operator's own count, Events apart.
    pub(crate) writes: f64,
}

/// Creates so many objects and waits until all are Ready.
pub(crate) async fn run(scene: &Scene, count: usize) -> Outcome<Measured> {
    let prefix = Uuid::new_v4().simple().to_string();
    let before = (scene.fake.calls().len(), writes(scene).await);
    let version = scene
        .api
        .list(&ListParams::default())
        .await?
        .metadata
        .resource_version;
    let begun = Instant::now();
    let ready = ready(scene, version.unwrap_or_default(), prefix.clone(), count);
    let (created, ready) = tokio::join!(
        create(scene, &prefix, count),
        tokio::time::timeout(Duration::from_secs(LIMIT.into()), ready)
    );
    let (created, (ready, last)) = (created?, ready??);
    let mut took: Vec<Duration> = created
        .iter()
        .filter_map(|(name, at)| Some(ready.get(name)?.saturating_duration_since(*at)))
        .collect();
    took.sort();
    let after = (scene.fake.calls().len(), writes(scene).await);
    Ok(Measured {
        per_second: real(count) / last.duration_since(begun).as_secs_f64(),
        p50: millis(&took, 50),
        p99: millis(&took, 99),
        calls: real(after.0 - before.0) / real(count),
        writes: (after.1 - before.1) / real(count),
    })
}

async fn create(scene: &Scene, prefix: &str, count: usize) -> Outcome<HashMap<String, Instant>> {
    let one = |n: usize| async move {
        let name = format!("{prefix}-{n}");
        scene
            .api
            .create(&PostParams::default(), &object(&name))
            .await?;
        Ok::<_, kube::Error>((name, Instant::now()))
    };
    let created = futures::stream::iter((0..count).map(one)).buffer_unordered(AT_ONCE);
    Ok(created.try_collect().await?)
}

/// When each object was first seen Ready, and when the last was.
async fn ready(
    scene: &Scene,
    version: String,
    prefix: String,
    count: usize,
) -> Result<(HashMap<String, Instant>, Instant), kube::Error> {
    let params = WatchParams::default().timeout(LIMIT);
    let events = scene.api.watch(&params, &version).await?;
    let mut events = std::pin::pin!(events);
    let mut seen = HashMap::new();
    let mut last = Instant::now();
    while seen.len() < count {
        let Some(event) = events.try_next().await? else {
            break;
        };
        if let WatchEvent::Modified(object) = event
            && object.name_any().starts_with(&prefix)
            && is_ready(&object)
            && seen.insert(object.name_any(), Instant::now()).is_none()
        {
            last = Instant::now();
        }
    }
    Ok((seen, last))
}

fn is_ready(object: &DynamicObject) -> bool {
    let conditions = object.data["status"]["conditions"].as_array();
    conditions.is_some_and(|all| {
        all.iter()
            .any(|one| one["type"] == "Ready" && one["status"] == "True")
    })
}

/// Writes but for Events, by the operator's metrics.
async fn writes(scene: &Scene) -> f64 {
    let Some(operator) = &scene.operator else {
        return 0.0;
    };
    let page = operator.metrics().await;
    let line = "identity_pool_operator_apiserver_writes_total{write=\"";
    let counted = page.lines().filter_map(|text| text.strip_prefix(line));
    counted
        .filter(|rest| !rest.starts_with("event"))
        .filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

fn millis(sorted: &[Duration], percent: usize) -> f64 {
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted
        .get(place)
        .map_or(f64::NAN, |took| took.as_secs_f64() * 1000.0)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark")]
fn real(count: usize) -> f64 {
    count as f64
}
