//! Notices that somebody else changed or removed an exported `ConfigMap`.
//!
//! Only metadata are watched, only of `ConfigMaps` that bear the operator's label, and only while
//! some object exports. Which version a pass dealt with last is remembered: another one wakes the
//! object, which looks for itself. Without the permission to watch, the next look finds it.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::channel::mpsc::UnboundedSender;
use futures::future::join_all;
use futures::{StreamExt, pin_mut};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, PartialObjectMeta};
use kube::core::DeserializeGuard;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch_all};
use kube::{Resource, ResourceExt};
use tokio::sync::watch;

use super::context::{Context, Guarded};
use super::existence::Wake;
use crate::api::IdentityPool;
use crate::api::names::{MANAGED_BY_LABEL, OPERATOR};

/// How often it is asked whether the watch is needed still; it costs a walk through the cache.
const PERIOD: Duration = Duration::from_secs(60);

/// Before a watch that was forbidden is tried again: permissions are changed by people.
const FORBIDDEN_PAUSE: Duration = Duration::from_secs(300);

/// What stands for the version of a `ConfigMap` that is not there.
const GONE: &str = "";

/// Namespace and name of a `ConfigMap`.
type Key = (String, String);

/// What is watched of a `ConfigMap`.
type Meta = PartialObjectMeta<ConfigMap>;

/// The versions of one `ConfigMap`; `None`: not known.
#[derive(Debug, Default)]
struct Versions {
    /// That a pass dealt with last.
    settled: Option<String>,
    /// That the watch showed last.
    shown: Option<String>,
}

impl Versions {
    fn differ(&self) -> bool {
        self.shown.is_some() && self.shown != self.settled
    }
}

/// The versions of every `ConfigMap` that objects export to.
#[derive(Debug, Default)]
pub(super) struct Touched {
    versions: Mutex<HashMap<Key, Versions>>,
    /// Where to watch; none means all namespaces.
    pub(super) namespaces: Vec<String>,
    /// Says that a `ConfigMap` was written or found.
    used: watch::Sender<()>,
}

impl Touched {
    /// Nothing is known yet. Without namespaces, all are watched.
    pub(super) fn over(namespaces: &[String]) -> Self {
        Self {
            namespaces: namespaces.to_vec(),
            ..Self::default()
        }
    }

    fn versions(&self) -> MutexGuard<'_, HashMap<Key, Versions>> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing is known any more.
    fn forget(&self) {
        self.versions().clear();
    }

    /// A pass read this version, or wrote it; `None`: there is none.
    pub(super) fn settled(&self, object: &IdentityPool, name: &str, version: Option<&str>) {
        let key = (object.namespace().unwrap_or_default(), name.to_owned());
        let settled = version.unwrap_or(GONE).to_owned();
        self.versions().entry(key).or_default().settled = Some(settled);
        if version.is_some() {
            // Only now: a list begun before the write would lack what it made.
            self.used.send_replace(());
        }
    }

    /// The object is let go; its `ConfigMaps` go with it.
    pub(super) fn left(&self, object: &IdentityPool) {
        let mut table = self.versions();
        for key in recorded(object) {
            table.remove(&key);
        }
    }

    /// Whether a `ConfigMap` of an object is another than it was left.
    pub(super) fn is(&self, object: &IdentityPool) -> bool {
        let versions = self.versions();
        recorded(object).any(|key| versions.get(&key).is_some_and(Versions::differ))
    }

    /// The watch shows a version; whether it is news. What was there before this process was
    /// counts as in order until the next look.
    fn shows(&self, key: Key, version: &str, listed: bool) -> bool {
        let mut table = self.versions();
        let versions = table.entry(key).or_default();
        versions.shown = Some(version.to_owned());
        if listed && versions.settled.is_none() {
            versions.settled.clone_from(&versions.shown);
        }
        versions.differ()
    }

    /// The watch shows a deletion; whether it is news. What nobody dealt with is no loss.
    fn goes(&self, key: &Key) -> bool {
        let mut table = self.versions();
        let Some(versions) = table.get_mut(key) else {
            return false;
        };
        versions.shown = Some(GONE.to_owned());
        let news = versions.differ();
        if !news {
            table.remove(key);
        }
        news
    }
}

/// The `ConfigMaps` that an object says it made.
fn recorded(object: &IdentityPool) -> impl Iterator<Item = Key> {
    let namespace = object.namespace().unwrap_or_default();
    let managed = object.status.as_ref().and_then(|it| it.managed.as_ref());
    let names = managed.map(|managed| managed.config_maps.clone());
    let names = names.unwrap_or_default().into_iter();
    names.map(move |name| (namespace.clone(), name))
}

fn exports(object: &IdentityPool) -> bool {
    object.spec.export.is_some() || recorded(object).next().is_some()
}

