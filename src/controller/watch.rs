//! From watch events to keys in the queue.
//!
//! Objects that this version cannot read are counted and left aside, so that one
//! of them never stops the rest. What a person can change to be heard wakes a pass, and
//! so does a status that somebody else wrote; our own writes wake nobody.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use futures::{Stream, StreamExt, TryStreamExt};
use kube::api::Api;
use kube::runtime::controller::ReconcileRequest;
use kube::runtime::reflector::{ObjectRef, store::Writer};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{PredicateConfig, WatchStreamExt};
use kube::{Resource, ResourceExt};

use super::context::Guarded;
use super::listing::Listing;
use super::memories::Memories;
use super::references::References;
use super::sentence::{answer, sentence};
use super::stream;
use crate::api::IdentityPool;
use crate::api::names::{CLAIM_ANNOTATION, FINALIZER, RECONCILE_AT_ANNOTATION};
use crate::pool::memory::Arrival;
use crate::telemetry::Telemetry;

/// Ends a watch and with it notices a dead connection; a resumed watch costs one
/// request. Below the 290 s of the library, whose silence would last as long.
pub(super) const WATCH_SECONDS: u32 = 60;

/// How objects are watched.
pub(super) fn config(selector: Option<&str>) -> watcher::Config {
    let config = watcher::Config::default().timeout(WATCH_SECONDS);
    match selector {
        Some(selector) => config.labels(selector),
        None => config,
    }
}

/// A watch that broke; the log knows.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    /// It is started again.
    #[error("{0}")]
    Passing(String),
    /// The apiserver does not understand the selector, and never will.
    #[error("{0}")]
    Selector(String),
}

impl Broken {
    /// Whether starting anew is of no use.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Passing(_) => false,
            Self::Selector(_) => true,
        }
    }
}

/// One watch among those of the process, and what it reports to.
pub(super) struct Report {
    /// Its place in the listing.
    pub(super) watch: usize,
    /// Which labels it asks for.
    pub(super) selector: Option<String>,
    pub(super) listing: Arc<Listing>,
    pub(super) memories: Arc<Memories>,
    pub(super) references: Arc<References>,
    pub(super) telemetry: Arc<Telemetry>,
}

/// The keys of objects that changed in a way that matters; fills the store on the way.
pub(super) fn keys(
    api: Api<Guarded>,
    config: watcher::Config,
    writer: Writer<Guarded>,
    report: Report,
) -> impl Stream<Item = Result<ReconcileRequest<Guarded>, Broken>> + Send + 'static {
    let report = Arc::new(report);
    let broken = Arc::clone(&report);
    let memories = Arc::clone(&report.memories);
    let events = stream::events(api, config)
        .default_backoff()
        .modify(slim)
        .inspect_ok(move |event| report.event(event))
        .reflect(writer);
    stored_objects(events)
        .predicate_filter(
            move |object: &Guarded| Some(trigger(object, &memories)),
            PredicateConfig::default(),
        )
        .map_ok(|object| ReconcileRequest::from(ObjectRef::from_obj(&object)))
        .map_err(move |error| broken.broken(&error))
}

/// The objects of events, those of a list when it is complete: the store shows none of them
/// before, and a pass in between would find an older object, or none.
fn stored_objects(
    events: impl Stream<Item = watcher::Result<Event<Guarded>>> + Send + 'static,
) -> impl Stream<Item = watcher::Result<Guarded>> + Send + 'static {
    let ready = events.scan(Vec::new(), |list, event| {
        let objects = match event {
            Err(error) => vec![Err(error)],
            Ok(Event::Apply(object)) => vec![Ok(object)],
            Ok(Event::InitApply(object)) => {
                list.push(Ok(object));
                Vec::new()
            }
            Ok(Event::InitDone) => std::mem::take(list),
            Ok(Event::Init) => {
                list.clear();
                Vec::new()
            }
            Ok(Event::Delete(_)) => Vec::new(),
        };
        std::future::ready(Some(objects))
    });
    ready.flat_map(futures::stream::iter)
}

