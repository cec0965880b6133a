//! Events: filed on transitions, off the path of the pass that caused them.
//!
//! A pass hands its note over and goes on; when the apiserver is too slow for
//! Events, Events are dropped, never passes delayed.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
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
        let reporter = Reporter {
            controller: OPERATOR.to_owned(),
            instance: None,
        };
        tokio::spawn(file(Recorder::new(client, reporter), receiver, telemetry));
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
    recorder: Recorder,
    mut notes: mpsc::Receiver<(ObjectReference, Note)>,
    telemetry: Arc<Telemetry>,
) {
    while let Some((object, note)) = notes.recv().await {
        let event = Event {
            type_: match note.weight {
                Weight::Normal => EventType::Normal,
                Weight::Warning => EventType::Warning,
            },
            reason: note.reason,
            note: Some(cut(&note.message)),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        match recorder.publish(&event, &object).await {
            Ok(()) => telemetry.metrics.apiserver_written("event"),
            Err(error) => tracing::debug!(error = sentence(&error), "an Event was not filed"),
        }
    }
}

/// A note as long as an Event may have it.
pub(crate) fn cut(message: &str) -> String {
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