/// Watches for ever.
pub(super) async fn watch(context: &Context, wakes: &[UnboundedSender<Wake>]) {
    for store in &context.stores {
        // An error means that the watch has ended, and with it the operator.
        let _ = store.wait_until_ready().await;
    }
    let one = |namespace| watch_one(context, namespace, wakes);
    match context.touched.namespaces.as_slice() {
        [] => one(None).await,
        some => drop(join_all(some.iter().map(|namespace| one(Some(namespace)))).await),
    }
}

/// Watches one namespace, or all.
async fn watch_one(context: &Context, namespace: Option<&str>, wakes: &[UnboundedSender<Wake>]) {
    let touched = &context.touched;
    let mut used = touched.used.subscribe();
    let mut told = false;
    loop {
        while !context.objects().any(|object| exports(&object)) {
            // An error means that the table is gone, and with it the operator.
            let _ = used.changed().await;
        }
        if let Err(error) = follow(context, namespace, wakes).await {
            if !told {
                tracing::warn!(
                    %error,
                    "ConfigMaps are not watched: what others do to them is put right at the next look only"
                );
            }
            told = true;
            touched.forget();
            tokio::time::sleep(FORBIDDEN_PAUSE).await;
        }
    }
}

/// One watch, until nobody exports any more. Breaks are mended, a prohibition ends it.
async fn follow(
    context: &Context,
    namespace: Option<&str>,
    wakes: &[UnboundedSender<Wake>],
) -> Result<(), watcher::Error> {
    let client = context.client.clone();
    let api: Api<Meta> = match namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    };
    let config = watcher::Config::default().labels(&format!("{MANAGED_BY_LABEL}={OPERATOR}"));
    let events = watch_all(api, config).default_backoff();
    pin_mut!(events);
    let mut listed = HashSet::new();
    loop {
        match tokio::time::timeout(PERIOD, events.next()).await {
            Ok(Some(Ok(event))) => {
                for object in news(context, namespace, event, &mut listed) {
                    // Each queue knows the objects of its own watch only and drops other keys.
                    for wake in wakes {
                        // The receiver ends with the queue, at shutdown.
                        let _ = wake.unbounded_send(Wake::from(object.clone()));
                    }
                }
            }
            Ok(Some(Err(error))) if is_forbidden(&error) => return Err(error),
            Ok(Some(Err(error))) => {
                context.telemetry.metrics.watch_broke();
                tracing::debug!(%error, "the watch of ConfigMaps broke");
            }
            Ok(None) => return Ok(()),
            Err(_) => {
                if !context.objects().any(|object| exports(&object)) {
                    context.touched.forget();
                    return Ok(());
                }
            }
        }
    }
}

/// The objects whose `ConfigMaps` are others than they left them.
fn news(
    context: &Context,
    namespace: Option<&str>,
    event: Event<Meta>,
    listed: &mut HashSet<Key>,
) -> Vec<ObjectRef<Guarded>> {
    let touched = &context.touched;
    let version = |map: &Meta| map.resource_version().unwrap_or_default();
    let (map, news) = match event {
        Event::Init => {
            listed.clear();
            return Vec::new();
        }
        Event::InitApply(map) => {
            listed.insert(key(&map));
            let news = touched.shows(key(&map), &version(&map), true);
            (map, news)
        }
        Event::Apply(map) => {
            let news = touched.shows(key(&map), &version(&map), false);
            (map, news)
        }
        Event::Delete(map) => {
            let news = touched.goes(&key(&map));
            (map, news)
        }
        Event::InitDone => return removed(context, namespace, listed),
    };
    owner(&map).filter(|_| news).into_iter().collect()
}

/// The objects whose `ConfigMaps` are not in a full list of the namespace.
fn removed(
    context: &Context,
    namespace: Option<&str>,
    listed: &HashSet<Key>,
) -> Vec<ObjectRef<Guarded>> {
    let inside = |(place, _): &Key| namespace.is_none_or(|namespace| namespace == place);
    let lacks = |object: &IdentityPool| {
        let missing = recorded(object).filter(|key| inside(key) && !listed.contains(key));
        // Every one is noted, whichever wakes the object.
        let news = missing.map(|key| context.touched.shows(key, GONE, false));
        news.filter(|news| *news).count() > 0
    };
    let objects = context.objects().filter(lacks);
    objects
        .map(|object| ObjectRef::from_obj(&DeserializeGuard(Ok(object))))
        .collect()
}

fn key(map: &Meta) -> Key {
    (map.namespace().unwrap_or_default(), map.name_any())
}

/// The object that a `ConfigMap` belongs to.
fn owner(map: &Meta) -> Option<ObjectRef<Guarded>> {
    let kind = IdentityPool::kind(&());
    let owner = map
        .owner_references()
        .iter()
        .find(|owner| owner.controller == Some(true) && owner.kind == kind)?;
    Some(ObjectRef::new(&owner.name).within(&map.namespace()?))
}

fn is_forbidden(error: &watcher::Error) -> bool {
    matches!(
        error,
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
            if status.is_forbidden()
    )
}
