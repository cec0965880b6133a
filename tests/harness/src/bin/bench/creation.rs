//! Creations: from the answer to the create request to the event that says Ready.
//!
//! Who makes the objects Ready does not matter here, so that the operator and the bare
//! client are measured by the same code.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures::channel::mpsc::UnboundedSender;
use futures::{StreamExt, TryStreamExt};
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, PostParams};
use uuid::Uuid;

use crate::objects::{is_ready, object};
use crate::ready::{Seen, Since};
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
#[derive(Clone)]
pub(crate) struct Timing {
    /// Objects from the first request to the last event.
    pub(crate) per_second: f64,
    /// From the first request to the last event, in seconds.
    pub(crate) seconds: f64,
    /// From request to the event that was waited for, by length.
    took: Vec<Duration>,
}

impl Timing {
    /// From when each object was asked for and when it was seen.
    pub(crate) fn of(begun: Instant, asked: &HashMap<String, Instant>, seen: &Seen) -> Self {
        let last = seen.values().max().copied().unwrap_or(begun);
        let mut took: Vec<Duration> = asked
            .iter()
            .filter_map(|(name, at)| Some(seen.get(name)?.saturating_duration_since(*at)))
            .collect();
        took.sort();
        let seconds = last.duration_since(begun).as_secs_f64();
        Self {
            per_second: real(took.len()) / seconds,
            seconds,
            took,
        }
    }

    /// The time, in milliseconds, within which so many of a hundred were as wanted.
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
    run_of(&scene.api, load, object, is_ready, made).await
}

/// The same with objects of any kind, and with what makes them Ready.
pub(crate) async fn run_of(
    api: &Api<DynamicObject>,
    load: Load,
    object: impl Fn(&str) -> DynamicObject,
    is_ready: impl Fn(&DynamicObject) -> bool,
    made: Option<UnboundedSender<DynamicObject>>,
) -> Outcome<Timing> {
    // A name begins with a letter wherever it has to.
    let prefix = format!("b{}", Uuid::new_v4().simple());
    let since = Since::now(api).await?;
    let begun = Instant::now();
    let ours = |object: &DynamicObject| object.name_any().starts_with(&prefix) && is_ready(object);
    let ready = since.until(api, ours, load.count);
    let named = |number| object(&format!("{prefix}-{number}"));
    let (created, ready) = tokio::try_join!(create(api, named, load, made), ready)?;
    Ok(Timing::of(begun, &created, &ready))
}

/// When each create request was answered.
async fn create(
    api: &Api<DynamicObject>,
    object: impl Fn(u32) -> DynamicObject,
    load: Load,
    made: Option<UnboundedSender<DynamicObject>>,
) -> Outcome<HashMap<String, Instant>> {
    let (begun, made, object) = (tokio::time::Instant::now(), made.as_ref(), &object);
    let one = |n: u32| async move {
        if !load.every.is_zero() {
            tokio::time::sleep_until(begun + load.every * n).await;
        }
        let created = api.create(&PostParams::default(), &object(n)).await?;
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
            seconds: 0.0,
            took,
        };
        let percentiles =
            [1, 50, 99, 100].map(|percent| format!("{:.0}", timing.percentile(percent)));
        assert_eq!(percentiles, ["2", "100", "198", "200"]);
    }
}
