//! How fast AWS may be asked: one token bucket for reads and one for writes of an
//! account and region. `Bucket` reckons, `Queue` says who is next; this waits.
//!
//! A token is taken in the same step in which the next in line is let go, so one who gives
//! up waiting has spent nothing, and a changed rate holds for everybody in the line. One task
//! for each line waits for its next token; none runs while nobody waits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::bucket::Bucket;
use super::queue::Queue;
use crate::pool::call::Operation;
use crate::pool::urgency::Urgency;
use crate::telemetry::metrics::BudgetGauges;

/// Whether a call changes anything; AWS meters the two apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Describe and list.
    Read,
    /// Everything else.
    Write,
}

impl Kind {
    /// The kind of an operation.
    #[must_use]
    pub const fn of(operation: Operation) -> Self {
        if operation.mutates() {
            Self::Write
        } else {
            Self::Read
        }
    }

    /// Label value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// Calls a second that are never exceeded, whatever the account allows; `None` where only
/// the account's own limit counts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Caps {
    /// Of calls that read.
    pub reads: Option<f64>,
    /// Of calls that change something.
    pub writes: Option<f64>,
}

/// Who asks, and how urgently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// How urgent the call is.
    pub urgency: Urgency,
    /// The namespace of the object that it is for; empty where it is for all.
    pub namespace: Arc<str>,
}

impl Asker {
    /// What serves every object alike.
    #[must_use]
    pub fn everybody(urgency: Urgency) -> Self {
        let namespace = Arc::from("");
        Self { urgency, namespace }
    }
}

/// The right to send one call. Dropped without use, it is lost, as if it had been sent.
#[derive(Debug)]
#[must_use = "send the call that was waited for"]
pub struct Permit {
    kind: Kind,
    /// When its token was taken, since the budget began.
    taken: Duration,
}

impl Permit {
    /// Which bucket it is from.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }
}

/// A place in the line. Dropped, it is given up.
#[derive(Debug)]
#[must_use = "wait for its turn"]
pub struct Ticket {
    kind: Kind,
    /// How urgent it was when the place was taken.
    pub urgency: Urgency,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// In no line yet: a cap lets it join then.
    Held {
        opens: Instant,
        line: Arc<Line>,
        asker: Asker,
    },
    /// In line.
    Joined(oneshot::Receiver<Permit>),
}

impl Ticket {
    /// Which line it is for.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Waits for the turn; one who gives up waiting keeps the place as long as the ticket.
    pub async fn turn(&mut self) -> Permit {
        loop {
            match &mut self.place {
                Place::Held { opens, line, asker } => {
                    if *opens > Instant::now() {
                        tokio::time::sleep_until(*opens).await;
                    }
                    self.place = Place::Joined(line.join(asker.clone()));
                }
                Place::Joined(granted) => match granted.await {
                    Ok(permit) => return permit,
                    // The budget has ended, and with it the operator.
                    Err(_) => return std::future::pending().await,
                },
            }
        }
    }
}

#[derive(Debug)]
struct Waiter {
    since: Duration,
    turn: oneshot::Sender<Permit>,
}

#[derive(Debug)]
struct State {
    bucket: Bucket,
    queue: Queue<Waiter>,
    /// Whether a task waits for the next token.
    is_served: bool,
}

/// A bucket and the line before it.
#[derive(Debug)]
struct Line {
    kind: Kind,
    started: Instant,
    state: Mutex<State>,
    /// Somebody joined, or the bucket opened: the next token may be another's, and earlier.
    changed: Notify,
    /// When a closed bucket of this account and region last let a probe go.
    probed: Arc<Mutex<Duration>>,
    gauges: BudgetGauges,
}

impl Line {
    fn new(
        kind: Kind,
        started: Instant,
        cap: Option<f64>,
        probed: Arc<Mutex<Duration>>,
        gauges: BudgetGauges,
    ) -> Arc<Self> {
        let state = State {
            bucket: Bucket::new(Duration::ZERO, cap),
            queue: Queue::new(),
            is_served: false,
        };
        Arc::new(Self {
            kind,
            started,
            state: Mutex::new(state),
            changed: Notify::new(),
            probed,
            gauges,
        })
    }

    /// Works on the state at this instant, and shows what it has become.
    fn with<T>(&self, work: impl FnOnce(&mut State, Duration) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = work(&mut state, self.started.elapsed());
        self.gauges.rate.set(state.bucket.pace());
        let waiting = i64::try_from(state.queue.len()).unwrap_or(i64::MAX);
        self.gauges.waiting.set(waiting);
        result
    }

