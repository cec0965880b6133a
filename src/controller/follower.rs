//! Follows the kinds that objects take values from.
//!
//! Each kind in use has one watch, which transfers metadata alone and waits for a kind that
//! is not served yet or not allowed. A change wakes those who take a value from the object.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::channel::mpsc::UnboundedSender;
use kube::api::Api;
use kube::core::discovery::Scope;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind, PartialObjectMeta};
use kube::discovery::pinned_kind;
use kube::error::DiscoveryError;
use kube::runtime::WatchStreamExt;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher::{self, Event};
use kube::{Client, Error, ResourceExt};
use tokio::sync::watch;

use super::context::Guarded;
use super::existence::Wake;
use super::followed::{Followed, Kind, Place, State};
use super::memories::Memories;
use super::stream;
use super::watch::config;
use crate::pool::sources::Absence;
use crate::telemetry::Telemetry;

/// Between two tries of a kind that is not served or not allowed: a definition that is
/// installed is noticed within seconds, at the price of a request or two.
const RETRY: Duration = Duration::from_secs(10);

/// Metadata of any object.
type Partial = PartialObjectMeta<DynamicObject>;

/// The follower, with the table of what is followed for whom.
pub(super) struct Follower {
    client: Client,
    memories: Arc<Memories>,
    telemetry: Arc<Telemetry>,
    table: Mutex<Followed>,
    wakes: Mutex<Vec<UnboundedSender<Wake>>>,
}

impl Follower {
    pub(super) fn new(
        client: Client,
        memories: Arc<Memories>,
        telemetry: Arc<Telemetry>,
    ) -> Arc<Self> {
        Arc::new(Self {
            client,
            memories,
            telemetry,
            table: Mutex::default(),
            wakes: Mutex::default(),
        })
    }

    /// Where keys of objects go whose values may have changed.
    pub(super) fn wake_through(&self, wakes: &[UnboundedSender<Wake>]) {
        *self.wakes.lock().unwrap_or_else(PoisonError::into_inner) = wakes.to_vec();
    }

    pub(super) fn table(&self) -> MutexGuard<'_, Followed> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches a kind for as long as somebody uses it.
    pub(super) async fn follow_kind(self: Arc<Self>, kind: Kind, state: watch::Sender<State>) {
        loop {
            let absence = match self.discover(&kind).await {
                Ok(Ok(resource)) => Some(self.watch_kind(&kind, resource, &state).await),
                Ok(Err(absence)) => Some(absence),
                Err(error) => {
                    tracing::debug!(%error, kind = kind.name, "a kind was not looked up");
                    None
                }
            };
            if let Some(absence) = absence {
                self.turn(&kind, &state, &State::Failing(absence));
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// The resource of a kind, if there is one that can be referred to.
    async fn discover(&self, kind: &Kind) -> Result<Result<ApiResource, Absence>, Error> {
        let (group, version) = kind.api_version.split_once('/').unwrap_or_default();
        let gvk = match version {
            "" => GroupVersionKind::gvk("", &kind.api_version, &kind.name),
            version => GroupVersionKind::gvk(group, version, &kind.name),
        };
        match pinned_kind(&self.client, &gvk).await {
            Ok((_, capabilities)) if capabilities.scope == Scope::Cluster => {
                Ok(Err(Absence::NotNamespaced))
            }
            Ok((resource, _)) => Ok(Ok(resource)),
            Err(Error::Discovery(DiscoveryError::MissingKind(_))) => Ok(Err(Absence::NoKind)),
            Err(error) => absence(&error).map(Err).ok_or(error),
        }
    }

    /// Passes changes on until the kind can no longer be watched, and says why.
    async fn watch_kind(
        &self,
        kind: &Kind,
        resource: ApiResource,
        state: &watch::Sender<State>,
    ) -> Absence {
        let api: Api<Partial> = match &kind.namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        };
        let mut events = std::pin::pin!(stream::events(api, config(None)).default_backoff());
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Apply(object) | Event::Delete(object)) => self.changed(kind, &object),
                Ok(Event::InitDone) => {
                    self.turn(kind, state, &State::Following(resource.clone()));
                }
                Ok(Event::Init | Event::InitApply(_)) => {}
                Err(error) => {
                    self.telemetry.metrics.watch_broke();
                    if let Some(absence) = ending(&error) {
                        return absence;
                    }
                    tracing::debug!(%error, kind = kind.name, "watch broke and is started again");
                }
            }
        }
        Absence::NotFollowed
    }

    /// A watch has come to another state, or has listed anew: who went on without it, or on
    /// what it showed before, hears of it.
    fn turn(&self, kind: &Kind, state: &watch::Sender<State>, new: &State) {
        let old = state.send_replace(new.clone());
        let mut table = self.table();
        let missed = table.was_missed(kind);
        let relisted = old == *new && matches!(new, State::Following(_));
        if missed || relisted || (old != State::Starting && old != *new) {
            let users = table.users_of_kind(kind);
            drop(table);
            self.wake(users);
        }
    }

    fn changed(&self, kind: &Kind, object: &Partial) {
        let place = Place {
            kind: kind.clone(),
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
        };
        let users = self.table().users_of(&place);
        self.wake(users);
    }

    fn wake(&self, users: Vec<(String, ObjectRef<Guarded>)>) {
        let wakes = self.wakes.lock().unwrap_or_else(PoisonError::into_inner);
        for (uid, object) in users {
            self.memories.hears(&uid);
            for wake in wakes.iter() {
                // The receiver ends with the queue, at shutdown.
                let _ = wake.unbounded_send(Wake::from(object.clone()));
            }
        }
    }
}

