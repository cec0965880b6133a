//! What becomes of a request: which fault strikes it, who answers, and what of the answer arrives.
//!
//! A request that reaches the apiserver is carried to its end even when the client has left: it
//! may have been executed, and nobody can take that back.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};

use super::body::{self, Chunks, Hangup};
use super::fault::{Armed, Effect, Ending, Faults, Refusal};
use super::gate::Gate;
use super::journal::{Entry, Journal};
use super::target::{Target, Verb};
use super::upstream::{Call, Upstream, collect};
use super::{past, watch};
use crate::seam::{Forgotten, Heard, Seam};

/// What all connections share.
pub(super) struct Shared {
    pub(super) upstream: Upstream,
    pub(super) gate: Gate,
    pub(super) seam: OnceLock<Arc<Seam>>,
    faults: Mutex<Faults>,
    journal: Mutex<Journal>,
}

/// What the connection is to do.
pub(super) enum Delivery {
    Answer(Response<Chunks>),
    Cut,
    Reset,
}

impl Shared {
    pub(super) fn new(upstream: Upstream) -> Self {
        Self {
            upstream,
            gate: Gate::default(),
            seam: OnceLock::new(),
            faults: Mutex::default(),
            journal: Mutex::default(),
        }
    }

    pub(super) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, target: &Target, call: &Call) -> (usize, Option<Armed>) {
        let body = String::from_utf8_lossy(&call.body).into_owned();
        let path = call.uri.to_string();
        let armed = self.faults().strike_request(target, &[&path, &body]);
        let place = self.journal().enter(Entry {
            target: target.clone(),
            path,
            body,
            executed: None,
            effect: armed.as_ref().map(|armed| armed.effect().clone()),
        });
        (place, armed)
    }
}

/// Deals with one request.
pub(super) async fn answer(shared: &Arc<Shared>, call: Call) -> Delivery {
    let target = Target::read(&call.method, &call.uri);
    let (place, armed) = shared.enter(&target, &call);
    let effect = armed.as_ref().map(Armed::effect).cloned();
    if let Some(Effect::Unexecuted(ending)) = &effect {
        return end(ending);
    }
    let execution = Execution {
        shared: Arc::clone(shared),
        call,
        target,
        place,
        armed,
    };
    let Ok(Ok(response)) = tokio::spawn(execution.run()).await else {
        return Delivery::Cut;
    };
    Delivery::Answer(match effect {
        Some(Effect::Unanswered(ending)) => return end(&ending),
        Some(Effect::SlowBody { piece, pause }) => {
            response.map(|body| body::slow(body, piece, pause))
        }
        Some(Effect::CutBody(length)) => response.map(|body| body::cut(body, length)),
        _ => response,
    })
}

fn end(ending: &Ending) -> Delivery {
    match ending {
        Ending::Cut => Delivery::Cut,
        Ending::Reset => Delivery::Reset,
        Ending::Answer(refusal) => Delivery::Answer(refused(refusal)),
    }
}

fn refused(refusal: &Refusal) -> Response<Chunks> {
    let mut response = Response::new(refusal.body());
    *response.status_mut() =
        StatusCode::from_u16(refusal.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(seconds) = refusal.retry_after {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    whole(response)
}

/// The length is announced, so that a body that is cut can be told from one that ends.
fn whole(mut response: Response<Bytes>) -> Response<Chunks> {
    let length = response.body().len();
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    response.map(body::whole)
}

/// A request on its way to the apiserver.
struct Execution {
    shared: Arc<Shared>,
    call: Call,
    target: Target,
    place: usize,
    armed: Option<Armed>,
}

impl Execution {
    /// Whoever is dead gets no answer.
    async fn run(self) -> Result<Response<Chunks>, Hangup> {
        let Some(seam) = self.shared.seam.get().map(Arc::clone) else {
            return self.execute(None).await;
        };
        let name = self.target.to_string();
        let passage = seam.arrive(&name).await.map_err(|Forgotten| Hangup)?;
        let response = self.execute(Some(&seam)).await;
        seam.executed(&passage).await.map_err(|Forgotten| Hangup)?;
        response
    }

    async fn execute(self, seam: Option<&Seam>) -> Result<Response<Chunks>, Hangup> {
        if let Some(armed) = &self.armed {
            match armed.effect() {
                Effect::Delay(delay) => tokio::time::sleep(*delay).await,
                Effect::Hold => armed.released().await,
                _ => {}
            }
        }
        if self.target.verb == Verb::Watch {
            return self.watch().await;
        }
        let response = self.ask().await?;
        self.executed(response.status());
        if let Some(seam) = seam {
            seam.heard(&Heard::Executed {
                target: &self.target,
                request: &self.call.body,
                status: response.status().as_u16(),
                answer: response.body(),
            });
        }
        Ok(whole(response))
    }

    async fn ask(&self) -> Result<Response<Bytes>, Hangup> {
        let upstream = &self.shared.upstream;
        if self.target.verb.writes() {
            return upstream.ask(&self.call).await;
        }
        match self.shared.gate.revision().await {
            None => upstream.ask(&self.call).await,
            Some(revision) => past::read(upstream, &self.call, &self.target, revision).await,
        }
    }

    async fn watch(mut self) -> Result<Response<Chunks>, Hangup> {
        let mut first = Vec::new();
        if let Some(revision) = self.shared.gate.revision().await
            && past::begins_with_state(&self.call.uri)
        {
            let upstream = &self.shared.upstream;
            match past::begin_watch(upstream, &self.call, revision).await? {
                Ok((events, following)) => (first, self.call) = (events, following),
                Err(refusal) => {
                    self.executed(refusal.status());
                    return Ok(whole(refusal));
                }
            }
        }
        let response = self.shared.upstream.open(&self.call).await?;
        self.executed(response.status());
        if !response.status().is_success() {
            return Ok(whole(collect(response).await?));
        }
        let Self { shared, target, .. } = self;
        Ok(response.map(|body| watch::deliver(shared, target, first, body)))
    }

    fn executed(&self, status: StatusCode) {
        self.shared.journal().executed(self.place, status.as_u16());
    }
}
