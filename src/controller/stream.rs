//! A watch that survives what the library's does not: a place in history that is gone, and an
//! apiserver that cannot begin a watch with the list.
//!
//! A list as the first part of a watch needs less memory on both sides, but Kubernetes 1.31 and 1.33
//! have it turned off (feature gate `WatchList`), and refuse such a watch for ever.

use std::fmt::Debug;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::{Stream, StreamExt};
use kube::Resource;
use kube::api::Api;
use kube::runtime::watcher::{self, Event, watcher as library};
use serde::de::DeserializeOwned;

/// The events of objects, from a full list on; it never ends.
pub(super) fn events<K>(
    api: Api<K>,
    config: watcher::Config,
) -> impl Stream<Item = watcher::Result<Event<K>>> + Send + 'static
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let streams_lists = Arc::new(AtomicBool::new(true));
    let anew = move || {
        let streams_lists = Arc::clone(&streams_lists);
        let config = if streams_lists.load(Ordering::Relaxed) {
            config.clone().streaming_lists()
        } else {
            config.clone()
        };
        library(api.clone(), config).scan(false, move |over, event| {
            match &event {
                _ if *over => return ready(None),
                Err(error) if refuses_lists(error) => {
                    streams_lists.store(false, Ordering::Relaxed);
                    return ready(None);
                }
                Err(error) => *over = is_expired(error),
                Ok(_) => {}
            }
            ready(Some(event))
        })
    };
    futures::stream::repeat_with(anew).flatten()
}

/// HTTP 410 to the start of a watch: the library notices it in the middle of one, but not
/// when one is resumed.
fn is_expired(error: &watcher::Error) -> bool {
    answered(error).is_some_and(|status| status.code == 410)
}

/// HTTP 422 that names the parameter: the apiserver begins no watch with the list.
fn refuses_lists(error: &watcher::Error) -> bool {
    let names_it = |status: &kube::core::Status| status.message.contains("sendInitialEvents");
    answered(error).is_some_and(|status| status.code == 422 && names_it(status))
}

/// What the apiserver answers to the start of a watch.
fn answered(error: &watcher::Error) -> Option<&kube::core::Status> {
    match error {
        watcher::Error::WatchStartFailed(kube::Error::Api(status)) => Some(status),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u16, message: &str) -> watcher::Error {
        let status = kube::core::Status::failure(message, "Reason").with_code(code);
        watcher::Error::WatchStartFailed(kube::Error::Api(status.boxed()))
    }

    #[test]
    fn only_the_refusal_of_a_list_in_a_watch_leads_to_lists_apart() {
        let says = "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the \
                    WatchList feature gate is enabled";
        assert!(refuses_lists(&answer(422, says)));
        assert!(!refuses_lists(&answer(403, says)));
        assert!(!refuses_lists(&answer(422, "fieldSelector: Invalid value")));
        assert!(!refuses_lists(&answer(410, "too old resource version")));
    }
}
