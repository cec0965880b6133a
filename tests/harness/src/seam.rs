//! One place in the conversation of a client with its servers at which the world stands still.
//!
//! The fault proxy and the fake Cognito show every call to a seam before they execute it and
//! before they answer it. The seam names the calls in their order, and can stop at one of them:
//! from then on nothing is executed and nothing answered, as if the client had died at that
//! instant. Its test then ends the client for real, and [`Seam::forget`]s what it had under way.
//! A client never knows that there is a seam.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::watch;

use crate::cognito;
use crate::proxy::Target;

/// Where in the life of a call the world stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Point {
    /// Nothing of it was executed, and nothing ever is.
    Before,
    /// As before, but it is still under way: [`Seam::release`] has it executed.
    Late,
    /// It was executed, and the answer never arrives.
    Unanswered,
    /// Its answer arrives, and nothing after it is executed.
    Answered,
}

/// Every point, in the order of a call's life.
pub const POINTS: [Point; 4] = [
    Point::Before,
    Point::Late,
    Point::Unanswered,
    Point::Answered,
];

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Before => "before",
            Self::Late => "late",
            Self::Unanswered => "unanswered",
            Self::Answered => "answered",
        })
    }
}

/// What is heard at the seam, at the instant at which it happens.
#[derive(Debug)]
pub enum Heard<'a> {
    /// A call has arrived at AWS; nothing of it is executed yet.
    Called(&'a cognito::Call),
    /// The apiserver has executed a request; its answer has not arrived yet.
    Executed {
        /// What was asked.
        target: &'a Target,
        /// Body of the request.
        request: &'a [u8],
        /// HTTP status of the answer.
        status: u16,
        /// Body of the answer; empty for a watch.
        answer: &'a [u8],
    },
}

type Witness = Box<dyn Fn(&Heard<'_>) + Send + Sync>;

/// The seam of one client.
#[derive(Default)]
pub struct Seam {
    state: Mutex<State>,
    course: watch::Sender<Course>,
    witness: OnceLock<Witness>,
}

#[derive(Default)]
struct State {
    calls: Vec<String>,
    counts: HashMap<String, usize>,
    stop: Option<(String, Point)>,
}

/// How far the world has come.
#[derive(Debug, Clone, Copy, Default)]
struct Course {
    /// Lives of the client that are over.
    lives: u64,
    stopped: bool,
    released: bool,
}

/// A call on its way.
#[derive(Debug)]
pub(crate) struct Passage {
    life: u64,
    stop: Option<Point>,
}

/// The client that made the call is dead, and the call with it.
#[derive(Debug)]
pub(crate) struct Forgotten;

impl fmt::Debug for Seam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seam").finish_non_exhaustive()
    }
}

impl Seam {
    /// Has everything told to `witness`, once.
    pub fn tell(&self, witness: impl Fn(&Heard<'_>) + Send + Sync + 'static) {
        // A second witness would be a mistake of the test's, and hears nothing.
        let _ = self.witness.set(Box::new(witness));
    }

    /// Names calls anew, from the first.
    pub fn count_anew(&self) {
        let mut state = self.state();
        state.calls.clear();
        state.counts.clear();
    }

    /// The calls so far by name, such as `CreateIdentityPool#1` or
    /// `patch:identitypools/app/status#2`.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        self.state().calls.clone()
    }

    /// Stops the world at one point of the call of this name, once; `#7` is the seventh of all.
    pub fn stop_at(&self, call: &str, point: Point) {
        self.state().stop = Some((call.to_owned(), point));
    }

    /// Stops the world no more, unless a call has already come to where it was to stop; says
    /// whether none has.
    pub fn disarm(&self) -> bool {
        self.state().stop.take().is_some()
    }

    /// Has the client that stood still go on where it was, and with it all that it had under way.
    pub fn resume(&self) {
        self.course.send_modify(|course| course.stopped = false);
    }

    /// Fulfilled once the world stands still.
    pub async fn stopped(&self) {
        let mut course = self.course.subscribe();
        // The sender lives as long as we do.
        let _ = course.wait_for(|course| course.stopped).await;
    }

    /// The client is dead: what it had under way is forgotten, but for the call that is late,
    /// and the world goes on.
    pub fn forget(&self) {
        self.course.send_modify(|course| {
            course.lives += 1;
            course.stopped = false;
        });
    }

    /// Has the call executed that is late.
    pub fn release(&self) {
        self.course.send_modify(|course| course.released = true);
    }

    pub(crate) fn heard(&self, heard: &Heard<'_>) {
        if let Some(witness) = self.witness.get() {
            witness(heard);
        }
    }

    /// A call has arrived; returns once it may be executed.
    pub(crate) async fn arrive(&self, name: &str) -> Result<Passage, Forgotten> {
        let life = self.course.borrow().lives;
        self.while_stopped(life).await?;
        let stop = self.enter(name);
        if matches!(stop, Some(Point::Before | Point::Late)) {
            self.stop(life);
        }
        match stop {
            Some(Point::Late) => self.until_released().await,
            _ => self.while_stopped(life).await?,
        }
        Ok(Passage { life, stop })
    }

