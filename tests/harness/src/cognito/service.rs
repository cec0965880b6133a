//! The life of one call: faults, delays, execution, and how it is answered.
//!
//! A call that has reached AWS is executed even when its client hangs up, so
//! it lives in a task of its own, apart from the connection. The lock on the
//! world is never held across a wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::sleep;

use super::error::ApiError;
use super::faults::FaultKind;
use super::journal::Outcome;
use super::operations::{Answer, Effect, find};
use super::wire::{Reply, Request};
use super::world::{Visit, World};
use crate::seam::{Forgotten, Heard, Seam};

/// The world, shared by the server and the test.
#[derive(Debug, Default)]
pub(super) struct Shared {
    world: Mutex<World>,
    /// By access key.
    seams: Mutex<HashMap<String, Arc<Seam>>>,
}

impl Shared {
    /// A panic in a test's closure must not take the server down with it.
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The seams of the clients that have one, by access key.
    pub(super) fn seams(&self) -> MutexGuard<'_, HashMap<String, Arc<Seam>>> {
        self.seams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the client gets to see.
#[derive(Debug)]
pub(super) enum Delivery {
    /// The whole answer.
    Whole(Reply),
    /// The answer's head and so many bytes of its body; then the end.
    Cut(Reply, usize),
    /// The connection closes without a byte.
    Silence,
    /// The connection is reset.
    Reset,
}

/// Takes a call in and answers it.
pub(super) async fn answer(shared: &Arc<Shared>, request: Request) -> Delivery {
    let visit = shared.world().arrive(request);
    let life = tokio::spawn(seen(Arc::clone(shared), visit));
    life.await.unwrap_or(Delivery::Silence)
}

/// Whoever is dead gets no answer.
async fn seen(shared: Arc<Shared>, visit: Visit) -> Delivery {
    let call = shared.world().journal.call(visit.seq).cloned();
    let key = call.as_ref().map(|call| call.access_key.as_str());
    let seam = key.and_then(|key| shared.seams().get(key).map(Arc::clone));
    let (Some(call), Some(seam)) = (call, seam) else {
        return live(shared, visit).await;
    };
    seam.heard(&Heard::Called(&call));
    let name = call.operation;
    let Ok(passage) = seam.arrive(&name).await else {
        shared.conclude(&visit, Outcome::Dropped, None);
        return Delivery::Silence;
    };
    let delivery = live(shared, visit).await;
    match seam.executed(&passage).await {
        Ok(()) => delivery,
        Err(Forgotten) => Delivery::Silence,
    }
}

async fn live(shared: Arc<Shared>, visit: Visit) -> Delivery {
    let answer = match &visit.fault {
        Some(FaultKind::ResetBefore) => {
            shared.conclude(&visit, Outcome::Dropped, None);
            return Delivery::Reset;
        }
        Some(FaultKind::Throttle) => Err(ApiError::too_many_requests()),
        Some(FaultKind::ErrorBefore { status, code }) => Err(injected(*status, code)),
        Some(FaultKind::DelayBefore(delay)) => {
            sleep(*delay).await;
            shared.perform(&visit).await
        }
        _ => shared.perform(&visit).await,
    };
    shared.settle(&visit, &answer);
    shared.deliver(&visit, answer).await
}

impl Shared {
    /// Admits and executes; the service time lies between the two. Without
    /// one, both happen under one lock, so that writes never overlap.
    async fn perform(&self, visit: &Visit) -> Answer {
        let (admitted, latency) = {
            let mut world = self.world();
            let latency = world.settings.latency;
            let admitted = world.admit(visit)?;
            if latency.is_zero() {
                return world.execute(visit, admitted);
            }
            (admitted, latency)
        };
        sleep(latency).await;
        self.world().execute(visit, admitted)
    }

    /// Writes into the journal what became of the call.
    fn settle(&self, visit: &Visit, answer: &Answer) {
        let outcome = match (answer, &visit.fault) {
            (Err(error), _) => Outcome::Refused(error.code.clone().into_owned()),
            (Ok(_), Some(FaultKind::ErrorAfter { code, .. })) => {
                Outcome::ExecutedButRefused(code.clone())
            }
            (Ok(_), Some(fault)) if loses_the_reply(fault) => Outcome::ReplyLost,
            (Ok(_), _) => Outcome::Executed,
        };
        self.conclude(visit, outcome, answer.as_ref().ok());
    }

    fn conclude(&self, visit: &Visit, outcome: Outcome, answer: Option<&serde_json::Value>) {
        let operation = find(visit.request.service, &visit.request.operation);
        let creates = operation.is_some_and(|operation| operation.effect == Effect::Creates);
        let made = answer
            .filter(|_| creates)
            .and_then(|answer| answer["IdentityPoolId"].as_str());
        self.world().journal.conclude(visit.seq, outcome, made);
    }

    async fn deliver(&self, visit: &Visit, answer: Answer) -> Delivery {
        let answer = match &visit.fault {
            Some(FaultKind::ErrorAfter { status, code }) => {
                answer.and_then(|_| Err(injected(*status, code)))
            }
            _ => answer,
        };
        if let Some(FaultKind::DelayAfter(delay)) = &visit.fault {
            sleep(*delay).await;
        }
        let date = self.world().settings.aws_now();
        let reply = Reply::write(&visit.request, &answer, date);
        let half = reply.body.len() / 2;
        match &visit.fault {
            Some(FaultKind::LoseReplyBeforeStatus) => Delivery::Silence,
            Some(FaultKind::LoseReplyAfterStatus) => Delivery::Cut(reply, 0),
            Some(FaultKind::CutBody) => Delivery::Cut(reply, half),
            _ => Delivery::Whole(reply),
        }
    }
}

fn loses_the_reply(fault: &FaultKind) -> bool {
    use FaultKind::{CutBody, LoseReplyAfterStatus, LoseReplyBeforeStatus};
    matches!(
        fault,
        LoseReplyBeforeStatus | LoseReplyAfterStatus | CutBody
    )
}

fn injected(status: u16, code: &str) -> ApiError {
    ApiError::with_status(status, code.to_owned(), "injected by the test")
}
