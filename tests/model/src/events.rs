//! What has to happen somewhere in a run, or the run proves little.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! events {
    ($($event:ident $text:literal,)*) => {
        /// Something that a run has to come by.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub(crate) enum Event { $(#[doc = $text] $event,)* }

        impl Event {
            pub(crate) const ALL: &[Self] = &[$(Self::$event,)*];

            pub(crate) const fn text(self) -> &'static str {
                match self { $(Self::$event => $text,)* }
            }
        }
    };
}

events! {
    Created "a pool was made",
    FoundAgain "a pool was found by its owner tag and recorded",
    SettledWithNone "a claim settled with no pool, and a new one was written",
    Conflict "a write met a newer version",
    ArrivedLate "a create call took effect after its sender had given up or gone",
    Expired "a create call came too late for its signature",
    Refused "AWS refused a create call",
    Voided "a claim was marked void",
    FenceClosed "a claim was not sent in time and given up for another",
    Unlisted "a list did not show a pool yet",
    Shifted "a list missed a pool that moved between its pages",
    StalePass "a pass began with an older version",
    Renamed "a pool got another name",
    DeletedPool "a pool was deleted for an object that went",
    WaitedToGo "an object that was going waited for a claim to settle",
    ReleasedWithNone "a finalizer was dropped after a search that found nothing",
    Recreated "an object of the same name was applied",
    PassOfAnother "a pass went on after another object had taken the name",
    RestoredLiving "etcd was restored to a version that records no pool, with a pool alive",
    RestoredBeforeClaim "etcd was restored to before a claim",
    RestoredGone "etcd was restored to a version whose pool is gone",
    RestoredMidPass "etcd was restored in the middle of a pass",
    Crashed "a process ended in the middle of a pass",
    Silenced "the apiserver did not answer a write",
    ForeignSeen "a process saw that status names a foreign pool",
    Remade "a pool that somebody deleted was made anew",
}

/// How often each happened.
#[derive(Debug)]
pub(crate) struct Events([AtomicU64; Event::ALL.len()]);

impl Default for Events {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; Event::ALL.len()])
    }
}

impl Events {
    pub(crate) fn note(&self, event: Event) {
        self.0[event as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count(&self, event: Event) -> u64 {
        self.0[event as usize].load(Ordering::Relaxed)
    }
}
