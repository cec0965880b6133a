//! An account for the unit tests of this module: pools with owners, listed in pages
//! of two, refusing or pausing as a test wants it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::SignedDuration;
use tokio::sync::Semaphore;

use super::budget::{Budget, Caps};
use super::paced::Paced;
use super::port::Cognito;
use crate::api::names::OWNER_TAG;
use crate::pool::call::{Answer, Call, Failure, FailureKind, Operation};
use crate::pool::settings::{Observed, PoolId, Settings, Tags};
use crate::telemetry::metrics::BudgetGauges;

#[derive(Default)]
struct Script {
    owners: BTreeMap<PoolId, String>,
    calls: Vec<Operation>,
    refused: Option<Operation>,
    /// Calls that are throttled before one is answered.
    throttles: u32,
    vanishing: Option<PoolId>,
    held: bool,
}

/// A scripted account.
pub(super) struct Account {
    script: Mutex<Script>,
    circular: bool,
    /// Calls that were held wait for a permit.
    gate: Semaphore,
}

impl Account {
    /// Pools as `(id, owner)`.
    pub(super) fn with(pools: &[(&str, &str)]) -> Arc<Self> {
        Self::new(pools, false)
    }

    /// An account whose list never ends.
    pub(super) fn circular(pools: &[(&str, &str)]) -> Arc<Self> {
        Self::new(pools, true)
    }

    fn new(pools: &[(&str, &str)], circular: bool) -> Arc<Self> {
        let owners = pools
            .iter()
            .map(|(id, owner)| (PoolId::new(*id), (*owner).to_owned()))
            .collect();
        let script = Script {
            owners,
            ..Script::default()
        };
        Arc::new(Self {
            script: Mutex::new(script),
            circular,
            gate: Semaphore::new(0),
        })
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn paced(self: &Arc<Self>) -> Arc<Paced> {
        let budget = Budget::new(Caps::default(), |_| BudgetGauges::default());
        Arc::new(Paced::new(Arc::clone(self) as Arc<dyn Cognito>, budget))
    }

    /// Calls of an operation so far.
    pub(super) fn count(&self, operation: Operation) -> usize {
        let script = self.script();
        script
            .calls
            .iter()
            .filter(|call| **call == operation)
            .count()
    }

    /// Denies an operation from now on, or none.
    pub(super) fn refuse(&self, operation: Option<Operation>) {
        self.script().refused = operation;
    }

    /// Throttles so many calls.
    pub(super) fn throttle(&self, calls: u32) {
        self.script().throttles = calls;
    }

    /// Keeps calls waiting from now on.
    pub(super) fn hold(&self) {
        self.script().held = true;
    }

    /// Lets the calls go.
    pub(super) fn release(&self) {
        self.script().held = false;
        self.gate.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    /// Gives a pool an owner, in place of one that it had.
    pub(super) fn give(&self, id: &str, owner: &str) {
        let owners = &mut self.script().owners;
        owners.insert(PoolId::new(id), owner.to_owned());
    }

    pub(super) fn remove(&self, id: &str) {
        self.script().owners.remove(&PoolId::new(id));
    }

    /// Removes a pool as soon as a page has shown it.
    pub(super) fn remove_after_listing(&self, id: &str) {
        self.script().vanishing = Some(PoolId::new(id));
    }

    fn answer(&self, call: Call) -> Result<Answer, Failure> {
        let mut script = self.script();
        let operation = call.operation();
        script.calls.push(operation);
        let fails = |kind| Failure {
            operation,
            kind,
            code: "Scripted".to_owned(),
            message: "as the test wants it".to_owned(),
            request_id: None,
        };
        if let Some(left) = script.throttles.checked_sub(1) {
            script.throttles = left;
            return Err(fails(FailureKind::Throttled));
        }
        match call {
            _ if script.refused == Some(operation) => Err(fails(FailureKind::Denied)),
            Call::ListIdentityPools { next_token } => {
                let page = self.page(&script, next_token.as_deref());
                if let Some(id) = script.vanishing.take() {
                    script.owners.remove(&id);
                }
                Ok(page)
            }
            Call::DescribeIdentityPool { id } => match script.owners.get(&id) {
                Some(owner) => Ok(Answer::Pool(Observed {
                    tags: Tags::from([(OWNER_TAG.to_owned(), owner.clone())]),
                    settings: Settings::default(),
                    id,
                })),
                None => Err(fails(FailureKind::NotFound)),
            },
            _ => Err(fails(FailureKind::Refused)),
        }
    }

    fn page(&self, script: &Script, token: Option<&str>) -> Answer {
        let from: usize = token.and_then(|token| token.parse().ok()).unwrap_or(0);
        let page = script.owners.keys().skip(from).take(2);
        let more = (from + 2 < script.owners.len()).then(|| (from + 2).to_string());
        Answer::Page {
            entries: page.map(|id| (id.clone(), "name".to_owned())).collect(),
            next_token: if self.circular {
                Some("0".to_owned())
            } else {
                more
            },
        }
    }
}

impl Cognito for Account {
    fn call_within(&self, call: Call, _: Duration) -> BoxFuture<'_, Result<Answer, Failure>> {
        async move {
            let held = self.script().held;
            let answer = self.answer(call);
            if held {
                // Never closed, so there is always a permit in the end.
                let _ = self.gate.acquire().await;
            }
            answer
        }
        .boxed()
    }

    fn clock_offset(&self) -> Option<SignedDuration> {
        None
    }
}
