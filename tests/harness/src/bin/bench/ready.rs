//! Sees objects become Ready, by a watch, as a waiting user would.

use std::collections::HashMap;
use std::time::Instant;

use futures::TryStreamExt;
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, ListParams, WatchEvent, WatchParams};

use crate::Outcome;
use crate::objects::is_ready;

/// Seconds; a run that takes longer is broken.
const LIMIT: u32 = 120;

/// A point in the history of a namespace, to watch from.
pub(crate) struct Since(String);

impl Since {
    /// Now.
    pub(crate) async fn now(api: &Api<DynamicObject>) -> Outcome<Self> {
        let list = api.list(&ListParams::default().limit(1)).await?;
        Ok(Self(list.metadata.resource_version.unwrap_or_default()))
    }

    /// When each of so many objects was first seen Ready; `ours` tells them from others.
    pub(crate) async fn until_ready(
        self,
        api: &Api<DynamicObject>,
        ours: impl Fn(&str) -> bool,
        count: usize,
    ) -> Outcome<HashMap<String, Instant>> {
        let params = WatchParams::default().timeout(LIMIT);
        let events = api.watch(&params, &self.0).await?;
        let mut events = std::pin::pin!(events);
        let mut seen = HashMap::new();
        while seen.len() < count {
            let Some(event) = events.try_next().await? else {
                let ready = seen.len();
                return Err(format!("only {ready} of {count} objects became Ready").into());
            };
            if let WatchEvent::Modified(object) = event
                && ours(&object.name_any())
                && is_ready(&object)
            {
                seen.entry(object.name_any()).or_insert_with(Instant::now);
            }
        }
        Ok(seen)
    }
}