    /// Lets go whoever may go. The time of the next token, as long as anybody waits.
    fn serve(&self) -> Option<Duration> {
        self.with(|state, now| {
            loop {
                let Some(head) = state.queue.head(now) else {
                    state.is_served = false;
                    return None;
                };
                let first = state.queue.first(&head);
                if first.is_none_or(|waiter| waiter.turn.is_closed()) {
                    state.queue.remove(&head);
                    continue;
                }
                if let Err(due) = self.take(&mut state.bucket, now, head.is_fresh) {
                    return Some(due);
                }
                let permit = Permit {
                    kind: self.kind,
                    taken: now,
                };
                let urgency = head.urgency.as_str();
                let Some(Waiter { since, turn }) = state.queue.serve(&head, now) else {
                    continue;
                };
                if turn.send(permit).is_err() {
                    state.bucket.put_back();
                    continue;
                }
                let waited = now.saturating_sub(since);
                self.gauges.waited(self.kind.as_str(), urgency, waited);
            }
        })
    }

    /// Takes a token. Both buckets of an account together send one probe at a time.
    fn take(&self, bucket: &mut Bucket, now: Duration, is_fresh: bool) -> Result<(), Duration> {
        let mut probed = self.probed.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.probed(*probed);
        bucket.take(now, is_fresh)?;
        if bucket.is_closed() {
            *probed = now;
        }
        Ok(())
    }

    async fn serve_all(self: Arc<Self>) {
        while let Some(due) = self.serve() {
            tokio::select! {
                () = tokio::time::sleep_until(self.started + due) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    fn join(self: &Arc<Self>, asker: Asker) -> oneshot::Receiver<Permit> {
        let (turn, granted) = oneshot::channel();
        let Asker { urgency, namespace } = asker;
        let is_served = self.with(|state, since| {
            state.queue.join(urgency, namespace, Waiter { since, turn });
            std::mem::replace(&mut state.is_served, true)
        });
        if is_served {
            self.changed.notify_one();
        } else if self.serve().is_some() {
            tokio::spawn(Arc::clone(self).serve_all());
        }
        granted
    }
}

/// How AWS took a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reception {
    /// It was let through.
    Accepted,
    /// There were too many.
    Throttled,
    /// Nobody knows.
    Unheard,
}

/// The budget of one account and region.
#[derive(Debug)]
pub struct Budget {
    reads: Arc<Line>,
    writes: Arc<Line>,
    /// Whether it was said that nothing comes through.
    is_said: AtomicBool,
}

impl Budget {
    /// Knows nothing of the account's limit yet. `gauges` are those of a kind.
    #[must_use]
    pub fn new(caps: Caps, gauges: impl Fn(Kind) -> BudgetGauges) -> Self {
        let started = Instant::now();
        let probed = Arc::default();
        let line = |kind, cap| Line::new(kind, started, cap, Arc::clone(&probed), gauges(kind));
        Self {
            reads: line(Kind::Read, caps.reads),
            writes: line(Kind::Write, caps.writes),
            is_said: AtomicBool::new(false),
        }
    }

    const fn line(&self, kind: Kind) -> &Arc<Line> {
        match kind {
            Kind::Read => &self.reads,
            Kind::Write => &self.writes,
        }
    }

    /// Takes a place in the line for the right to send a call.
    pub fn join(&self, kind: Kind, asker: Asker) -> Ticket {
        Ticket {
            kind,
            urgency: asker.urgency,
            place: Place::Joined(self.line(kind).join(asker)),
        }
    }

    /// The same for one who may not join before an instant, and joins when waited for from then on.
    pub(super) fn join_from(&self, opens: Instant, kind: Kind, asker: Asker) -> Ticket {
        Ticket {
            kind,
            urgency: asker.urgency,
            place: Place::Held {
                opens,
                line: Arc::clone(self.line(kind)),
                asker,
            },
        }
    }

    /// Waits for the right to send a call. One that gives up while waiting has spent nothing.
    pub async fn acquire(&self, kind: Kind, asker: Asker) -> Permit {
        self.join(kind, asker).turn().await
    }

    /// Tells how AWS took the call of a permit.
    pub fn observe(&self, permit: &Permit, reception: Reception) {
        let Permit { kind, taken } = *permit;
        let line = self.line(kind);
        match reception {
            Reception::Throttled => {
                let has_closed = line.with(|state, now| state.bucket.throttle(now, taken));
                if has_closed && !self.is_said.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        region = line.gauges.region,
                        "AWS throttles every call of this account; one is tried each half minute \
                         until it lets one through"
                    );
                }
            }
            Reception::Accepted => self.accepted(line, taken),
            Reception::Unheard => {}
        }
    }

