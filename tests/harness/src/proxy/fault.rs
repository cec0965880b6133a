//! Faults: what goes wrong with which requests and events, and the handle by which a test follows
//! one.
//!
//! Every armed fault counts every request or event that it fits. Of those that are due the one
//! armed first strikes, the others wait for the next: at most one strikes a request or an event.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::sync::watch;

use super::matching::Matching;
use super::target::Target;

/// No fault that a test waits for needs longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// An error as the apiserver words it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub(super) code: u16,
    pub(super) reason: String,
    pub(super) retry_after: Option<u32>,
}

impl Refusal {
    /// HTTP status and Kubernetes reason, as `409` and `Conflict`.
    #[must_use]
    pub fn new(code: u16, reason: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.into(),
            retry_after: None,
        }
    }

    /// With a `Retry-After` of so many seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        Self {
            retry_after: Some(seconds),
            ..self
        }
    }

    /// The `Status` object.
    pub(super) fn body(&self) -> Bytes {
        let details = self
            .retry_after
            .map(|seconds| json!({ "retryAfterSeconds": seconds }));
        let status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": format!("injected by the fault proxy: {}", self.reason),
            "reason": self.reason,
            "details": details,
            "code": self.code,
        });
        status.to_string().into()
    }
}

/// How a conversation ends that does not end with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The connection is closed without a byte.
    Cut,
    /// The connection is reset (RST).
    Reset,
    /// Somebody on the way, or the apiserver itself, answers with an error.
    Answer(Refusal),
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Not executed.
    Unexecuted(Ending),
    /// Executed, and the apiserver's answer is thrown away.
    Unanswered(Ending),
    /// Executed only after a delay, even when the client has gone by then.
    Delay(Duration),
    /// Executed only after [`Armed::release`], even when the client has gone by then.
    Hold,
    /// Executed; the body of the answer comes in pieces of so many bytes, with a pause before each.
    SlowBody {
        /// Bytes of a piece.
        piece: usize,
        /// Pause before each piece.
        pause: Duration,
    },
    /// Executed; after so many bytes of the body the connection is closed.
    CutBody(usize),
    /// The event is never delivered.
    DropEvents,
    /// The event waits until [`Armed::release`]; so do later events of its object in that watch,
    /// because no apiserver changes their order. What still waits when the watch ends is lost.
    HoldEvents,
    /// The event is delivered twice.
    DuplicateEvents,
    /// The watch ends in the middle of the event.
    CutEvents,
    /// In place of the event the watch reports that its revision is too old (410), and ends.
    Gone,
}

impl Effect {
    /// Whether it strikes events of a watch rather than requests.
    fn is_of_events(&self) -> bool {
        match self {
            Self::DropEvents
            | Self::HoldEvents
            | Self::DuplicateEvents
            | Self::CutEvents
            | Self::Gone => true,
            Self::Unexecuted(_)
            | Self::Unanswered(_)
            | Self::Delay(_)
            | Self::Hold
            | Self::SlowBody { .. }
            | Self::CutBody(_) => false,
        }
    }
}

/// What goes wrong, with what, and how often.
#[derive(Debug, Clone)]
pub struct Fault {
    matching: Matching,
    effect: Effect,
    skip: usize,
    times: usize,
}

impl Fault {
    /// Strikes the next that fits, once.
    #[must_use]
    pub fn on(matching: Matching, effect: Effect) -> Self {
        Self {
            matching,
            effect,
            skip: 0,
            times: 1,
        }
    }

    /// Lets so many pass first.
    #[must_use]
    pub fn skip(self, skip: usize) -> Self {
        Self { skip, ..self }
    }

    /// Strikes so many.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    /// Strikes until the faults are cleared.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }
}

/// An armed fault, to follow it. Dropping the handle disarms nothing.
#[derive(Debug, Clone)]
pub struct Armed {
    fault: Fault,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    struck: watch::Sender<usize>,
    released: watch::Sender<bool>,
}

impl Armed {
    /// How often it has struck.
    #[must_use]
    pub fn struck(&self) -> usize {
        *self.state.struck.borrow()
    }

    /// Waits until it has struck so often.
    ///
    /// # Panics
    /// When it has not within a minute.
    pub async fn until_struck(&self, times: usize) {
        let mut struck = self.state.struck.subscribe();
        let enough = struck.wait_for(|struck| *struck >= times);
        let met = tokio::time::timeout(PATIENCE, enough).await.is_ok();
        assert!(
            met,
            "struck {} instead of {times} times: {:?}",
            self.struck(),
            self.fault
        );
    }