/// Why a watch cannot go on, where trying again at once is of no use.
fn ending(error: &watcher::Error) -> Option<Absence> {
    match error {
        watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error) => {
            absence(error)
        }
        watcher::Error::WatchError(_)
        | watcher::Error::WatchFailed(_)
        | watcher::Error::NoResourceVersion => None,
    }
}

/// What an answer of the apiserver says about a kind, where it says anything.
pub(super) fn absence(error: &Error) -> Option<Absence> {
    match error {
        // By code: for an unknown group the apiserver answers plain text without a reason.
        Error::Api(status) if status.code == 404 => Some(Absence::NoKind),
        Error::Api(status) if status.code == 403 => {
            Some(Absence::Forbidden(status.message.clone()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use futures::channel::mpsc::{UnboundedReceiver, unbounded};

    use std::collections::HashSet;

    use tokio_util::task::AbortOnDropHandle;

    use super::super::followed::Watch;
    use super::*;
    use crate::pool::memory::Arrival;
    use crate::pool::sources::Target;

    /// A follower without a cluster, whose one object takes a value from one of this kind.
    struct Scene {
        follower: Arc<Follower>,
        kind: Kind,
        states: watch::Sender<State>,
        wakes: UnboundedReceiver<Wake>,
    }

    impl Scene {
        fn new(state: State) -> Self {
            let nowhere = kube::Config::new("http://127.0.0.1:9".parse().expect("a URI"));
            let memories = Arc::new(Memories::default());
            memories.arrived("uid", Arrival::Event);
            let client = Client::try_from(nowhere).expect("a client");
            let follower = Follower::new(client, memories, Telemetry::new());
            let (sender, wakes) = unbounded();
            follower.wake_through(&[sender]);
            let target = Target {
                api_version: "v1".into(),
                kind: "ConfigMap".into(),
                name: "ids".into(),
            };
            let place = Place::of(&target, "shop", true);
            let kind = place.kind.clone();
            let (states, receiver) = watch::channel(state);
            let task = AbortOnDropHandle::new(tokio::spawn(std::future::pending()));
            let object = ObjectRef::new("app").within("shop");
            let mut table = follower.table();
            table.note("uid", object, HashSet::from([place]));
            table.open(kind.clone(), Watch::new(receiver, task));
            drop(table);
            Self {
                follower,
                kind,
                states,
                wakes,
            }
        }

        /// Whether the object is woken, and its next pass does not pause.
        fn hears_of(&mut self, new: &State) -> bool {
            let news = self.follower.memories.begin("uid").news;
            self.follower.turn(&self.kind, &self.states, new);
            let woken = self.wakes.try_recv().is_ok();
            let heard = self.follower.memories.begin("uid").news != news;
            assert_eq!(woken, heard);
            woken
        }
    }

    fn following() -> State {
        State::Following(ApiResource::erase::<k8s_openapi::api::core::v1::ConfigMap>(
            &(),
        ))
    }

    #[tokio::test]
    async fn who_waited_for_a_kind_hears_when_it_is_there_and_when_it_is_listed_anew() {
        let mut scene = Scene::new(State::Failing(Absence::NoKind));
        assert!(!scene.hears_of(&State::Failing(Absence::NoKind)), "no news");
        assert!(scene.hears_of(&following()));
        assert!(
            scene.hears_of(&following()),
            "what changed between is not known"
        );
        assert!(
            scene.hears_of(&State::Failing(Absence::NoKind)),
            "it is gone"
        );
    }

    #[tokio::test]
    async fn the_first_list_wakes_only_who_could_not_wait_for_it() {
        let mut scene = Scene::new(State::Starting);
        assert!(
            !scene.hears_of(&following()),
            "the pass itself waits for it"
        );
        let mut scene = Scene::new(State::Starting);
        scene.follower.table().miss(&scene.kind);
        assert!(scene.hears_of(&following()));
    }
}
