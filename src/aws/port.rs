//! The port to Amazon Cognito: everything the operator asks of AWS goes through it.
//!
//! One method to implement, so that deadlines, metrics and tests wrap every call alike.
//! An implementation sends a call once: no retries, and no answer kept from before.

use std::time::Duration;

use futures::future::BoxFuture;
use jiff::SignedDuration;

use crate::pool::call::{Answer, Call, DEADLINE, Failure};

/// Identity pools of one account in one region.
pub trait Cognito: Send + Sync {
    /// Carries out one call, once, within a time that begins now.
    ///
    /// # Errors
    /// A [`Failure`] that says whether the call may have taken effect.
    fn call_within(&self, call: Call, limit: Duration) -> BoxFuture<'_, Result<Answer, Failure>>;

    /// Carries out one call, once, within the time that any call has.
    ///
    /// # Errors
    /// As [`Cognito::call_within`].
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Answer, Failure>> {
        self.call_within(call, DEADLINE)
    }

    /// How far AWS's clock was ahead of ours in its latest answer; `None` before the first.
    fn clock_offset(&self) -> Option<SignedDuration>;
}