    /// Lets go what [`Effect::Hold`] or [`Effect::HoldEvents`] holds, and holds no more.
    pub fn release(&self) {
        self.state.released.send_replace(true);
    }

    /// Fulfilled once what is held may go.
    pub(super) async fn released(&self) {
        let mut released = self.state.released.subscribe();
        // The sender lives as long as this handle.
        let _ = released.wait_for(|released| *released).await;
    }

    pub(super) fn effect(&self) -> &Effect {
        &self.fault.effect
    }

    /// Whether what is held may go.
    pub(super) fn is_released(&self) -> bool {
        *self.state.released.borrow()
    }
}

/// The armed faults, in the order they were armed.
#[derive(Debug, Default)]
pub(super) struct Faults {
    armed: Vec<Armed>,
}

impl Faults {
    pub(super) fn arm(&mut self, fault: Fault) -> Armed {
        let state = State {
            struck: watch::Sender::new(0),
            released: watch::Sender::new(false),
        };
        let armed = Armed {
            fault,
            state: Arc::new(state),
        };
        self.armed.push(armed.clone());
        armed
    }

    pub(super) fn clear(&mut self) {
        self.armed.clear();
    }

    /// Counts a request and says what goes wrong with it, if anything.
    pub(super) fn strike_request(&mut self, target: &Target, texts: &[&str]) -> Option<Armed> {
        self.strike(false, target, texts)
    }

    /// Counts an event and says what goes wrong with it, if anything.
    pub(super) fn strike_event(&mut self, target: &Target, frame: &str) -> Option<Armed> {
        self.strike(true, target, &[frame])
    }

    fn strike(&mut self, event: bool, target: &Target, texts: &[&str]) -> Option<Armed> {
        let mut struck = None;
        for armed in &mut self.armed {
            let fault = &mut armed.fault;
            if fault.effect.is_of_events() != event || !fault.matching.fits(target, texts) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
            } else if struck.is_none() && fault.times > 0 && !armed.is_released() {
                armed.fault.times -= 1;
                armed.state.struck.send_modify(|struck| *struck += 1);
                struck = Some(armed.clone());
            }
        }
        self.armed.retain(|armed| armed.fault.times > 0);
        struck
    }
}

#[cfg(test)]
mod tests {
    use super::super::target::Verb;
    use super::*;

    fn get(name: &str) -> Target {
        Target {
            verb: Verb::Get,
            resource: "configmaps".to_owned(),
            subresource: String::new(),
            namespace: "shop".to_owned(),
            name: name.to_owned(),
        }
    }

    fn refuse(matching: Matching) -> Fault {
        Fault::on(matching, Effect::Unexecuted(Ending::Cut))
    }

    #[test]
    fn a_fault_skips_then_strikes_then_is_spent() {
        let mut faults = Faults::default();
        let armed = faults.arm(refuse(Matching::any()).skip(1).times(2));

        let struck: Vec<bool> = (0..4)
            .map(|_| faults.strike_request(&get("a"), &[]).is_some())
            .collect();
        assert_eq!(struck, [false, true, true, false]);
        assert_eq!(armed.struck(), 2);
    }

    #[test]
    fn the_fault_armed_first_strikes_and_the_other_waits() {
        let mut faults = Faults::default();
        let first = faults.arm(refuse(Matching::any().name("a")));
        let second = faults.arm(refuse(Matching::any()));

        assert!(faults.strike_request(&get("a"), &[]).is_some());
        assert_eq!((first.struck(), second.struck()), (1, 0));
        assert!(faults.strike_request(&get("a"), &[]).is_some());
        assert_eq!((first.struck(), second.struck()), (1, 1));
        assert!(faults.strike_request(&get("a"), &[]).is_none());
    }

    #[test]
    fn a_fault_of_events_leaves_requests_alone_and_the_other_way_round() {
        let mut faults = Faults::default();
        faults.arm(Fault::on(Matching::any(), Effect::DropEvents));
        assert!(faults.strike_request(&get("a"), &[]).is_none());
        faults.arm(refuse(Matching::any()));
        assert!(faults.strike_event(&get("a"), "").is_some());
        assert!(faults.strike_event(&get("a"), "").is_none());
    }
}
