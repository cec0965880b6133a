//! The shipped core, asked each question once.
//!
//! `pool::next` and `Facts::learn` are pure, so an answer holds for as long as the checker
//! runs. Facts are told apart by their history: what they began with and all that was
//! learned since.

use std::sync::Arc;
use std::time::Duration;

use identity_pool_operator::api::IdentityPool;
use identity_pool_operator::pool::facts::{Moment, Operator};
use identity_pool_operator::pool::memory::Memory;
use identity_pool_operator::pool::{Facts, Move, Seen, next};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::print::{Cache, Printed, print_of};

/// When and by whom a question is asked.
#[derive(Clone, Copy, Debug, Hash, PartialEq)]
pub(crate) struct Instant {
    /// True time, in seconds since the beginning.
    pub(crate) clock: u32,
    pub(crate) process: usize,
    /// Claim ids that were drawn before.
    pub(crate) drawn: u8,
}

impl Instant {
    /// Without the draw, which counts only when a question is asked.
    fn place(self) -> (u32, usize) {
        (self.clock, self.process)
    }
}

/// Something seen, and its fingerprint.
pub(crate) struct Heard {
    pub(crate) seen: Seen,
    pub(crate) print: u64,
}

/// The core and what it said so far.
pub(crate) struct Core {
    operator: Arc<Operator>,
    /// How far each process's clock is ahead, in seconds.
    ahead: Vec<i32>,
    moves: Cache<Printed<Move>>,
    facts: Cache<Printed<Facts>>,
}

pub(crate) const INSTALLATION: &str = "cluster";
pub(crate) const SETTLE: Duration = Duration::from_secs(420);

/// True time as an instant.
pub(crate) fn time(clock: i64) -> Timestamp {
    // 2026-11-24T10:00:00Z
    Timestamp::from_second(1_795_514_400 + clock).expect("in range")
}

impl Core {
    pub(crate) fn new(settle_window: Duration, ahead: Vec<i32>) -> Self {
        let operator = Arc::new(Operator {
            installation: INSTALLATION.into(),
            account_id: "123456789012".into(),
            partition: "aws".into(),
            region: "eu-west-1".into(),
            settle_window,
            resync_period: Duration::from_secs(1800),
            allows_adoption: false,
        });
        Self {
            operator,
            ahead,
            moves: Cache::new(),
            facts: Cache::new(),
        }
    }

    /// The clock of a process.
    pub(crate) fn clock(&self, at: Instant) -> i64 {
        i64::from(at.clock) + i64::from(self.ahead[at.process])
    }

    pub(crate) fn now(&self, at: Instant) -> Timestamp {
        time(self.clock(at))
    }

    fn moment(&self, at: Instant) -> Moment {
        let now = self.now(at);
        let ahead = SignedDuration::from_secs(self.ahead[at.process].into());
        Moment {
            now,
            uptime: Duration::from_secs(u64::from(at.clock) + 1000),
            draw: draw(now, at),
            jitter: 500,
            clock_offset: Some(-ahead),
            term_left: Duration::MAX,
        }
    }

    pub(crate) fn begin(
        &self,
        object: &Printed<IdentityPool>,
        memory: &Printed<Memory>,
        missing: bool,
        meddled: bool,
        at: Instant,
    ) -> Printed<Facts> {
        let key = print_of((object.print, memory.print, missing, meddled, at.place()));
        self.facts.or_insert(key, || {
            let mut facts = Facts::begin(
                Arc::clone(&self.operator),
                self.moment(at),
                object.arc(),
                (**memory).clone(),
            );
            facts.missing = missing;
            facts.meddled = meddled;
            Printed::new(facts, key)
        })
    }

    /// The next move, by `pool::next`.
    pub(crate) fn ask(&self, facts: &Printed<Facts>, at: Instant) -> Printed<Move> {
        let key = print_of((facts.print, at));
        self.moves.or_insert(key, || {
            let mut facts = (**facts).clone();
            facts.moment = self.moment(at);
            Printed::new(next(&facts), key)
        })
    }

    /// What is known after something was seen `at` this instant, of what was begun at another.
    ///
    /// `hairs` tells what is seen at one instant apart, since true time is coarse: what is seen
    /// later in a pass is seen a hair later.
    pub(crate) fn learn(
        &self,
        facts: &Printed<Facts>,
        heard: Heard,
        begun: Instant,
        (at, hairs): (Instant, u16),
    ) -> Printed<Facts> {
        let key = print_of((facts.print, heard.print, begun.place(), at.place(), hairs));
        self.facts.or_insert(key, || {
            let mut facts = (**facts).clone();
            facts.moment = self.moment(begun);
            facts.learn(heard.seen, later(self.now(at), hairs));
            Printed::new(facts, key)
        })
    }

    /// Different moves and facts that were dealt with.
    pub(crate) fn asked(&self) -> (usize, usize) {
        (self.moves.len(), self.facts.len())
    }
}

/// Some hairs later.
pub(crate) fn later(at: Timestamp, hairs: u16) -> Timestamp {
    let hairs = SignedDuration::from_nanos(hairs.into());
    at.checked_add(hairs).expect("in range")
}

/// A `UUIDv7` of this instant that nobody else draws.
fn draw(now: Timestamp, at: Instant) -> Uuid {
    let millis = u64::try_from(now.as_millisecond()).expect("after 1970");
    let mut random = [0; 10];
    random[8] = u8::try_from(at.process).expect("few processes");
    random[9] = at.drawn;
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}
