//! The port at the pace of the budget: every call has a permit, every throttle is
//! told to the bucket that the permit came from.

use std::sync::Arc;
use std::time::Duration;

use super::budget::{Asker, Budget, Kind, Permit, Reception, Ticket};
use super::port::Cognito;
use crate::pool::call::{Answer, Call, Failure, FailureKind};

/// A port and its budget.
pub struct Paced {
    cognito: Arc<dyn Cognito>,
    budget: Budget,
}

impl Paced {
    /// A port that is asked within a budget.
    #[must_use]
    pub fn new(cognito: Arc<dyn Cognito>, budget: Budget) -> Self {
        Self { cognito, budget }
    }

    /// The port, for what needs no permit.
    #[must_use]
    pub fn port(&self) -> &dyn Cognito {
        &*self.cognito
    }

    /// Takes a place in the line for the right to send one call.
    pub fn join(&self, kind: Kind, asker: Asker) -> Ticket {
        self.budget.join(kind, asker)
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
        self.budget.observe(&permit, reception(&result));
        result
    }

    /// Waits for a permit and sends; the waiting does not count.
    ///
    /// # Errors
    /// As [`Cognito::call_within`].
    pub async fn ask(&self, call: Call, limit: Duration, asker: Asker) -> Result<Answer, Failure> {
        let permit = self.budget.acquire(Kind::of(call.operation()), asker).await;
        self.send(permit, call, limit).await
    }
}

fn reception(result: &Result<Answer, Failure>) -> Reception {
    match result.as_ref().map_err(|failure| failure.kind) {
        Err(FailureKind::Throttled) => Reception::Throttled,
        Err(FailureKind::Unanswered | FailureKind::NotSent | FailureKind::Credentials) => {
            Reception::Unheard
        }
        Ok(_) | Err(_) => Reception::Accepted,
    }
}
