//! Carries out one move of the core: one call out, one thing seen back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::context::Context;
use super::{exports, objects};
use crate::api::{IdentityPool, IdentityPoolStatus};
use crate::aws::budget::{Kind, Permit};
use crate::aws::region::Region;
use crate::pool::call::{Answer, Call, Failure};
use crate::pool::claim::Claim;
use crate::pool::export::Write;
use crate::pool::moves::{Seen, Which};
use crate::pool::notes::Note;
use crate::pool::ownership;
use crate::pool::settings::PoolId;
use crate::pool::sources::Source;

/// One pass's hands.
pub(super) struct Hands<'a> {
    pub(super) context: &'a Context,
    pub(super) region: Arc<Region>,
    /// The token that is kept for the next call that changes something.
    pub(super) reserved: Option<Permit>,
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

    pub(super) async fn reserve(&mut self) -> Seen {
        self.reserved = Some(self.region.aws.acquire(Kind::Write).await);
        Seen::Reserved
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

    pub(super) async fn call(&mut self, call: Call, term_left: Duration) -> Seen {
        let aws = &self.region.aws;
        let limit = call.deadline(term_left);
        let kept = if call.operation().mutates() {
            self.reserved.take()
        } else {
            None
        };
        let result = match kept {
            Some(permit) => aws.send(permit, call.clone(), limit).await,
            None => aws.ask(call.clone(), limit).await,
        };
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