    fn accepted(&self, line: &Line, taken: Duration) {
        if !line.with(|state, now| state.bucket.accept(now, taken)) {
            return;
        }
        line.changed.notify_one();
        if self.is_said.swap(false, Ordering::Relaxed) {
            tracing::info!(
                region = line.gauges.region,
                "AWS lets calls of this account through again"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::join_all;

    use super::*;

    fn budget(caps: Caps) -> Budget {
        Budget::new(caps, |_| BudgetGauges::default())
    }

    fn someone() -> Asker {
        asker(Urgency::Person, "someone")
    }

    fn asker(urgency: Urgency, namespace: &str) -> Asker {
        let namespace = Arc::from(namespace);
        Asker { urgency, namespace }
    }

    /// Takes what can be had without waiting.
    fn drain(budget: &Budget, kind: Kind) -> usize {
        std::iter::from_fn(|| budget.acquire(kind, someone()).now_or_never()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_callers_are_served_in_order() {
        let budget = budget(Caps::default());
        let order = Mutex::new(Vec::new());
        let caller = async |n: usize| {
            let permit = budget.acquire(Kind::Write, someone()).await;
            assert_eq!(permit.kind(), Kind::Write);
            order.lock().expect("no panic").push(n);
        };
        join_all((0..200).map(caller)).await;
        let order = order.into_inner().expect("no panic");
        assert_eq!(order, (0..200).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_gives_up_waiting_has_spent_nothing() {
        let budget = budget(Caps::default());
        drain(&budget, Kind::Write);
        let begun = Instant::now();
        for _ in 0..100 {
            let asked = budget.acquire(Kind::Write, someone());
            assert!(tokio::time::timeout(Duration::ZERO, asked).await.is_err());
        }
        let _permit = budget.acquire(Kind::Write, someone()).await;
        assert!(begun.elapsed() < Duration::from_millis(150));
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_keeps_the_ticket_keeps_the_place() {
        let budget = budget(Caps::default());
        drain(&budget, Kind::Write);
        let mut first = budget.join(Kind::Write, someone());
        let mut second = budget.join(Kind::Write, someone());
        let impatient = tokio::time::timeout(Duration::from_millis(1), first.turn());
        assert!(impatient.await.is_err());
        let (order, _) = tokio::join!(first.turn().map(|_| Instant::now()), second.turn());
        assert!(order < Instant::now(), "the second waits for a token more");
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_gives_up_in_line_does_not_hold_up_the_next() {
        let budget = budget(Caps::default());
        drain(&budget, Kind::Read);
        let first = budget.join(Kind::Read, someone());
        let mut second = budget.join(Kind::Read, someone());
        drop(first);
        let _permit = second.turn().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_write_slows_the_waiting_writes_but_no_read() {
        let budget = budget(Caps::default());
        drain(&budget, Kind::Write);
        for _ in 0..6 {
            let permit = budget.acquire(Kind::Write, someone()).await;
            budget.observe(&permit, Reception::Throttled);
            tokio::time::advance(Duration::from_millis(251)).await;
            drain(&budget, Kind::Write);
        }
        let begun = Instant::now();
        let _permit = budget.acquire(Kind::Write, someone()).await;
        assert!(begun.elapsed() > Duration::from_millis(400));
        assert!(drain(&budget, Kind::Read) >= 12);
    }

    /// How long one call after another of a namespace waits, in virtual time.
    async fn waits(budget: &Budget) -> Vec<Duration> {
        let mut waits = Vec::new();
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_secs(2)).await;
            let begun = Instant::now();
            for kind in [Kind::Read, Kind::Write] {
                let one = asker(Urgency::Person, "quiet");
                let _permit = budget.acquire(kind, one).await;
            }
            waits.push(begun.elapsed());
        }
        waits
    }

    #[tokio::test(start_paused = true)]
    async fn an_edit_waits_no_longer_beside_500_calls_of_another_namespace() {
        for urgency in [Urgency::Person, Urgency::Creation] {
            let caps = Caps {
                reads: Some(5.0),
                writes: Some(5.0),
            };
            let budget = budget(caps);
            let alone = waits(&budget).await;
            let crowd = |kind| {
                let calls = (0..500).map(move |_| kind);
                calls.map(|kind| budget.acquire(kind, asker(urgency, "busy")))
            };
            let crowd = join_all(crowd(Kind::Read).chain(crowd(Kind::Write)));
            let (beside, _) = tokio::join!(waits(&budget), crowd);
            assert_eq!(beside.iter().max(), alone.iter().max(), "{urgency:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn where_nothing_comes_through_reads_and_writes_share_one_probe_in_half_a_minute() {
        let budget = budget(Caps::default());
        let sent = std::cell::Cell::new(0);
        let hammer = async |kind| loop {
            let permit = budget.acquire(kind, someone()).await;
            sent.set(sent.get() + 1);
            budget.observe(&permit, Reception::Throttled);
        };
        let minute = Duration::from_secs(60);
        let both = async { tokio::join!(hammer(Kind::Read), hammer(Kind::Write)) };
        let mut both = std::pin::pin!(both);
        assert!(tokio::time::timeout(minute, &mut both).await.is_err());
        sent.set(0);
        assert!(tokio::time::timeout(minute * 5, &mut both).await.is_err());
        assert!((9..=11).contains(&sent.get()), "{}", sent.get());
        assert!(budget.is_said.load(Ordering::Relaxed), "by one of the two");
        let permit = budget.acquire(Kind::Write, someone()).await;
        budget.observe(&permit, Reception::Accepted);
        assert!(drain(&budget, Kind::Write) <= 2, "it begins slowly");
        assert!(!budget.is_said.load(Ordering::Relaxed));
    }
}
