//! Carries out one move of the core: one call out, one thing seen back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use tokio::sync::SemaphorePermit;

use super::context::Context;
use super::{exports, objects};
use crate::api::{IdentityPool, IdentityPoolStatus};
use crate::aws::budget::{Asker, Kind, Permit, Ticket};
use crate::aws::region::Region;
use crate::pool::call::{Answer, Call, Failure};
use crate::pool::claim::Claim;
use crate::pool::export::Write;
use crate::pool::moves::{Seen, Which};
use crate::pool::notes::Note;
use crate::pool::ownership;
use crate::pool::settings::PoolId;
use crate::pool::sources::Source;
use crate::pool::urgency::{LONG, Urgency};

/// One pass's hands.
pub(super) struct Hands<'a> {
    pub(super) context: &'a Context,
    pub(super) region: Arc<Region>,
    /// One of the slots for passes at once.
    pub(super) slot: Option<SemaphorePermit<'a>>,
    /// How urgent the move is, by the core.
    pub(super) urgency: Urgency,
    /// The token that is kept for the next call that changes something.
    pub(super) reserved: Option<Permit>,
    /// The place in the line for a token that was waited for in vain so far.
    pub(super) ticket: Option<Ticket>,
}

impl Hands<'_> {
    pub(super) async fn read(&self, object: &IdentityPool) -> Seen {
        Seen::Object(objects::read(&self.context.client, object).await)
    }

    pub(super) async fn read_references(
        &self,
        object: &IdentityPool,
        sources: &BTreeSet<Source>,
    ) -> Seen {
        Seen::References(self.context.references.read(object, sources).await)
    }

    pub(super) async fn reserve(&mut self, object: &IdentityPool) -> Seen {
        match self.permit(Kind::Write, object).await {
            Ok(permit) => {
                self.reserved = Some(permit);
                Seen::Reserved
            }
            Err(unserved) => unserved,
        }
    }

    /// A token.
    ///
    /// # Errors
    /// What was seen instead: that none came for a long time, or that the object is another by
    /// now. The place in the line is kept for the next try, if that is as urgent.
    async fn permit(&mut self, kind: Kind, object: &IdentityPool) -> Result<Permit, Seen> {
        let kept = self.ticket.take();
        let kept = kept.filter(|ticket| (ticket.kind(), ticket.urgency) == (kind, self.urgency));
        let mut ticket = kept.unwrap_or_else(|| {
            let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
            let asker = Asker {
                urgency: self.urgency,
                namespace: Arc::from(namespace),
            };
            self.region.aws.join(kind, asker)
        });
        if let Some(permit) = ticket.turn().now_or_never() {
            return Ok(permit);
        }
        self.wait_for(ticket, object).await
    }

    /// Waits for the turn, without a slot meanwhile.
    async fn wait_for(
        &mut self,
        mut ticket: Ticket,
        object: &IdentityPool,
    ) -> Result<Permit, Seen> {
        self.slot = None;
        let uid = object.metadata.uid.as_deref().unwrap_or_default();
        let memories = &self.context.memories;
        let overtaken = memories.waits(uid, object);
        let served = tokio::select! {
            permit = ticket.turn() => Ok(permit),
            () = overtaken.notified() => Err(Seen::Overtaken),
            () = tokio::time::sleep(LONG) => Err(Seen::Crowded),
        };
        memories.waits_no_more(uid);
        if served.is_err() {
            self.ticket = Some(ticket);
        }
        // Never closed.
        self.slot = self.context.slots.acquire().await.ok();
        served
    }

    pub(super) async fn write_claim(&self, object: &IdentityPool, claim: Claim) -> Seen {
        let written = objects::write_claim(&self.context.client, object, &claim).await;
        self.context.telemetry.metrics.apiserver_written("claim");
        Seen::ClaimWritten(claim, written)
    }

    pub(super) async fn search(&self, object: &IdentityPool, after: Timestamp) -> Seen {
        let uid = object.metadata.uid.clone().unwrap_or_default();
        let owner = ownership::owner_of(&self.context.operator.installation, &uid);
        let recorded = self.context.recorded_by_others(&uid);
        let searched = self
            .region
            .census
            .search(&owner, after, |id| recorded.contains(id))
            .await;
        Seen::Searched(searched)
    }

    pub(super) async fn find_by_name(
        &self,
        object: &IdentityPool,
        name: &str,
        which: Which,
    ) -> Seen {
        let uid = object.metadata.uid.as_deref().unwrap_or_default();
        let (after, all) = match which {
            Which::All { after } => (after, true),
            Which::Unrecorded => (Timestamp::UNIX_EPOCH, false),
        };
        let named = self.region.census.named(name, after).await;
        let visible = |mut ids: Vec<PoolId>| {
            ids.retain(|id| all || !self.context.is_recorded_elsewhere(uid, id));
            ids
        };
        Seen::Named(named.map(visible))
    }

    pub(super) async fn call(
        &mut self,
        object: &IdentityPool,
        call: Call,
        term_left: Duration,
    ) -> Seen {
        let limit = call.deadline(term_left);
        let kind = Kind::of(call.operation());
        let kept = match kind {
            Kind::Read => None,
            Kind::Write => self.reserved.take(),
        };
        let permit = match kept {
            Some(permit) => permit,
            None => match self.permit(kind, object).await {
                Ok(permit) => permit,
                Err(unserved) => return unserved,
            },
        };
        let result = self.region.aws.send(permit, call.clone(), limit).await;
        self.note(&call, &result);
        Seen::Answered(Box::new(call), result)
    }

    /// What a call taught goes to the census at once, which lists only by the minute.
    fn note(&self, call: &Call, result: &Result<Answer, Failure>) {
        let census = &self.region.census;
        match (call, result) {
            (_, Ok(Answer::Pool(observed))) => census.note_pool(observed),
            (Call::DeleteIdentityPool { id, .. }, Ok(_)) => census.note_gone(id),
            // Its tags are others now, or may be.
            (Call::TagResource { id, .. } | Call::UntagResource { id, .. }, Ok(_)) => {
                census.note_doubtful(id);
            }
            (call, Err(failure)) if call.operation().mutates() && !failure.kind.is_refusal() => {
                if let Some(id) = call.pool() {
                    census.note_doubtful(id);
                }
            }
            (call, Err(failure)) if call.says_gone(failure) => {
                if let Some(id) = call.pool() {
                    census.note_gone(id);
                }
            }
            _ => {}
        }
    }

    pub(super) async fn write_status(
        &self,
        object: &IdentityPool,
        status: &IdentityPoolStatus,
        note: Option<Note>,
    ) -> Seen {
        let uid = object.metadata.uid.as_deref().unwrap_or_default();
        self.context.memories.says(uid, Some(status));
        let written = objects::write_status(&self.context.client, object, status).await;
        self.context.telemetry.metrics.apiserver_written("status");
        if let (Ok(object), Some(note)) = (&written, note) {
            self.context.publisher.publish(object, note);
        }
        Seen::StatusWritten(written)
    }

    pub(super) async fn read_export(&self, object: &IdentityPool, name: String) -> Seen {
        let read = exports::read(&self.context.client, object, &name).await;
        if let Ok(found) = &read {
            let version = found.as_ref().map(|found| found.version.as_str());
            self.context.touched.settled(object, &name, version);
        }
        Seen::ExportRead(name, read)
    }

    pub(super) async fn write_export(&self, object: &IdentityPool, write: Write) -> Seen {
        let written = exports::write(&self.context.client, object, &write).await;
        self.context.telemetry.metrics.apiserver_written("export");
        if let Ok(version) = &written {
            let touched = &self.context.touched;
            touched.settled(object, write.name(), version.as_deref());
        }
        Seen::ExportWritten(write, written.map(drop))
    }

    pub(super) async fn drop_finalizer(&self, object: &IdentityPool) -> Seen {
        let dropped = objects::drop_finalizer(&self.context.client, object).await;
        self.context.touched.left(object);
        self.context
            .telemetry
            .metrics
            .apiserver_written("finalizer");
        Seen::FinalizerDropped(dropped)
    }
}
