//! The port at the pace of the budget: every call has a permit, every throttle is
//! told to the bucket that the permit came from.

use std::sync::Arc;
use std::time::Duration;

use super::budget::{Asker, Budget, Kind, Permit, Reception, Ticket};
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
    /// A port that is asked within a budget.
    #[must_use]
    pub fn new(cognito: Arc<dyn Cognito>, budget: Budget) -> Self {
        Self::sharing(cognito, &Arc::new(budget), None)
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

    /// Takes a place in the line for the right to send one call. Under a cap, its turn comes
    /// first: what a class holds back is in nobody's way.
    pub fn join(&self, kind: Kind, asker: Asker) -> Ticket {
        match self.cap.as_ref().and_then(|cap| cap.book(kind)) {
            Some(opens) => self.budget.join_from(opens, kind, asker),
            None => self.budget.join(kind, asker),
        }
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
        let permit = self.join(Kind::of(call.operation()), asker).turn().await;
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
