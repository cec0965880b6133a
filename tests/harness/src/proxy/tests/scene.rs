//! A namespace, a way to it through the proxy and one around it.

use std::time::Duration;

use futures::FutureExt;
use futures::future::ready;
use futures::stream::{BoxStream, StreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::{Api, Client};
use serde_json::json;

use super::super::{Effect, Fault, FaultProxy, Matching};
use crate::control_plane::{ControlPlane, Namespace};

const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Scene {
    pub(super) proxy: FaultProxy,
    pub(super) namespace: String,
    pub(super) client: Client,
    pub(super) through: Api<ConfigMap>,
    pub(super) around: Api<ConfigMap>,
}

impl Scene {
    pub(super) async fn new() -> Self {
        let plane = ControlPlane::shared().await;
        let direct = plane.client().await.unwrap();
        let namespace = Namespace::create(&direct, "proxy").await.unwrap();
        let namespace = namespace.name().to_owned();
        let proxy = FaultProxy::start(plane).await.unwrap();
        let client = Client::try_from(proxy.config().await.unwrap()).unwrap();
        Self {
            proxy,
            through: Api::namespaced(client.clone(), &namespace),
            around: Api::namespaced(direct, &namespace),
            namespace,
            client,
        }
    }

    /// Strikes the next thing that fits, in this namespace.
    pub(super) fn strike(&self, matching: Matching, effect: Effect) -> super::super::Armed {
        self.proxy
            .inject(Fault::on(matching.namespace(&self.namespace), effect))
    }

    pub(super) async fn exists(&self, name: &str) -> bool {
        self.around.get_opt(name).await.unwrap().is_some()
    }

    /// A watch through the proxy that begins with what is there.
    pub(super) async fn watch(&self) -> Events {
        self.watch_with(&WatchParams::default().initial_events(), "0")
            .await
    }

    /// As [`watch`](Self::watch), read up to the end of what is there: from here on everything is
    /// news, and the apiserver puts nothing else between.
    pub(super) async fn news(&self) -> Events {
        let mut watch = self.watch().await;
        loop {
            let event = watch.next().await;
            assert!(event.starts_with("ADDED") || event == "COMPLETE", "{event}");
            if event == "COMPLETE" {
                return watch;
            }
        }
    }

    pub(super) async fn watch_with(&self, params: &WatchParams, revision: &str) -> Events {
        let events = self.through.watch(params, revision).await.unwrap();
        Events(events.filter_map(|event| ready(said(event))).boxed())
    }
}

pub(super) async fn create(api: &Api<ConfigMap>, name: &str) -> kube::Result<ConfigMap> {
    let mut object = ConfigMap::default();
    object.metadata.name = Some(name.to_owned());
    api.create(&PostParams::default(), &object).await
}

/// Writes a value, so that there is something to tell one version from another by.
pub(super) async fn set(api: &Api<ConfigMap>, name: &str, value: &str) -> kube::Result<ConfigMap> {
    let patch = Patch::Merge(json!({ "data": { "value": value } }));
    api.patch(name, &PatchParams::default(), &patch).await
}

pub(super) fn value(object: &ConfigMap) -> &str {
    let value = object.data.as_ref().and_then(|data| data.get("value"));
    value.map_or("", String::as_str)
}

pub(super) struct Events(BoxStream<'static, String>);

impl Events {
    /// The next event as `ADDED name value`; an end is `END`.
    pub(super) async fn next(&mut self) -> String {
        let next = tokio::time::timeout(PATIENCE, self.0.next()).await;
        next.expect("the watch goes on")
            .unwrap_or_else(|| "END".to_owned())
    }

    /// The next events.
    pub(super) async fn take<const N: usize>(&mut self) -> [String; N] {
        let mut taken = [const { String::new() }; N];
        for event in &mut taken {
            *event = self.next().await;
        }
        taken
    }

    /// The next event, if it is there already.
    pub(super) fn now(&mut self) -> Option<String> {
        self.0.next().now_or_never()?
    }
}

/// An event in words. Bookmarks that only tell a revision come when the apiserver likes.
fn said(event: kube::Result<WatchEvent<ConfigMap>>) -> Option<String> {
    let object = |kind: &str, object: &ConfigMap| {
        let name = object.metadata.name.as_deref().unwrap_or_default();
        format!("{kind} {name} {}", value(object)).trim().to_owned()
    };
    Some(match event {
        Ok(WatchEvent::Added(added)) => object("ADDED", &added),
        Ok(WatchEvent::Modified(modified)) => object("MODIFIED", &modified),
        Ok(WatchEvent::Deleted(deleted)) => object("DELETED", &deleted),
        Ok(WatchEvent::Bookmark(bookmark)) => {
            let annotations = bookmark.metadata.annotations;
            annotations.get("k8s.io/initial-events-end")?;
            "COMPLETE".to_owned()
        }
        Ok(WatchEvent::Error(status)) => format!("ERROR {}", status.code),
        Err(error) => format!("FAILED {error}"),
    })
}
