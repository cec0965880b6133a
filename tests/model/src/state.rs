//! One state of the world: the apiserver, AWS, what is on the wire between them, and the
//! operator's processes.

use std::collections::BTreeMap;

use identity_pool_operator::api::names::{CLAIM_TAG, OWNER_TAG};
use identity_pool_operator::pool::Facts;
use identity_pool_operator::pool::call::{Answer, Call, Failure};
use identity_pool_operator::pool::memory::{Arrival, Memory};
use identity_pool_operator::pool::ownership::owner_of;
use identity_pool_operator::pool::settings::Observed;
use uuid::Uuid;

use super::aws::SIGNATURE;
use super::core::{INSTALLATION, Instant};
use super::etcd::{Etcd, Object, uid_text};
use super::print::Printed;

/// A pool in AWS.
#[derive(Clone, Debug, Hash, PartialEq)]
pub(crate) struct Pool {
    pub(crate) serial: u8,
    /// True time by which a list shows it at the latest; 0 once one does.
    pub(crate) listed_by: u32,
    pub(crate) seen: Printed<Observed>,
}

impl Pool {
    pub(crate) fn is_listed(&self) -> bool {
        self.listed_by == 0
    }

    pub(crate) fn is_of(&self, uid: u8) -> bool {
        self.seen.tags.get(OWNER_TAG) == Some(&owner(uid))
    }

    pub(crate) fn claim(&self) -> Option<Uuid> {
        self.seen.tags.get(CLAIM_TAG)?.parse().ok()
    }
}

/// Value of the owner tag of an object's pool.
pub(crate) fn owner(uid: u8) -> String {
    owner_of(INSTALLATION, &uid_text(uid))
}

pub(crate) type Outcome = Result<Answer, Failure>;

/// A call that changes something, between its sender and AWS.
#[derive(Clone, Debug, Hash, PartialEq)]
pub(crate) struct InFlight {
    pub(crate) call: Printed<Call>,
    pub(crate) process: usize,
    /// Of the object that it is sent for.
    pub(crate) uid: u8,
    /// Signing time, in seconds since the beginning.
    pub(crate) signed: i64,
    /// What AWS said, once it has carried the call out.
    pub(crate) outcome: Option<Printed<Outcome>>,
    /// Whether the sender still waits for the answer.
    pub(crate) awaited: bool,
}

impl InFlight {
    /// The claim under which it makes a pool.
    pub(crate) fn claim(&self) -> Option<Uuid> {
        claim_of(&self.call)
    }
}

/// The claim under which a call makes a pool.
pub(crate) fn claim_of(call: &Call) -> Option<Uuid> {
    match call {
        Call::CreateIdentityPool { tags, .. } => tags.get(CLAIM_TAG)?.parse().ok(),
        _ => None,
    }
}

/// What a process keeps of one object between passes.
#[derive(Clone, Debug, Hash, PartialEq)]
pub(crate) struct Known {
    pub(crate) memory: Printed<Memory>,
    /// The status that it wrote or found in order last.
    pub(crate) said: Option<u64>,
}

impl Known {
    pub(crate) fn new(arrival: Arrival) -> Self {
        let memory = Printed::of(Memory::new(arrival));
        let said = None;
        Self { memory, said }
    }
}

/// A pass under way.
#[derive(Clone, Debug, Hash, PartialEq)]
pub(crate) struct Pass {
    pub(crate) facts: Printed<Facts>,
    /// The object as this pass saw it last.
    pub(crate) object: Printed<Object>,
    /// Since when the process waits for the answer to a call.
    pub(crate) waits: Option<(u32, u8)>,
    /// Where a mutant stops the clock of a pass: true time of its claim.
    pub(crate) stopped: Option<u32>,
    /// Things seen so far.
    pub(crate) hairs: u16,
}

/// One process of the operator.
#[derive(Clone, Debug, Hash, PartialEq)]
pub(crate) struct Process {
    pub(crate) known: BTreeMap<u8, Known>,
    pub(crate) pass: Option<Pass>,
    /// Its cache does not show what came before this.
    pub(crate) cache: u16,
}

