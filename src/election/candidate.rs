//! One replica's part in an election: what it saw, and what it does next.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};

use super::term::Term;
use super::timing::Timing;

/// Longest wait for one answer of the apiserver, which takes milliseconds. Several
/// tries have to fit into the renew deadline.
pub const ANSWER: Duration = Duration::from_secs(3);

/// What a released lease promises: it is over at once.
const RELEASED_SECONDS: i32 = 1;

/// An instant by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The monotonic clock, by which everything is reckoned.
    pub uptime: Duration,
    /// The wall clock, which is only written down.
    pub wall: Timestamp,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Read the lease.
    Read,
    /// Create it: there is none.
    Create(Box<Lease>),
    /// Replace it, tested on the resourceVersion inside.
    Replace(Box<Lease>),
    /// Nothing before this instant (monotonic clock), unless the lease is seen to change.
    Wait(Duration),
    /// The term is over, against this replica's will: the process has to end.
    Lost(Loss),
    /// The lease was given back, or there was none to give.
    Resigned,
}

/// How a term was lost.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Loss {
    /// No renewal within the deadline.
    #[error("it was not renewed within {} s", .0.as_secs())]
    NotRenewed(Duration),
    /// Another replica has it.
    #[error("{0} holds it now")]
    Taken(String),
    /// Somebody emptied or deleted it, so anybody may take it.
    #[error("somebody emptied or deleted it")]
    Emptied,
}

/// The lease as last seen.
#[derive(Clone, Debug)]
struct Seen {
    /// `None`: there is none.
    lease: Option<Lease>,
    /// When this version was first seen.
    since: Duration,
}

/// Who has the lease.
enum Standing {
    Mine,
    /// Nobody.
    Free,
    /// Another, who is believed until then.
    Held(Duration),
}

/// One replica in an election.
#[derive(Clone, Debug)]
pub struct Candidate {
    name: String,
    identity: String,
    timing: Timing,
    seen: Option<Seen>,
    /// A write failed since: nobody knows whether it took effect.
    outdated: bool,
    /// When the term ends, while there is one.
    end: Option<Duration>,
    loss: Option<Loss>,
    resigning: bool,
    /// The next read is not due before.
    read_from: Duration,
    /// The next write is not due before.
    write_from: Duration,
}

impl Candidate {
    /// Stands for the lease of this name, under an identity that no other process has
    /// or had: after a restart it is somebody else.
    #[must_use]
    pub fn new(name: &str, identity: &str, timing: Timing) -> Self {
        Self {
            name: name.to_owned(),
            identity: identity.to_owned(),
            timing,
            seen: None,
            outdated: false,
            end: None,
            loss: None,
            resigning: false,
            read_from: Duration::ZERO,
            write_from: Duration::ZERO,
        }
    }

    /// The lease was seen at this instant; `None`: there is none.
    pub fn observe(&mut self, lease: Option<Lease>, at: Duration) {
        let version = |lease: &Option<Lease>| lease.as_ref()?.metadata.resource_version.clone();
        let before = self.seen.as_ref();
        let since = before
            .filter(|before| version(&before.lease) == version(&lease))
            .map_or(at, |before| before.since);
        self.seen = Some(Seen { lease, since });
        self.outdated = false;
        self.read_from = at + self.timing.retry;
        if self.end.is_some() && self.holder() != Some(self.identity.as_str()) {
            let holder = self.holder().map(str::to_owned);
            self.loss = Some(holder.map_or(Loss::Emptied, Loss::Taken));
        }
    }

    /// The lease could not be read.
    pub fn read_failed(&mut self, at: Duration) {
        self.read_from = at + self.timing.retry;
    }

    /// A write that was sent at `sent` took effect, and this is its answer.
    pub fn wrote(&mut self, answer: Lease, sent: Duration, at: Duration) {
        self.seen = Some(Seen {
            lease: Some(answer),
            since: at,
        });
        self.outdated = false;
        self.write_from = at + self.timing.retry;
        let mine = self.holder() == Some(self.identity.as_str());
        self.end = mine.then(|| sent + self.timing.renew_deadline);
    }

    /// A write was refused, or nobody knows what became of it.
    pub fn write_failed(&mut self, at: Duration) {
        self.outdated = true;
        self.read_from = at;
        self.write_from = at + self.timing.retry;
    }

    /// A write was denied: whoever takes an operator away takes its permissions with it. Says whether
    /// it was to give the lease back, which then runs out by itself; a leader goes on trying.
    pub fn write_denied(&mut self, at: Duration) -> bool {
        self.write_failed(at);
        if self.resigning {
            self.end = None;
        }
        self.resigning
    }

    /// From now on the lease is to be given back. Nothing that it guards may run any more.
    pub fn resign(&mut self) {
        if !self.resigning {
            self.resigning = true;
            self.write_from = Duration::ZERO;
        }
    }

    /// What this replica may do, as far as is known.
    #[must_use]
    pub fn term(&self) -> Term {
        match self.end {
            Some(end) if self.loss.is_none() => Term::Until {
                end,
                timing: self.timing,
            },
            _ => Term::None,
        }
    }

