//! The journal: every call that arrived, in order, and what became of it.
//!
//! An entry is made on arrival and completed when the call is decided, so a
//! call that waits in an injected delay is already there as
//! [`Outcome::Pending`].

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// Not decided yet.
    Pending,
    /// Executed and answered with success.
    Executed,
    /// Answered with this error code; nothing was changed.
    Refused(String),
    /// Executed, but answered with this error code.
    ExecutedButRefused(String),
    /// Executed, but the answer was lost or cut.
    ReplyLost,
    /// The connection was reset before anything was done.
    Dropped,
}

/// One call.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// Position in the order of arrival, from 1, never reused.
    pub seq: u64,
    /// Arrival by our clock.
    pub at: Timestamp,
    /// Name of the operation, as sent.
    pub operation: String,
    /// Region of the credential scope.
    pub region: String,
    /// Account of the access key.
    pub account: String,
    /// Access key id; empty when the call was not signed.
    pub access_key: String,
    /// The pool that the call names or, when it created one, the new pool.
    pub pool_id: Option<String>,
    /// The request body; null when it was no JSON.
    pub request: Value,
    /// `X-Amz-Date` of the signature.
    pub signed_at: Option<Timestamp>,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether the operation was carried out, whatever the client was told.
    pub executed: bool,
}

/// All calls since the start or the last reset.
#[derive(Debug, Default)]
pub(super) struct Journal {
    calls: Vec<Call>,
    last: u64,
}

impl Journal {
    /// Enters a call and gives it its number.
    pub(super) fn enter(&mut self, mut call: Call) -> u64 {
        self.last += 1;
        call.seq = self.last;
        self.calls.push(call);
        self.last
    }

    /// Completes an entry; one that a reset has swept away stays away.
    pub(super) fn conclude(&mut self, seq: u64, outcome: Outcome, made: Option<&str>) {
        let Ok(index) = self.calls.binary_search_by_key(&seq, |call| call.seq) else {
            return;
        };
        let call = &mut self.calls[index];
        call.executed = matches!(
            outcome,
            Outcome::Executed | Outcome::ExecutedButRefused(_) | Outcome::ReplyLost
        );
        call.outcome = outcome;
        if let Some(id) = made {
            call.pool_id = Some(id.to_owned());
        }
    }

    /// The call of a number, unless a reset has swept it away.
    pub(super) fn call(&self, seq: u64) -> Option<&Call> {
        let index = self.calls.binary_search_by_key(&seq, |call| call.seq);
        index.ok().map(|index| &self.calls[index])
    }

    pub(super) fn calls(&self) -> &[Call] {
        &self.calls
    }

    pub(super) fn reset(&mut self) {
        self.calls.clear();
    }
}
