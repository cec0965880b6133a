//! From watch events to keys in the queue.
//!
//! Objects that this version cannot read are counted and left aside, so that one
//! of them never stops the rest. What neither generation nor `reconcile-at`
//! changes wakes nobody: our own writes among it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use futures::{Stream, StreamExt, TryStreamExt};
use kube::api::Api;
use kube::runtime::controller::ReconcileRequest;
use kube::runtime::reflector::{ObjectRef, store::Writer};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{PredicateConfig, WatchStreamExt, watcher as watch};
use kube::{Resource, ResourceExt};

use super::context::Guarded;
use super::memories::Memories;
use crate::api::names::RECONCILE_AT_ANNOTATION;
use crate::pool::memory::Arrival;
use crate::telemetry::{Telemetry, health};

/// Ends a watch and with it notices a dead connection; a resumed watch costs one
/// request. Below the 290 s of the library, whose silence would last as long.
const WATCH_SECONDS: u32 = 60;

/// How objects are watched.
pub(super) fn config(selector: Option<&str>) -> watcher::Config {
    let config = watcher::Config::default()
        .streaming_lists()
        .timeout(WATCH_SECONDS);
    match selector {
        Some(selector) => config.labels(selector),
        None => config,
    }
}

/// The keys of objects that changed in a way that matters; fills the store on the way.
pub(super) fn keys(
    api: Api<Guarded>,
    config: watcher::Config,
    writer: Writer<Guarded>,
    memories: Arc<Memories>,
    telemetry: Arc<Telemetry>,
) -> impl Stream<Item = Result<ReconcileRequest<Guarded>, watcher::Error>> + Send + 'static {
    let watched = Arc::clone(&telemetry);
    watch(api, config)
        .inspect_err(move |error| broken(&watched, error))
        .default_backoff()
        .modify(|object: &mut Guarded| object.managed_fields_mut().clear())
        .inspect_ok(move |event| arrived(&memories, &telemetry, event))
        .reflect(writer)
        .applied_objects()
        .predicate_filter(trigger, PredicateConfig::default())
        .map_ok(|object| ReconcileRequest::from(ObjectRef::from_obj(&object)))
}

/// What a person can change to be heard.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a predicate")]
fn trigger(object: &Guarded) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    object.meta().generation.hash(&mut hasher);
    object
        .annotations()
        .get(RECONCILE_AT_ANNOTATION)
        .hash(&mut hasher);
    Some(hasher.finish())
}

fn arrived(memories: &Memories, telemetry: &Telemetry, event: &Event<Guarded>) {
    let (object, arrival) = match event {
        Event::Apply(object) => (object, Arrival::Event),
        Event::InitApply(object) => (object, Arrival::Listed),
        Event::InitDone => return telemetry.health.holds(health::OBJECTS),
        Event::Init | Event::Delete(_) => return,
    };
    if let Some(uid) = object.uid() {
        memories.arrived(&uid, arrival);
    }
    if let Err(invalid) = &object.0 {
        telemetry.metrics.undecodable();
        tracing::error!(
            namespace = object.namespace(),
            name = object.name_any(),
            error = invalid.error,
            "object cannot be read by this version and is left alone"
        );
    }
}

fn broken(telemetry: &Telemetry, error: &watcher::Error) {
    telemetry.metrics.watch_broke();
    let missing = matches!(
        error,
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
            // By code: for an unknown group the apiserver answers plain text without a reason.
            if status.code == 404
    );
    if missing {
        let what = "the CustomResourceDefinition identitypools.cognito-identity.dev is not installed; \
                    install the files of crds/ or the chart with crds.enabled";
        tracing::warn!("{what}");
        telemetry.health.fails(health::OBJECTS, what);
    } else {
        tracing::warn!(%error, "watch broke and is started again");
    }
}

/// Ends a stream of keys when the operator is asked to stop; running passes go on.
pub(super) fn until<S: Stream>(
    keys: S,
    stop: tokio_util::sync::CancellationToken,
) -> impl Stream<Item = S::Item> {
    keys.take_until(stop.cancelled_owned())
}
