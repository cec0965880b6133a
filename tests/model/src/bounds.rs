//! What a run of the checker covers: how many processes, how much trouble, and which part of
//! the protocol is left out, to show that the checker would notice.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use identity_pool_operator::api::OnExternalDeletion;

use super::core::{Core, SETTLE};
use super::etcd::{Kind, Versions};
use super::events::Events;
use super::print::Cache;
use super::rules;
use super::state::Tokens;

/// A part of the protocol that is left out by its surroundings. The core is the shipped one in
/// each: what it asks for is carried out otherwise, or what it is told is not so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mutant {
    None,
    /// The claim is written over whatever is there.
    NoCompareAndSwap,
    /// Of an object that is going, a search is said to have found nothing.
    NoSearchOnDeletion,
    /// The settle window is zero.
    NoSettling,
    /// The finalizer is dropped from whatever object has the name.
    FinalizerByName,
    /// The transport repeats a create call that got no answer.
    RetryOfCreate,
    /// The clock of a pass stands still from its claim on, and the call is signed when it is
    /// sent.
    NoFence,
    /// The clock of a pass stands still from its claim on.
    StoppedClock,
    /// A create call is signed when it is sent.
    SignedWhenSent,
    /// The claim is said to be written and is not.
    NoClaim,
    /// Each list counts as two.
    OneList,
    /// A pool is said to be whose status names it.
    StatusTrusted,
}

/// One run of the checker.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) processes: usize,
    /// How far each process's clock is ahead, in seconds.
    pub(crate) ahead: [i32; 3],
    pub(crate) tokens: Tokens,
    /// How far time can jump at once, in seconds.
    pub(crate) jumps: &'static [u32],
    pub(crate) kind: Kind,
    /// Whether etcd may be restored, or a claim be lost, even where the design says that this
    /// makes two pools.
    pub(crate) residual: bool,
    pub(crate) mutant: Mutant,
}

/// Versions of the object, at most.
pub(crate) const VERSIONS: u16 = 12;

/// To the last instant in which a claim may be sent, in which its signature is honoured, in
/// which it is not settled; two of the first are beyond the fence.
pub(crate) const JUMPS: &[u32] = &[20, 280, 120];

impl Scenario {
    pub(crate) const fn new(name: &'static str, processes: usize, tokens: Tokens) -> Self {
        Self {
            name,
            processes,
            ahead: [0, 0, 0],
            tokens,
            jumps: JUMPS,
            kind: Kind {
                on_external_deletion: OnExternalDeletion::Recreate,
                looks_back: false,
            },
            residual: false,
            mutant: Mutant::None,
        }
    }

    pub(crate) fn settle_window(&self) -> Duration {
        if self.mutant == Mutant::NoSettling {
            Duration::ZERO
        } else {
            SETTLE
        }
    }
}

/// A scenario with the core and all that was computed of it so far.
pub(crate) struct World {
    pub(crate) scenario: Scenario,
    pub(crate) core: Core,
    pub(crate) versions: Versions,
    /// States from which all ends well.
    pub(crate) calm: Cache<()>,
    pub(crate) events: Events,
    /// Properties of which a counter-example was found.
    pub(crate) broken: [AtomicBool; rules::ALL.len()],
}

impl World {
    pub(crate) fn new(scenario: Scenario) -> Self {
        let ahead = scenario.ahead[..scenario.processes].to_vec();
        Self {
            core: Core::new(scenario.settle_window(), ahead),
            versions: Versions::new(),
            calm: Cache::new(),
            events: Events::default(),
            broken: Default::default(),
            scenario,
        }
    }
}
