//! Events: filed on transitions, off the path of the pass that caused them.
//!
//! A pass hands its note over and goes on; when the apiserver is too slow for
//! Events, Events are dropped, never passes delayed.
//!
//! Each note is an Event of its own. The recorder of kube-runtime would join repeats, of which
//! transitions have few, and for that keeps every Event of six minutes and walks through all of
//! them for each new one: a third of the heap of 1,000 creations, and work that grows with
//! the square of them.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::{Client, Resource};
use tokio::sync::mpsc;

use super::sentence::sentence;
use crate::api::IdentityPool;
use crate::api::names::OPERATOR;
use crate::pool::notes::{Note, Weight};
use crate::telemetry::Telemetry;

/// Notes that may wait for the apiserver.
const WAITING: usize = 1024;

/// An Event note may have 1 kB (Kubernetes, `events.k8s.io/v1`).
const NOTE_LIMIT: usize = 1000;

/// The way in for notes.
#[derive(Clone, Debug)]
pub(super) struct Publisher(mpsc::Sender<(ObjectReference, Note)>);

impl Publisher {
    /// Starts the task that files Events; it ends with the last handle.
    pub(super) fn start(client: Client, telemetry: Arc<Telemetry>) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(file(client, receiver, telemetry));
        Self(sender)
    }

    /// Files a note about an object, some time soon.
    pub(super) fn publish(&self, object: &IdentityPool, note: Note) {
        if self.0.try_send((object.object_ref(&()), note)).is_err() {
            tracing::debug!("an Event was dropped: the apiserver takes them too slowly");
        }
    }
}

async fn file(
    client: Client,
    mut notes: mpsc::Receiver<(ObjectReference, Note)>,
    telemetry: Arc<Telemetry>,
) {
    while let Some((object, note)) = notes.recv().await {
        match file_one(&client, &object, "Reconcile", note).await {
            Ok(()) => telemetry.metrics.apiserver_written("event"),
            Err(error) => tracing::debug!(error = sentence(&error), "an Event was not filed"),
        }
    }
}

/// Files an Event on what is done about an object.
///
/// # Errors
/// When the apiserver does not take it.
pub(crate) async fn file_one(
    client: &Client,
    object: &ObjectReference,
    action: &str,
    note: Note,
) -> Result<(), kube::Error> {
    let namespace = object.namespace.as_deref().unwrap_or_default();
    let events: Api<Event> = Api::namespaced(client.clone(), namespace);
    let event = event(object, action, note, Timestamp::now());
    events.create(&PostParams::default(), &event).await?;
    Ok(())
}

fn event(object: &ObjectReference, action: &str, note: Note, now: Timestamp) -> Event {
    let kind = match note.weight {
        Weight::Normal => "Normal",
        Weight::Warning => "Warning",
    };
    let name = object.name.as_deref().unwrap_or(OPERATOR);
    Event {
        metadata: ObjectMeta {
            namespace: object.namespace.clone(),
            // As other programs name theirs: unique, and found beside the object.
            name: Some(format!("{name}.{:x}", now.as_nanosecond())),
            ..ObjectMeta::default()
        },
        type_: Some(kind.to_owned()),
        reason: Some(note.reason),
        note: Some(cut(&note.message)),
        action: Some(action.to_owned()),
        regarding: Some(object.clone()),
        event_time: Some(MicroTime(now)),
        reporting_controller: Some(OPERATOR.to_owned()),
        reporting_instance: Some(OPERATOR.to_owned()),
        ..Event::default()
    }
}

/// A note as long as an Event may have it.
fn cut(message: &str) -> String {
    let mut end = message.len().min(NOTE_LIMIT);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    message[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_note_is_cut_between_characters() {
        let cut = cut(&"ä".repeat(700));
        assert_eq!(cut.len(), NOTE_LIMIT);
        assert!(cut.chars().all(|char| char == 'ä'));
    }
}
