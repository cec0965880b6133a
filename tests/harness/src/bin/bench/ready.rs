//! Sees objects become Ready, by a watch, as a waiting user would.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, ListParams, WatchEvent, WatchParams};

use crate::Outcome;
use crate::objects::is_ready;

/// A run that takes longer is broken.
const LIMIT: Duration = Duration::from_secs(120);

/// How long one watch may last, in seconds.
const WATCH_SECONDS: u32 = 30;

/// A point in the history of a namespace, to watch from.
pub(crate) struct Since(String);

impl Since {
    /// Now.
    pub(crate) async fn now(api: &Api<DynamicObject>) -> Outcome<Self> {
        let list = api.list(&ListParams::default().limit(1)).await?;
        Ok(Self(list.metadata.resource_version.unwrap_or_default()))
    }

    /// When each of so many objects was first seen Ready; `ours` tells them from others.
    ///
    /// The apiserver ends watches when it pleases, as after a change of the definition: the
    /// next one goes on from a list.
    pub(crate) async fn until_ready(
        mut self,
        api: &Api<DynamicObject>,
        ours: impl Fn(&str) -> bool,
        count: usize,
    ) -> Outcome<HashMap<String, Instant>> {
        let begun = Instant::now();
        let mut seen = HashMap::new();
        let note = |object: &DynamicObject, seen: &mut HashMap<String, Instant>| {
            if ours(&object.name_any()) && is_ready(object) {
                seen.entry(object.name_any()).or_insert_with(Instant::now);
            }
        };
        while seen.len() < count {
            if begun.elapsed() > LIMIT {
                let ready = seen.len();
                return Err(format!("only {ready} of {count} objects became Ready").into());
            }
            let params = WatchParams::default().timeout(WATCH_SECONDS);
            let events = api.watch(&params, &self.0).await?;
            let mut events = std::pin::pin!(events);
            while seen.len() < count
                && let Ok(Some(event)) = events.try_next().await
            {
                if let WatchEvent::Modified(object) = event {
                    note(&object, &mut seen);
                }
            }
            if seen.len() < count {
                let list = api.list(&ListParams::default()).await?;
                list.items.iter().for_each(|object| note(object, &mut seen));
                self.0 = list.metadata.resource_version.unwrap_or_default();
            }
        }
        Ok(seen)
    }
}
