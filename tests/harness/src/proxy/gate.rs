//! The gate through which the apiserver's present is seen, and which can be shut.
//!
//! While it stands at a revision, nothing newer is seen. Shutting it takes two steps, because the
//! revision has to be asked for: meanwhile nothing passes at all, so that no event slips through
//! which is newer than the revision that comes back.

use tokio::sync::watch;

/// A revision of etcd: of the whole store, not of one object.
pub(super) type Revision = u64;

#[derive(Debug, Clone, Copy)]
enum Position {
    Open,
    Closing,
    At(Revision),
}

#[derive(Debug)]
pub(super) struct Gate(watch::Sender<Position>);

impl Default for Gate {
    fn default() -> Self {
        Self(watch::Sender::new(Position::Open))
    }
}

impl Gate {
    pub(super) fn open(&self) {
        self.0.send_replace(Position::Open);
    }

    pub(super) fn close(&self) {
        self.0.send_replace(Position::Closing);
    }

    pub(super) fn stand_at(&self, revision: Revision) {
        self.0.send_replace(Position::At(revision));
    }

    /// The revision that a read is to answer as of; `None` for the present.
    pub(super) async fn revision(&self) -> Option<Revision> {
        let mut position = self.0.subscribe();
        let decided = position.wait_for(|position| !matches!(position, Position::Closing));
        match decided.await.as_deref() {
            Ok(Position::At(revision)) => Some(*revision),
            _ => None,
        }
    }

    /// Fulfilled once something of this revision may be seen.
    pub(super) async fn admits(&self, seen: Revision) {
        let mut position = self.0.subscribe();
        let admitted = position.wait_for(|position| match position {
            Position::Open => true,
            Position::Closing => false,
            Position::At(revision) => seen <= *revision,
        });
        // The sender lives as long as we do.
        let _ = admitted.await;
    }
}
