//! What was seen in one pass and serves the next.
//!
//! A value that an object takes from elsewhere changes nothing in AWS. So where that is all
//! that happened, a write rests on what an earlier pass saw as it would on a look of its own:
//! for no longer than [`SEND_FENCE`](super::claim::SEND_FENCE), and only after a pass in which
//! nothing failed.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::access::{RoleSet, TagMap};
use super::facts::{Facts, Look};
use super::next::is_recent;
use super::rest;
use super::settings::Observed;

/// The pool as it was, and since when that was known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Recent {
    pool: Observed,
    roles: Option<RoleSet>,
    principal_tags: BTreeMap<String, Option<TagMap>>,
    at: Timestamp,
}

/// What a later pass may rest on. Nothing where the spec itself has all values: whoever edits
/// it has AWS looked at.
pub(super) fn kept(facts: &Facts) -> Option<Recent> {
    let failed = facts.failure.is_some() || facts.trouble.is_some() || facts.is_late();
    if failed || !facts.references.exist() {
        return None;
    }
    let pool = facts.seen_as_ours()?.clone();
    let maps = facts.principal_tags.iter();
    let maps = maps.filter(|((id, _), _)| *id == pool.id);
    Some(Recent {
        roles: facts.roles.get(&pool.id).map(|(roles, _)| roles.clone()),
        principal_tags: maps
            .map(|((_, provider), map)| (provider.clone(), map.clone()))
            .collect(),
        // What was recalled is as old as it was then.
        at: facts.recalled.unwrap_or(facts.began),
        pool,
    })
}

impl Facts {
    /// Takes what the pass before saw for seen in this one, unless there is a reason to look.
    pub(super) fn recall(&mut self) {
        let recent = self.memory.recent.take();
        let recent = recent.filter(|_| !rest::asks_for_look(self));
        let recent = recent.filter(|recent| is_recent(self, recent.at));
        let Some(recent) = recent.filter(|recent| self.is_ours(&recent.pool)) else {
            return;
        };
        let Recent {
            pool,
            roles,
            principal_tags,
            at,
        } = recent;
        let id = pool.id.clone();
        if let Some(roles) = roles {
            self.roles.insert(id.clone(), (roles, at));
        }
        for (provider, map) in principal_tags {
            self.principal_tags.insert((id.clone(), provider), map);
        }
        self.looks.insert(id, Look::Found(Box::new(pool), at));
        self.recalled = Some(at);
    }
}
