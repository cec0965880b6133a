//! A watch on its way to the client, event by event.
//!
//! An event passes the gate first, then meets at most one fault. Within one watch the events of an
//! object never change their order.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::{pending, select_all};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::Value;
use tokio_util::codec::{FramedRead, LinesCodec};
use tokio_util::io::StreamReader;

use super::body::{Chunks, Hangup};
use super::fault::{Armed, Effect, Refusal};
use super::gate::{Gate, Revision};
use super::service::Shared;
use super::target::Target;

/// The frames of a watch, without their line ends.
type Frames = BoxStream<'static, Result<String, Hangup>>;

/// One event.
struct Event {
    frame: String,
    /// The request that it answers, narrowed to its object.
    target: Target,
    /// Uid of its object; a bookmark has none.
    object: Option<String>,
    revision: Option<Revision>,
}

/// An event that waits for its release.
struct Held {
    event: Event,
    by: Armed,
}

struct Watch {
    shared: Arc<Shared>,
    target: Target,
    frames: Frames,
    /// Read, but not admitted yet.
    waiting: Option<Event>,
    held: Vec<Held>,
    ready: VecDeque<Result<Bytes, Hangup>>,
    ended: bool,
}

/// What the client gets of a watch: first the frames that are there, then those of the apiserver.
pub(super) fn deliver(
    shared: Arc<Shared>,
    target: Target,
    first: Vec<String>,
    body: Body,
) -> Chunks {
    let first = stream::iter(first.into_iter().map(Ok));
    let watch = Watch {
        shared,
        target,
        frames: first.chain(frames(body)).boxed(),
        waiting: None,
        held: Vec::new(),
        ready: VecDeque::new(),
        ended: false,
    };
    stream::unfold(watch, |mut watch| async {
        let chunk = watch.next().await?;
        Some((chunk, watch))
    })
    .boxed()
}

fn frames(body: Body) -> Frames {
    let bytes = body.into_data_stream().map_err(io::Error::other);
    FramedRead::new(StreamReader::new(bytes), LinesCodec::new())
        .map_err(|_| Hangup)
        .boxed()
}

impl Watch {
    async fn next(&mut self) -> Option<Result<Bytes, Hangup>> {
        loop {
            match self.ready.pop_front() {
                Some(Ok(chunk)) => return Some(Ok(chunk)),
                Some(Err(hangup)) => {
                    // hyper has to write out what it has before it hears of the end.
                    tokio::task::yield_now().await;
                    return Some(Err(hangup));
                }
                None if self.ended => return None,
                None => self.wait().await,
            }
        }
    }

    async fn wait(&mut self) {
        tokio::select! {
            biased;
            () = a_release(&self.held) => self.let_go(),
            event = arrival(&mut self.frames, &mut self.waiting, &self.target, &self.shared.gate) => {
                match event {
                    Some(Ok(event)) => self.arrived(event),
                    Some(Err(hangup)) => self.ready.push_back(Err(hangup)),
                    None => self.ended = true,
                }
            }
        }
    }

    fn arrived(&mut self, event: Event) {
        let of_its_object =
            |held: &&Held| event.object.is_some() && held.event.object == event.object;
        if let Some(before) = self.held.iter().find(of_its_object) {
            let by = before.by.clone();
            return self.held.push(Held { event, by });
        }
        let fault = self
            .shared
            .faults()
            .strike_event(&event.target, &event.frame);
        match fault {
            None => self.pass(&event),
            Some(armed) => self.strike(event, armed),
        }
    }

    fn strike(&mut self, event: Event, by: Armed) {
        match by.effect() {
            Effect::DropEvents => {}
            Effect::HoldEvents => self.held.push(Held { event, by }),
            Effect::DuplicateEvents => {
                self.pass(&event);
                self.pass(&event);
            }
            Effect::CutEvents => {
                let half = event.frame.len() / 2;
                let half = Bytes::copy_from_slice(&event.frame.as_bytes()[..half]);
                self.ready.extend([Ok(half), Err(Hangup)]);
            }
            Effect::Gone => {
                let gone = Refusal::new(410, "Expired").body();
                let frame = [br#"{"type":"ERROR","object":"#, gone.as_ref(), b"}\n"].concat();
                self.ready.push_back(Ok(frame.into()));
                self.ended = true;
            }
            of_requests => unreachable!("{of_requests:?} strikes no event"),
        }
    }

    fn pass(&mut self, event: &Event) {
        self.ready
            .push_back(Ok(format!("{}\n", event.frame).into()));
    }

    /// Lets the released events go. Those of one object all wait for the same release.
    fn let_go(&mut self) {
        let held = std::mem::take(&mut self.held).into_iter();
        let (released, still): (Vec<Held>, _) = held.partition(|held| held.by.is_released());
        self.held = still;
        for held in released {
            self.pass(&held.event);
        }
    }
}

/// Fulfilled once one of the held events is released.
async fn a_release(held: &[Held]) {
    let waits: Vec<_> = held
        .iter()
        .filter(|held| !held.by.is_released())
        .map(|held| Box::pin(held.by.released()))
        .collect();
    if waits.is_empty() {
        return pending().await;
    }
    select_all(waits).await;
}

/// The next event that may be seen. May be given up at any time and asked again.
async fn arrival(
    frames: &mut Frames,
    waiting: &mut Option<Event>,
    target: &Target,
    gate: &Gate,
) -> Option<Result<Event, Hangup>> {
    if waiting.is_none() {
        match frames.next().await? {
            Ok(frame) => *waiting = Some(Event::read(frame, target)),
            Err(hangup) => return Some(Err(hangup)),
        }
    }
    if let Some(revision) = waiting.as_ref().and_then(|event| event.revision) {
        gate.admits(revision).await;
    }
    waiting.take().map(Ok)
}

impl Event {
    fn read(frame: String, watch: &Target) -> Self {
        let event: Value = serde_json::from_str(&frame).unwrap_or_default();
        let metadata = &event["object"]["metadata"];
        let text = |key: &str| metadata[key].as_str().map(str::to_owned);
        Self {
            target: Target {
                namespace: text("namespace").unwrap_or_default(),
                name: text("name").unwrap_or_default(),
                ..watch.clone()
            },
            object: text("uid"),
            revision: text("resourceVersion").and_then(|revision| revision.parse().ok()),
            frame,
        }
    }
}
