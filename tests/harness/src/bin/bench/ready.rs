//! Sees what becomes of objects, by a watch, as a waiting user would.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, ListParams, WatchEvent, WatchParams};

use crate::Outcome;

/// A run that takes longer is broken.
const LIMIT: Duration = Duration::from_secs(300);

/// How long one watch may last, in seconds.
const WATCH_SECONDS: u32 = 30;

/// A point in the history of a namespace, to watch from.
pub(crate) struct Since(String);

/// When each object was first seen as it was waited for, by name.
pub(crate) type Seen = HashMap<String, Instant>;

impl Since {
    /// Now.
    pub(crate) async fn now(api: &Api<DynamicObject>) -> Outcome<Self> {
        let list = api.list(&ListParams::default().limit(1)).await?;
        Ok(Self(list.metadata.resource_version.unwrap_or_default()))
    }

    /// When each of so many objects was first seen to be as wanted.
    pub(crate) async fn until(
        self,
        api: &Api<DynamicObject>,
        wanted: impl Fn(&DynamicObject) -> bool,
        count: usize,
    ) -> Outcome<Seen> {
        let note = |event: WatchEvent<DynamicObject>| match event {
            WatchEvent::Modified(object) if wanted(&object) => Some(object.name_any()),
            _ => None,
        };
        let listed = |objects: &[DynamicObject]| {
            let found = objects.iter().filter(|object| wanted(object));
            found.map(ResourceExt::name_any).collect()
        };
        self.all(api, count, note, listed).await
    }

    /// When each of these objects was gone.
    pub(crate) async fn until_gone(
        self,
        api: &Api<DynamicObject>,
        names: &HashSet<String>,
    ) -> Outcome<Seen> {
        let note = |event: WatchEvent<DynamicObject>| match event {
            WatchEvent::Deleted(object) if names.contains(&object.name_any()) => {
                Some(object.name_any())
            }
            _ => None,
        };
        let listed = |objects: &[DynamicObject]| {
            let here: HashSet<String> = objects.iter().map(ResourceExt::name_any).collect();
            names.difference(&here).cloned().collect()
        };
        self.all(api, names.len(), note, listed).await
    }

    /// The apiserver ends watches when it pleases, as after a change of the definition: the
    /// next one goes on from a list.
    async fn all(
        mut self,
        api: &Api<DynamicObject>,
        count: usize,
        note: impl Fn(WatchEvent<DynamicObject>) -> Option<String>,
        listed: impl Fn(&[DynamicObject]) -> Vec<String>,
    ) -> Outcome<Seen> {
        let begun = Instant::now();
        let mut seen = Seen::new();
        while seen.len() < count {
            if begun.elapsed() > LIMIT {
                let seen = seen.len();
                return Err(format!("only {seen} of {count} objects came as far").into());
            }
            let params = WatchParams::default().timeout(WATCH_SECONDS);
            let events = api.watch(&params, &self.0).await?;
            let mut events = std::pin::pin!(events);
            while seen.len() < count
                && let Ok(Some(event)) = events.try_next().await
            {
                if let Some(name) = note(event) {
                    seen.entry(name).or_insert_with(Instant::now);
                }
            }
            if seen.len() < count {
                let list = api.list(&ListParams::default()).await?;
                for name in listed(&list.items) {
                    seen.entry(name).or_insert_with(Instant::now);
                }
                self.0 = list.metadata.resource_version.unwrap_or_default();
            }
        }
        Ok(seen)
    }
}
