//! Creations: from the answer to the create request to the event that says Ready.
//!
//! Who makes the objects Ready does not matter here, so that the operator and the bare
//! client are measured by the same code.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures::channel::mpsc::UnboundedSender;
use futures::{StreamExt, TryStreamExt};
use kube::ResourceExt;
use kube::api::{DynamicObject, PostParams};
use uuid::Uuid;

use crate::objects::object;
use crate::ready::Since;
use crate::scene::Scene;
use crate::{Outcome, real};

/// Create requests at once: enough to keep two cores busy.
const AT_ONCE: usize = 16;

/// What is created.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) count: usize,
    /// From one creation to the next; zero is as fast as it goes.
    pub(crate) every: Duration,
}

impl Load {
    /// As fast as it goes.
    pub(crate) const fn of(count: usize) -> Self {
        let every = Duration::ZERO;
        Self { count, every }
    }
}

/// What one run showed.
pub(crate) struct Timing {
    /// Objects from the first request to the last event.
    pub(crate) per_second: f64,
    /// From create to Ready, by length.
    took: Vec<Duration>,
}

impl Timing {
    /// The time, in milliseconds, within which so many of a hundred were Ready.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let place = (self.took.len() * percent).div_ceil(100).saturating_sub(1);
        let took = self.took.get(place);
        took.map_or(f64::NAN, |took| took.as_secs_f64() * 1000.0)
    }
}

/// Creates objects and waits until all are Ready; each is handed to `made`, if given.
pub(crate) async fn run(
    scene: &Scene,
    load: Load,
    made: Option<UnboundedSender<DynamicObject>>,
) -> Outcome<Timing> {
    let prefix = Uuid::new_v4().simple().to_string();
    let since = Since::now(&scene.api).await?;
    let begun = Instant::now();
    let ready = since.until_ready(&scene.api, |name| name.starts_with(&prefix), load.count);
    let (created, ready) = tokio::try_join!(create(scene, &prefix, load, made), ready)?;
    let last = ready.values().max().copied().unwrap_or(begun);
    let mut took: Vec<Duration> = created
        .iter()
        .filter_map(|(name, at)| Some(ready.get(name)?.saturating_duration_since(*at)))
        .collect();
    took.sort();
    Ok(Timing {
        per_second: real(load.count) / last.duration_since(begun).as_secs_f64(),
        took,
    })
}

/// When each create request was answered.
async fn create(
    scene: &Scene,
    prefix: &str,
    load: Load,
    made: Option<UnboundedSender<DynamicObject>>,
) -> Outcome<HashMap<String, Instant>> {
    let (begun, made) = (tokio::time::Instant::now(), made.as_ref());
    let one = |n: u32| async move {
        if !load.every.is_zero() {
            tokio::time::sleep_until(begun + load.every * n).await;
        }
        let object = object(&format!("{prefix}-{n}"));
        let created = scene.api.create(&PostParams::default(), &object).await?;
        let entry = (created.name_any(), Instant::now());
        if let Some(made) = made {
            // The receiver is gone only when it has failed, which is said there.
            let _ = made.unbounded_send(created);
        }
        Ok::<_, kube::Error>(entry)
    };
    let all = (0..).take(load.count).map(one);
    let created = futures::stream::iter(all).buffer_unordered(AT_ONCE);
    Ok(created.try_collect().await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_time_within_which_that_part_was_ready() {
        let took = (1..=200).map(Duration::from_millis).collect();
        let timing = Timing {
            per_second: 0.0,
            took,
        };
        let percentiles =
            [1, 50, 99, 100].map(|percent| format!("{:.0}", timing.percentile(percent)));
        assert_eq!(percentiles, ["2", "100", "198", "200"]);
    }
}
