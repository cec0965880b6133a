//! The port to Amazon Cognito: everything the operator asks of AWS goes through it.
//!
//! One method, so that deadlines, metrics and tests wrap every call alike. An
//! implementation sends a call once: no retries, and no answer kept from before.

use futures::future::BoxFuture;
use jiff::SignedDuration;

use crate::pool::call::{Answer, Call, Failure};

/// Identity pools of one account in one region.
pub trait Cognito: Send + Sync {
    /// Carries out one call, once, within its deadline.
    ///
    /// # Errors
    /// A [`Failure`] that says whether the call may have taken effect.
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Answer, Failure>>;

    /// How far AWS's clock was ahead of ours in its latest answer; `None` before the first.
    fn clock_offset(&self) -> Option<SignedDuration>;
}
