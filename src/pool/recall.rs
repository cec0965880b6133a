//! A look that outlives its pass.
//!
//! A value that an object takes from elsewhere changes nothing in AWS. So where that is all
//! that happened, a write rests on the look of an earlier pass as it would on one of its own:
//! for no longer than [`SEND_FENCE`](super::claim::SEND_FENCE), and only after a pass in which
//! nothing failed.

use jiff::Timestamp;

use super::facts::{Facts, Look};
use super::next::is_recent;
use super::rest;
use super::settings::Observed;

/// The pool as it was, and when.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Recent {
    pool: Observed,
    at: Timestamp,
}

/// What a later pass may rest on. Nothing where the spec itself has all values: whoever edits
/// it has AWS looked at.
pub(super) fn kept(facts: &Facts) -> Option<Recent> {
    let failed = facts.failure.is_some() || facts.trouble.is_some() || facts.is_late();
    if failed || !facts.references.exist() {
        return None;
    }
    let seen = facts.looks.values().filter_map(|look| match look {
        Look::Found(pool, at) if facts.is_ours(pool) => Some((pool, *at)),
        Look::Found(..) | Look::Gone => None,
    });
    let (pool, at) = seen.max_by_key(|(_, at)| *at)?;
    let pool = (**pool).clone();
    Some(Recent { pool, at })
}

impl Facts {
    /// Takes the look of the pass before for one of this pass, unless there is a reason to look.
    pub(super) fn recall(&mut self) {
        let recent = self.memory.recent.take();
        let recent = recent.filter(|_| !rest::asks_for_look(self));
        let Some(Recent { pool, at }) = recent.filter(|recent| is_recent(self, recent.at)) else {
            return;
        };
        if self.is_ours(&pool) {
            let look = Look::Found(Box::new(pool.clone()), at);
            self.looks.entry(pool.id).or_insert(look);
        }
    }
}