/// The name under which `kubectl apply` keeps a copy of the whole object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Drops what nobody here reads, and what makes up most of an object. Writes are
/// patches of our own keys, so nothing is lost on the server.
fn slim(object: &mut Guarded) {
    object.managed_fields_mut().clear();
    object.annotations_mut().remove(LAST_APPLIED);
}

/// What wakes a pass when it changes.
fn trigger(object: &Guarded, memories: &Memories) -> u64 {
    let mut hasher = DefaultHasher::new();
    object.meta().generation.hash(&mut hasher);
    object
        .annotations()
        .get(RECONCILE_AT_ANNOTATION)
        .hash(&mut hasher);
    unmarked(object).hash(&mut hasher);
    meddled(object, memories).hash(&mut hasher);
    hasher.finish()
}

/// The version in which somebody else wrote the status: another each time.
fn meddled(object: &Guarded, memories: &Memories) -> Option<String> {
    let status = object.0.as_ref().ok()?.status.as_ref();
    let foreign = memories.is_foreign(&object.uid()?, status)?;
    foreign.then(|| object.resource_version()).flatten()
}

/// Whether somebody took finalizer or claim away from an object with a pool. Our own
/// marks come before the pool is recorded, so they wake nobody.
fn unmarked(object: &Guarded) -> bool {
    let status = object
        .0
        .as_ref()
        .ok()
        .and_then(|object| object.status.as_ref());
    let recorded = status.is_some_and(|status| status.identity_pool_id.is_some());
    let held = object.finalizers().iter().any(|name| name == FINALIZER);
    recorded && !(held && object.annotations().contains_key(CLAIM_ANNOTATION))
}

impl Report {
    fn event(&self, event: &Event<Guarded>) {
        let (object, arrival) = match event {
            Event::Apply(object) => (object, Arrival::Event),
            Event::InitApply(object) => (object, Arrival::Listed),
            Event::InitDone => return self.listing.complete(self.watch),
            Event::Delete(object) => {
                self.references.forget(object.uid().as_deref());
                if let Some(uid) = object.uid() {
                    self.memories.vanished(&uid);
                    self.memories.shows(&uid, None);
                }
                return vanished(object);
            }
            Event::Init => return,
        };
        if let Some(uid) = object.uid() {
            self.memories.arrived(&uid, arrival);
            if let Ok(object) = &object.0 {
                self.memories.shows(&uid, Some(object));
            }
        }
        if let Err(invalid) = &object.0 {
            self.telemetry.metrics.undecodable();
            tracing::error!(
                namespace = object.namespace(),
                name = object.name_any(),
                error = invalid.error,
                "object cannot be read by this version and is left alone"
            );
        }
    }

    fn broken(&self, error: &watcher::Error) -> Broken {
        self.telemetry.metrics.watch_broke();
        let said = words(error);
        match (refusal(error), &self.selector) {
            // Once it has listed, the apiserver has understood the selector.
            (Some(400), Some(selector)) if !self.listing.has(self.watch) => {
                Broken::Selector(format!("{selector:?} is no label selector: {said}"))
            }
            (Some(404), _) => {
                let what = "the CustomResourceDefinition identitypools.cognito-identity.dev is not \
                            installed; apply the files of crds/";
                tracing::warn!("{what}");
                self.listing.fails(self.watch, what);
                Broken::Passing(said)
            }
            _ => {
                tracing::warn!(error = said, "watch broke and is started again");
                if !self.listing.has(self.watch) {
                    let what = format!("objects cannot be listed yet: {said}");
                    self.listing.fails(self.watch, &what);
                }
                Broken::Passing(said)
            }
        }
    }
}

/// The code with which the apiserver refuses a watch. Its reason is no help: for an
/// unknown group it answers plain text without one.
fn refusal(error: &watcher::Error) -> Option<u16> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => Some(status.code),
        _ => None,
    }
}