    /// Who has the lease, as last seen; `None`: nobody, or nothing was seen yet.
    #[must_use]
    pub fn holder(&self) -> Option<&str> {
        holder(self.seen.as_ref()?.lease.as_ref()?)
    }

    /// How long an answer may be waited for: a request that outlives the term keeps
    /// nobody from noticing that it is over.
    #[must_use]
    pub fn patience(&self, at: Duration) -> Duration {
        self.end
            .map_or(ANSWER, |end| ANSWER.min(end.saturating_sub(at)))
    }

    /// The next step. Pure: the same knowledge at the same instant always gives the same.
    #[must_use]
    pub fn next(&self, now: Now) -> Step {
        let over = self.end.is_some_and(|end| now.uptime >= end);
        if self.resigning {
            return self.step_down(now, over);
        }
        if let Some(loss) = &self.loss {
            return Step::Lost(loss.clone());
        }
        if over {
            return Step::Lost(Loss::NotRenewed(self.timing.renew_deadline));
        }
        let Some(seen) = self.current() else {
            return self.read(now);
        };
        match self.standing(seen) {
            Standing::Held(until) if now.uptime < until => match self.read(now) {
                Step::Wait(due) => Step::Wait(due.min(until)),
                due => due,
            },
            Standing::Mine | Standing::Free | Standing::Held(_) => {
                self.write(now, |wall| self.claimed(seen, wall))
            }
        }
    }

    /// Gives the lease back while it is certainly ours; otherwise it runs out by itself.
    fn step_down(&self, now: Now, over: bool) -> Step {
        if over || self.end.is_none() {
            return Step::Resigned;
        }
        let Some(seen) = self.current() else {
            return self.read(now);
        };
        match self.standing(seen) {
            Standing::Mine => self.write(now, |wall| released(seen, wall)),
            Standing::Free | Standing::Held(_) => Step::Resigned,
        }
    }

    fn current(&self) -> Option<&Seen> {
        self.seen.as_ref().filter(|_| !self.outdated)
    }

    fn standing(&self, seen: &Seen) -> Standing {
        let lease = seen.lease.as_ref();
        match lease.and_then(holder) {
            None => Standing::Free,
            Some(holder) if holder == self.identity => Standing::Mine,
            Some(_) => Standing::Held(seen.since + self.promised(lease)),
        }
    }

    /// For how long its holder wants to be believed in.
    fn promised(&self, lease: Option<&Lease>) -> Duration {
        let seconds = lease.and_then(|lease| lease.spec.as_ref()?.lease_duration_seconds);
        let seconds = seconds.unwrap_or(self.timing.lease_seconds());
        Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
    }

    fn read(&self, now: Now) -> Step {
        self.when_due(self.read_from, now, || Step::Read)
    }

    fn write(&self, now: Now, lease: impl FnOnce(Timestamp) -> Lease) -> Step {
        self.when_due(self.write_from, now, || {
            let lease = Box::new(lease(now.wall));
            match lease.metadata.resource_version {
                Some(_) => Step::Replace(lease),
                None => Step::Create(lease),
            }
        })
    }

    /// A step that is not due yet is waited for, but not beyond the end of the term.
    fn when_due(&self, due: Duration, now: Now, step: impl FnOnce() -> Step) -> Step {
        if now.uptime >= due {
            return step();
        }
        Step::Wait(self.end.map_or(due, |end| due.min(end)))
    }

    /// The lease as ours: won, or renewed.
    fn claimed(&self, seen: &Seen, wall: Timestamp) -> Lease {
        let mut lease = seen.lease.clone().unwrap_or_else(|| Lease {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                ..ObjectMeta::default()
            },
            spec: None,
        });
        let renewed = holder(&lease) == Some(self.identity.as_str());
        let spec = lease.spec.get_or_insert_default();
        if !renewed {
            let before = spec.lease_transitions.unwrap_or(0);
            let changes = i32::from(seen.lease.is_some());
            spec.lease_transitions = Some(before.saturating_add(changes));
            spec.acquire_time = Some(MicroTime(wall));
        }
        spec.holder_identity = Some(self.identity.clone());
        spec.lease_duration_seconds = Some(self.timing.lease_seconds());
        spec.renew_time = Some(MicroTime(wall));
        lease
    }
}

/// The lease as nobody's.
fn released(seen: &Seen, wall: Timestamp) -> Lease {
    let mut lease = seen.lease.clone().unwrap_or_default();
    let before = lease.spec.take().unwrap_or_default();
    lease.spec = Some(LeaseSpec {
        holder_identity: Some(String::new()),
        lease_duration_seconds: Some(RELEASED_SECONDS),
        acquire_time: Some(MicroTime(wall)),
        renew_time: Some(MicroTime(wall)),
        ..before
    });
    lease
}

fn holder(lease: &Lease) -> Option<&str> {
    let holder = lease.spec.as_ref()?.holder_identity.as_deref();
    holder.filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests;
