//! Follows classes and namespaces, tries the ways of classes, and wakes the objects that a change
//! concerns: those alone, and one after the other.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::channel::mpsc::UnboundedSender;
use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;
use kube::api::Api;
use kube::core::{DeserializeGuard, PartialObjectMeta};
use kube::runtime::WatchStreamExt;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::{self, Event};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::class_keeper::{Kept, Tried, attempt};
use super::class_status;
use super::context::{Context, Guarded};
use super::existence::Wake;
use super::sentence::sentence;
use super::{stream, watch};
use crate::api::{IdentityPool, IdentityPoolClass};
use crate::pool::class::{Listing, Offer};
use crate::pool::class_report;
use crate::telemetry::health;

/// Between two objects that a change wakes: 1,000 of them begin within five seconds, and edits of
/// others find their place in between.
const APART: Duration = Duration::from_millis(5);

/// Between two looks at what there is to tell of classes, and at which of them is due.
const TICK: Duration = Duration::from_secs(1);

type Guard = DeserializeGuard<IdentityPoolClass>;
type Meta = PartialObjectMeta<Namespace>;
type Events<K> = Pin<Box<dyn Stream<Item = watcher::Result<Event<K>>> + Send>>;

/// All that one loop keeps.
struct Keeper<'a> {
    context: &'a Arc<Context>,
    wakes: &'a [UnboundedSender<Wake>],
    kept: BTreeMap<String, Kept>,
    /// Those that this version cannot read.
    unreadable: BTreeMap<String, String>,
    /// A list that is not complete yet.
    listing: Option<Vec<String>>,
    tries: JoinSet<Tried>,
    line: VecDeque<ObjectRef<Guarded>>,
    namespaces: Option<Events<Meta>>,
}

/// Follows them for ever.
pub(super) async fn watch(
    context: &Arc<Context>,
    selector: Option<&str>,
    wakes: &[UnboundedSender<Wake>],
) -> Infallible {
    let api: Api<Guard> = Api::all(context.client.clone());
    let mut classes: Events<Guard> =
        Box::pin(stream::events(api, watch::config(selector)).default_backoff());
    let mut keeper = Keeper {
        context,
        wakes,
        kept: BTreeMap::new(),
        unreadable: BTreeMap::new(),
        listing: None,
        tries: JoinSet::new(),
        line: VecDeque::new(),
        namespaces: None,
    };
    let mut tick = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            Some(event) = classes.next() => keeper.class_event(event),
            Some(event) = next(&mut keeper.namespaces) => keeper.namespace_event(event),
            Some(Ok(tried)) = keeper.tries.join_next() => keeper.tried(tried),
            () = tokio::time::sleep(APART), if !keeper.line.is_empty() => keeper.wake_one(),
            _ = tick.tick() => {
                keeper.try_those_due();
                keeper.wait_no_longer();
                class_status::publish(context, &mut keeper.kept).await;
            }
        }
    }
}

/// The next event of a stream that there may not be yet.
async fn next<K>(events: &mut Option<Events<K>>) -> Option<watcher::Result<Event<K>>> {
    match events {
        Some(events) => events.next().await,
        None => std::future::pending().await,
    }
}