fn words(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => sentence(error),
        watcher::Error::WatchError(status) => answer(status),
        watcher::Error::NoResourceVersion => error.to_string(),
    }
}

/// Says so when an object takes its pool's only record with it.
fn vanished(object: &Guarded) {
    if let Some(pool_id) = object.0.as_ref().ok().and_then(left_behind) {
        tracing::warn!(
            namespace = object.namespace(),
            name = object.name_any(),
            uid = object.uid(),
            pool_id,
            "the object went in spite of the operator's finalizer; its pool stays in AWS"
        );
    }
}

/// The pool of an object that went in spite of our finalizer: it was deleted in the very
/// moment in which the finalizer came, and the apiserver does not look again. Such an object
/// never had a time of deletion; one that was let go shows its last finalizer still, but has
/// one. Its pool stays, if its id was on record by then; the pass that made it sees to the
/// others.
fn left_behind(object: &IdentityPool) -> Option<&str> {
    let held = object.finalizers().iter().any(|name| name == FINALIZER);
    let unasked = object.metadata.deletion_timestamp.is_none();
    let status = object.status.as_ref().filter(|_| held && unasked)?;
    status.identity_pool_id.as_deref()
}

/// Ends a stream of keys when the operator is asked to stop; running passes go on.
///
/// The chain drops the stream, and the writer of the store with it: a queue that still
/// waits for its first list would otherwise wait on, although nothing fills the store.
pub(super) fn until<S: Stream>(
    keys: S,
    stop: tokio_util::sync::CancellationToken,
) -> impl Stream<Item = S::Item> {
    let ended = futures::stream::empty();
    keys.take_until(stop.cancelled_owned()).chain(ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(selector: Option<&str>) -> Report {
        let telemetry = Telemetry::new();
        let memories = Arc::<Memories>::default();
        let nowhere = kube::Config::new("http://127.0.0.1:9".parse().expect("a URI"));
        let client = kube::Client::try_from(nowhere).expect("a client");
        let (known, told) = (Arc::clone(&memories), Arc::clone(&telemetry));
        Report {
            watch: 0,
            selector: selector.map(str::to_owned),
            listing: Listing::new(1, Arc::clone(&telemetry)),
            references: Arc::new(References::new(client, true, known, told)),
            memories,
            telemetry,
        }
    }

    #[test]
    fn only_an_object_that_nobody_let_go_leaves_its_pool_behind() {
        let gone = |metadata: serde_json::Value| -> IdentityPool {
            serde_json::from_value(serde_json::json!({
                "apiVersion": "cognito-identity.dev/v1alpha1", "kind": "IdentityPool",
                "metadata": metadata, "spec": {}, "status": { "identityPoolId": "r:1" },
            }))
            .expect("an object")
        };
        let held = serde_json::json!({ "name": "app", "finalizers": [FINALIZER] });
        assert_eq!(left_behind(&gone(held.clone())), Some("r:1"));
        let mut let_go = held;
        let_go["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        assert_eq!(left_behind(&gone(let_go)), None);
        assert_eq!(
            left_behind(&gone(serde_json::json!({ "name": "app" }))),
            None
        );
    }

    fn refused(code: u16) -> watcher::Error {
        let status = kube::core::Status::failure("not so", "Reason").with_code(code);
        watcher::Error::WatchStartFailed(kube::Error::Api(status.boxed()))
    }

    #[tokio::test]
    async fn a_selector_is_given_up_only_if_the_apiserver_refuses_it_from_the_first() {
        let selective = report(Some("a=b=c"));
        assert!(
            matches!(selective.broken(&refused(400)), Broken::Selector(why)
            if why == "\"a=b=c\" is no label selector: not so (HTTP 400)")
        );
        assert!(matches!(
            selective.broken(&refused(403)),
            Broken::Passing(_)
        ));
        assert!(matches!(
            report(None).broken(&refused(400)),
            Broken::Passing(_)
        ));
        selective.listing.complete(0);
        assert!(matches!(
            selective.broken(&refused(400)),
            Broken::Passing(_)
        ));
    }
}