    /// A call was executed; returns once it may be answered.
    pub(crate) async fn executed(&self, passage: &Passage) -> Result<(), Forgotten> {
        match passage.stop {
            Some(Point::Unanswered) => self.stop(passage.life),
            Some(Point::Answered) => {
                self.stop(passage.life);
                return Ok(());
            }
            _ => {}
        }
        self.while_stopped(passage.life).await
    }

    fn enter(&self, name: &str) -> Option<Point> {
        let mut state = self.state();
        let count = state.counts.entry(name.to_owned()).or_default();
        *count += 1;
        let call = format!("{name}#{count}");
        let place = format!("#{}", state.calls.len() + 1);
        let stop = state
            .stop
            .take_if(|(stop, _)| *stop == call || *stop == place);
        state.calls.push(call);
        stop.map(|(_, point)| point)
    }

    /// Who is dead stops nobody else.
    fn stop(&self, life: u64) {
        self.course.send_if_modified(|course| {
            let alive = course.lives == life;
            course.stopped |= alive;
            alive
        });
    }

    async fn while_stopped(&self, life: u64) -> Result<(), Forgotten> {
        let mut course = self.course.subscribe();
        let goes_on = course.wait_for(|course| !course.stopped || course.lives > life);
        match goes_on.await {
            Ok(course) if course.lives == life => Ok(()),
            _ => Err(Forgotten),
        }
    }

    async fn until_released(&self) {
        let mut course = self.course.subscribe();
        // The sender lives as long as we do.
        let _ = course.wait_for(|course| course.released).await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn calls_are_named_by_their_order() {
        let seam = Seam::default();
        for name in ["a", "b", "a"] {
            let passage = seam.arrive(name).await.expect("nothing stops it");
            seam.executed(&passage).await.expect("nor its answer");
        }
        assert_eq!(seam.calls(), ["a#1", "b#1", "a#2"]);
    }

    #[tokio::test]
    async fn a_stop_that_nobody_came_to_is_taken_back() {
        let seam = Seam::default();
        seam.stop_at("a#1", Point::Answered);
        assert!(seam.disarm());
        let passage = seam.arrive("a").await.expect("nothing stops it");
        seam.executed(&passage).await.expect("nor its answer");
        assert!(seam.stopped().now_or_never().is_none());

        seam.stop_at("a#2", Point::Answered);
        let _passage = seam.arrive("a").await.expect("not yet");
        assert!(!seam.disarm(), "it is on its way");
    }

    #[tokio::test]
    async fn the_call_of_one_who_is_dead_stops_nobody() {
        let seam = Seam::default();
        seam.stop_at("a#1", Point::Unanswered);
        let passage = seam.arrive("a").await.expect("not yet");
        seam.forget();
        assert!(seam.executed(&passage).await.is_err());
        let next = seam.arrive("a").await.expect("nothing stops it");
        seam.executed(&next).await.expect("nor its answer");
    }

    #[tokio::test]
    async fn before_it_is_executed_the_world_stops_and_nothing_of_that_life_goes_on() {
        let seam = Arc::new(Seam::default());
        seam.stop_at("a#1", Point::Before);
        let stopped = tokio::spawn({
            let seam = Arc::clone(&seam);
            async move { seam.arrive("a").await.is_ok() }
        });
        seam.stopped().await;
        let other = seam.arrive("b").now_or_never();
        assert!(other.is_none(), "everything stands still");
        seam.forget();
        assert!(!stopped.await.expect("no panic"), "it is never executed");
        assert!(seam.arrive("a").await.is_ok(), "the next life goes on");
    }

    #[tokio::test]
    async fn a_client_that_stood_still_goes_on_where_it_was() {
        let seam = Arc::new(Seam::default());
        seam.stop_at("#2", Point::Before);
        assert!(seam.arrive("a").await.is_ok());
        let second = tokio::spawn({
            let seam = Arc::clone(&seam);
            async move {
                let passage = seam.arrive("b").await.expect("it is executed");
                seam.executed(&passage).await.is_ok()
            }
        });
        seam.stopped().await;
        seam.resume();
        assert!(second.await.expect("no panic"), "it is answered");
    }

    #[tokio::test]
    async fn a_late_call_is_executed_when_it_is_released_and_never_answered() {
        let seam = Arc::new(Seam::default());
        seam.stop_at("a#1", Point::Late);
        let late = tokio::spawn({
            let seam = Arc::clone(&seam);
            async move {
                let passage = seam.arrive("a").await.expect("it is executed");
                seam.executed(&passage).await.is_err()
            }
        });
        seam.stopped().await;
        seam.forget();
        assert!(!late.is_finished());
        seam.release();
        assert!(late.await.expect("no panic"), "nobody hears the answer");
    }

    #[tokio::test]
    async fn what_was_executed_stays_unanswered_or_is_the_last_that_is_answered() {
        for (point, answered) in [(Point::Unanswered, false), (Point::Answered, true)] {
            let seam = Seam::default();
            seam.stop_at("a#1", point);
            let passage = seam.arrive("a").await.expect("it is executed");
            let heard = seam.executed(&passage).now_or_never();
            assert_eq!(heard.is_some(), answered, "{point}");
            assert!(seam.arrive("b").now_or_never().is_none(), "{point}");
        }
    }
}
