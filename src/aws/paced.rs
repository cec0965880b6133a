//! The port at the pace of the budget: every call has a permit, every throttle is
//! told to the bucket that the permit came from.

use std::sync::Arc;
use std::time::Duration;

use super::budget::{Budget, Kind, Permit};
use super::cap::Cap;
use super::port::Cognito;
use crate::pool::call::{Answer, Call, Failure, FailureKind};

/// A port and its budget.
pub struct Paced {
    cognito: Arc<dyn Cognito>,
    budget: Arc<Budget>,
    cap: Option<Cap>,
}

impl Paced {
    /// With a budget that knows nothing of the account yet.
    #[must_use]
    pub fn new(cognito: Arc<dyn Cognito>) -> Self {
        Self::sharing(cognito, &Arc::new(Budget::new()), None)
    }

    /// With the budget that other ways to the same account and region have too, and at most as
    /// fast as a cap of its own says.
    pub(super) fn sharing(
        cognito: Arc<dyn Cognito>,
        budget: &Arc<Budget>,
        cap: Option<Cap>,
    ) -> Self {
        Self {
            cognito,
            budget: Arc::clone(budget),
            cap,
        }
    }

    /// The port, for what needs no permit.
    #[must_use]
    pub fn port(&self) -> &dyn Cognito {
        &*self.cognito
    }

    /// Waits for the right to send one call.
    pub async fn acquire(&self, kind: Kind) -> Permit {
        if let Some(cap) = &self.cap {
            cap.turn(kind).await;
        }
        self.budget.acquire(kind).await
    }

    /// Sends a call for which there is a permit.
    ///
    /// # Errors
    /// As [`Cognito::call_within`].
    pub async fn send(
        &self,
        permit: Permit,
        call: Call,
        limit: Duration,
    ) -> Result<Answer, Failure> {
        let result = self.cognito.call_within(call, limit).await;
        let throttled = result
            .as_ref()
            .is_err_and(|failure| failure.kind == FailureKind::Throttled);
        self.budget.observe(permit.kind(), throttled);
        result
    }

    /// Waits for a permit and sends; the waiting does not count.
    ///
    /// # Errors
    /// As [`Cognito::call_within`].
    pub async fn ask(&self, call: Call, limit: Duration) -> Result<Answer, Failure> {
        let kind = if call.operation().mutates() {
            Kind::Write
        } else {
            Kind::Read
        };
        let permit = self.acquire(kind).await;
        self.send(permit, call, limit).await
    }
}