impl Keeper<'_> {
    fn class_event(&mut self, event: watcher::Result<Event<Guard>>) {
        match event {
            Ok(Event::Init) => self.listing = Some(Vec::new()),
            Ok(Event::InitApply(object)) => {
                let name = object.name_any();
                self.listing.get_or_insert_default().push(name);
                self.take(object);
                return;
            }
            Ok(Event::InitDone) => {
                let listed = self.listing.take().unwrap_or_default();
                self.kept.retain(|name, _| listed.contains(name));
                self.unreadable.retain(|name, _| listed.contains(name));
                self.context.classes.table().catalogue.listing = Listing::Complete;
                self.context.telemetry.health.holds(health::CLASSES);
            }
            Ok(Event::Apply(object)) => self.take(object),
            Ok(Event::Delete(object)) => {
                self.kept.remove(&object.name_any());
                self.unreadable.remove(&object.name_any());
            }
            Err(error) => {
                self.context.telemetry.metrics.watch_broke();
                let Some(why) = refused(&error) else {
                    return;
                };
                let listing = &mut self.context.classes.table().catalogue.listing;
                if *listing == Listing::Complete {
                    return;
                }
                let what = format!("identitypoolclasses cannot be listed: {why}");
                tracing::warn!("{what}");
                self.context.telemetry.health.fails(health::CLASSES, what);
                *listing = Listing::Refused(why);
            }
        }
        self.try_those_due();
        self.renew();
    }

    fn take(&mut self, object: Guard) {
        let name = object.name_any();
        match object.0 {
            Ok(mut class) => {
                class.metadata.managed_fields = None;
                self.unreadable.remove(&name);
                match self.kept.get_mut(&name) {
                    Some(kept) => kept.take(class),
                    None => drop(self.kept.insert(name, Kept::new(class))),
                }
            }
            Err(invalid) => {
                self.kept.remove(&name);
                self.unreadable.insert(name, invalid.error);
            }
        }
    }

    fn namespace_event(&mut self, event: watcher::Result<Event<Meta>>) {
        let mut table = self.context.classes.table();
        match event {
            Ok(Event::Apply(object) | Event::InitApply(object)) => {
                let labels = object.labels().clone();
                table.labels.insert(object.name_any(), labels);
                if !table.labelled {
                    return;
                }
            }
            Ok(Event::Delete(object)) => drop(table.labels.remove(&object.name_any())),
            Ok(Event::InitDone) => table.labelled = true,
            Ok(Event::Init) => return,
            Err(error) => {
                let Some(why) = refused(&error) else {
                    return;
                };
                if !std::mem::replace(&mut table.labelled, true) {
                    tracing::warn!("of namespaces only the names are known to classes: {why}");
                }
            }
        }
        drop(table);
        self.renew();
    }

    /// Begins with those classes whose way is new, or was last gone long ago.
    fn try_those_due(&mut self) {
        let now = Instant::now();
        for kept in self.kept.values_mut() {
            if kept.is_trying || kept.due > now {
                continue;
            }
            kept.is_trying = true;
            let (context, object) = (Arc::clone(self.context), Arc::clone(&kept.object));
            let tries = kept.tries;
            self.tries
                .spawn(async move { attempt(&context, &object, tries).await });
        }
    }

    /// Lets passes go on that waited long enough for a way that hangs.
    fn wait_no_longer(&mut self) {
        let waited_for = self.context.classes.table().untried.clone();
        let over = |name: &String| self.kept.get(name).is_none_or(|kept| !kept.is_untried());
        if waited_for.iter().any(over) {
            self.renew();
        }
    }

    fn tried(&mut self, tried: Tried) {
        if let Some(kept) = self.kept.get_mut(&tried.class) {
            kept.learn(tried, self.context.operator.resync_period);
            self.renew();
        }
    }

    /// Shows passes what is known now, and lines up the objects that it concerns.
    fn renew(&mut self) {
        let region = &self.context.operator.region;
        let offers = self.kept.iter();
        let offers = offers.map(|(name, kept)| (name.clone(), kept.offer(region)));
        let unreadable = self.unreadable.iter().map(|(name, why)| {
            let offer = Offer {
                is_default: false,
                allowed: None,
                class: Err(class_report::unreadable(name, why)),
            };
            (name.clone(), offer)
        });
        let mut table = self.context.classes.table();
        table.catalogue.offers = offers.chain(unreadable).collect();
        let untried = self.kept.iter();
        let untried = untried.filter(|(_, kept)| kept.is_untried());
        table.untried = untried.map(|(name, _)| name.clone()).collect();
        let ways = self.kept.iter();
        let ways = ways.filter_map(|(name, kept)| Some((name, &kept.found.as_ref()?.way)));
        table.ways = ways
            .map(|(name, way)| (name.clone(), Arc::clone(way)))
            .collect();
        drop(table);
        if !self.kept.is_empty() && self.namespaces.is_none() {
            let api: Api<Meta> = Api::all(self.context.client.clone());
            let events = stream::events(api, watch::config(None)).default_backoff();
            self.namespaces = Some(Box::pin(events));
        }
        self.context.classes.changed();
        self.line_up();
    }

    /// A way that is tried for the first time concerns nobody yet.
    fn line_up(&mut self) {
        let table = self.context.classes.table();
        let concerned = |object: &IdentityPool| {
            let class = table.class_of(object);
            let is_known = class.is_none_or(|name| !table.untried.contains(name));
            is_known && table.is_outdated(object)
        };
        let waiting: HashSet<_> = self.line.iter().cloned().collect();
        for guarded in self.context.stores.iter().flat_map(Store::state) {
            let reference = ObjectRef::from_obj(&*guarded);
            if guarded.0.as_ref().is_ok_and(concerned) && !waiting.contains(&reference) {
                self.line.push_back(reference);
            }
        }
    }

    fn wake_one(&mut self) {
        let Some(object) = self.line.pop_front() else {
            return;
        };
        for wake in self.wakes {
            // The receiver ends with the queue, at shutdown.
            let _ = wake.unbounded_send(Wake::from(object.clone()));
        }
    }
}

/// Why the apiserver will not show a kind, where trying again at once is of no use.
fn refused(error: &watcher::Error) -> Option<String> {
    match error {
        watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error) => {
            let kube::Error::Api(status) = error else {
                return None;
            };
            matches!(status.code, 403 | 404).then(|| sentence(error))
        }
        watcher::Error::WatchError(_)
        | watcher::Error::WatchFailed(_)
        | watcher::Error::NoResourceVersion => None,
    }
}
