//! Reads the values that objects take from others.
//!
//! A value is read only while its kind is watched, so that no later change is missed. What
//! is read is handed to the core and kept nowhere.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::channel::mpsc::UnboundedSender;
use futures::stream;
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::ByteString;
use kube::api::GetParams;
use kube::core::{ApiResource, DynamicObject, Request, Resource};
use kube::runtime::reflector::ObjectRef;
use kube::{Client, Error, ResourceExt};
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::client::whole;
use super::existence::Wake;
use super::followed::{Kind, Place, State, Watch};
use super::follower::{Follower, absence};
use super::memories::Memories;
use crate::api::IdentityPool;
use crate::pool::sources::{Absence, Findings, Source};
use crate::telemetry::Telemetry;

/// A pass waits this long for a watch to list; clusters with very many objects of a kind
/// take longer, and then the watch itself wakes who has waited.
const LISTED_WITHIN: Duration = Duration::from_secs(5);

/// Requests of one pass at once.
const AT_ONCE: usize = 4;

/// The reader.
pub(super) struct References {
    client: Client,
    /// Whether one watch covers all namespaces.
    everywhere: bool,
    follower: Arc<Follower>,
}

impl References {
    pub(super) fn new(
        client: Client,
        everywhere: bool,
        memories: Arc<Memories>,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        Self {
            follower: Follower::new(client.clone(), memories, telemetry),
            client,
            everywhere,
        }
    }

    /// Where keys of objects go whose values may have changed.
    pub(super) fn wake_through(&self, wakes: &[UnboundedSender<Wake>]) {
        self.follower.wake_through(wakes);
    }

    /// An object takes no values any more, or is gone.
    pub(super) fn forget(&self, uid: Option<&str>) {
        if let Some(uid) = uid {
            self.follower.table().forget(uid);
        }
    }

    /// Follows what an object takes values from, and reads it. Fails where the apiserver
    /// gives no answer.
    pub(super) async fn read(
        &self,
        object: &IdentityPool,
        sources: &BTreeSet<Source>,
    ) -> Result<Findings, String> {
        let namespace = object.namespace().unwrap_or_default();
        let mut places = HashMap::<Place, Vec<Source>>::new();
        for source in sources {
            let place = Place::of(source.target(), &namespace, self.everywhere);
            places.entry(place).or_default().push(source.clone());
        }
        self.follow(object, places.keys().cloned().collect());
        let reads: Vec<_> = places
            .into_iter()
            .map(|(place, sources)| self.findings(place, sources))
            .collect();
        let found: Vec<Findings> = stream::iter(reads)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
            .map_err(|error: Error| error.to_string())?;
        Ok(found.into_iter().flatten().collect())
    }

    fn follow(&self, object: &IdentityPool, places: HashSet<Place>) {
        let namespace = object.namespace().unwrap_or_default();
        let key = ObjectRef::new(&object.name_any()).within(&namespace);
        let uid = object.uid().unwrap_or_default();
        let mut table = self.follower.table();
        for kind in table.note(&uid, key, places) {
            let (state, states) = watch::channel(State::Starting);
            let task = tokio::spawn(Arc::clone(&self.follower).follow_kind(kind.clone(), state));
            table.open(kind, Watch::new(states, AbortOnDropHandle::new(task)));
        }
    }

    /// The values of one object for those sources that lead to it.
    async fn findings(&self, place: Place, sources: Vec<Source>) -> Result<Findings, Error> {
        let object = self.object_at(&place).await?;
        let finding = |source: &Source| match &object {
            Ok(object) => source.pick(object, decode),
            Err(absence) => Err(absence.clone()),
        };
        let pair = |source: Source| {
            let finding = finding(&source);
            (source, finding)
        };
        Ok(sources.into_iter().map(pair).collect())
    }

    /// An object as it is now, once its kind is watched.
    async fn object_at(&self, place: &Place) -> Result<Result<Value, Absence>, Error> {
        let resource = match self.resource_of(&place.kind).await {
            Ok(resource) => resource,
            Err(absence) => return Ok(Err(absence)),
        };
        let url = DynamicObject::url_path(&resource, Some(&place.namespace));
        let get = Request::new(url).get(&place.name, &GetParams::default());
        // As text: the client would log an answer that it cannot parse.
        let answer = match get {
            Ok(request) => whole(self.client.request_text(request)).await,
            Err(error) => Err(Error::BuildRequest(error)),
        };
        match answer {
            Ok(text) => Ok(serde_json::from_str(&text).map_err(|_| Absence::NotText)),
            Err(error) => match absence(&error) {
                Some(Absence::NoKind) => Ok(Err(Absence::NoObject)),
                Some(absence) => Ok(Err(absence)),
                None => Err(error),
            },
        }
    }

    /// The resource of a kind that is watched by now.
    async fn resource_of(&self, kind: &Kind) -> Result<ApiResource, Absence> {
        let states = self.follower.table().state(kind);
        let mut states = states.ok_or(Absence::NotFollowed)?;
        let begun = states.wait_for(|state| *state != State::Starting);
        let state = match tokio::time::timeout(LISTED_WITHIN, begun).await {
            Ok(Ok(state)) => state.clone(),
            // The watch has ended with its last user, or is slow.
            Ok(Err(_)) | Err(_) => State::Starting,
        };
        match state {
            State::Following(resource) => Ok(resource),
            State::Failing(absence) => Err(absence),
            State::Starting => {
                self.follower.table().miss(kind);
                Err(Absence::NotFollowed)
            }
        }
    }
}

/// The text of a value of a Secret.
fn decode(text: &str) -> Option<String> {
    let bytes: ByteString = serde_json::from_value(Value::String(text.to_owned())).ok()?;
    String::from_utf8(bytes.0).ok()
}