/// How often each kind of trouble may still come.
#[derive(Clone, Copy, Debug, Default, Hash, PartialEq)]
pub(crate) struct Tokens {
    /// A process ends and another begins.
    pub(crate) crashes: u8,
    /// No answer comes from AWS in time.
    pub(crate) losses: u8,
    /// AWS refuses a call.
    pub(crate) refusals: u8,
    /// No answer comes from the apiserver.
    pub(crate) silences: u8,
    /// A pass begins with an older version of the object.
    pub(crate) stale: u8,
    /// A list misses a pool that moved between its pages.
    pub(crate) shifts: u8,
    /// Time passes.
    pub(crate) ticks: u8,
    /// A person deletes the object.
    pub(crate) deletions: u8,
    /// A person applies one of the same name.
    pub(crate) recreations: u8,
    /// A person renames the pool.
    pub(crate) renames: u8,
    /// Status is erased.
    pub(crate) lost_statuses: u8,
    /// The claim is erased.
    pub(crate) lost_claims: u8,
    /// Status is made to name a foreign pool.
    pub(crate) forgeries: u8,
    /// A pool is deleted in AWS by somebody else.
    pub(crate) removals: u8,
    /// etcd is backed up, and restored later.
    pub(crate) restores: u8,
}

/// A backup of etcd.
#[derive(Clone, Debug, Hash, PartialEq)]
pub(crate) struct Backup {
    pub(crate) etcd: Etcd,
}

/// A claim that came on record, and the calls that were sent under it.
#[derive(Clone, Debug, Hash, PartialEq)]
pub(crate) struct Record {
    pub(crate) claim: Uuid,
    pub(crate) uid: u8,
    pub(crate) sent: u8,
}

/// What must never happen, as a set.
#[derive(Clone, Copy, Debug, Default, Hash, PartialEq)]
pub(crate) struct Breaches(pub(crate) u8);

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Breach {
    ForeignWrite = 1,
    LivingDeleted = 2,
    ForeignFinalizer = 4,
    NoClaim = 8,
    ClaimUsedTwice = 16,
    LostOwnerTag = 32,
}

impl Breaches {
    pub(crate) fn note(&mut self, breach: Breach) {
        self.0 |= breach as u8;
    }

    pub(crate) fn has(self, breach: Breach) -> bool {
        self.0 & breach as u8 != 0
    }
}

/// Everything.
#[derive(Clone, Debug, Hash, PartialEq)]
pub(crate) struct State {
    /// True time, AWS's, in seconds since the beginning.
    pub(crate) clock: u32,
    /// Claim ids that were drawn.
    pub(crate) drawn: u8,
    pub(crate) etcd: Etcd,
    /// Uids that were given.
    pub(crate) uids: u8,
    /// Versions that a cache may still show, oldest first, while any may be stale.
    pub(crate) past: Vec<(u16, Printed<Object>)>,
    pub(crate) backup: Option<Backup>,
    pub(crate) pools: Vec<Pool>,
    /// Pool ids that were given.
    pub(crate) serial: u8,
    pub(crate) wire: Vec<InFlight>,
    pub(crate) processes: Vec<Process>,
    pub(crate) tokens: Tokens,
    pub(crate) records: Vec<Record>,
    /// Uids whose objects a restore took away, so that nobody can look after their pools.
    pub(crate) orphaned: u8,
    pub(crate) breaches: Breaches,
}

impl State {
    pub(crate) fn instant(&self, process: usize) -> Instant {
        Instant {
            clock: self.clock,
            process,
            drawn: self.drawn,
        }
    }

    /// The instant at which a pass asks, by the clock that a mutant may have stopped.
    pub(crate) fn asking(&self, process: usize) -> Instant {
        let pass = self.processes[process].pass.as_ref();
        let stopped = pass.and_then(|pass| pass.stopped);
        Instant {
            clock: stopped.unwrap_or(self.clock),
            ..self.instant(process)
        }
    }

    pub(crate) fn pools_of(&self, uid: u8) -> impl Iterator<Item = &Pool> {
        self.pools.iter().filter(move |pool| pool.is_of(uid))
    }

    pub(crate) fn is_orphaned(&self, uid: u8) -> bool {
        self.orphaned & (1 << uid) != 0
    }

    /// Whether AWS still honours the signature of a call.
    pub(crate) fn is_honoured(&self, call: &InFlight) -> bool {
        (i64::from(self.clock) - call.signed).abs() <= SIGNATURE
    }

    /// The call that a process waits for.
    pub(crate) fn awaited(&self, process: usize) -> Option<usize> {
        let mine = |call: &InFlight| call.process == process && call.awaited;
        self.wire.iter().position(mine)
    }
}
