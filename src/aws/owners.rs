//! Whose the pools of an account and region are, as far as somebody saw their tags.
//!
//! Memory only: a pool's owner changes by our own hand or a person's, so what is said
//! here is where to look. Whether there is such a pool is for the lists to say.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::sweeps::Sweep;
use crate::api::names::{CLAIM_TAG, OWNER_TAG, SOURCE_TAG};
use crate::pool::orphans::Marked;
use crate::pool::ownership::Owned;
use crate::pool::settings::{Observed, PoolId};

/// How long a list may lag behind our own creations before an unlisted pool is
/// forgotten. Undocumented; reads of this API are consistent in practice, so this is
/// a minute of caution, twice.
const LAG: SignedDuration = SignedDuration::from_secs(120);

/// What matters here of a pool.
#[derive(Clone, Debug)]
struct Seen {
    name: String,
    owner: Option<String>,
    claim: Option<String>,
    source: Option<String>,
    at: Timestamp,
    /// When the pool was first seen.
    first: Timestamp,
}

impl Seen {
    /// Whether the look tells whose the pool is. One without an owner may have come
    /// before the tags did, or in the minute in which somebody had removed them.
    fn is_final(&self) -> bool {
        self.owner.is_some() || self.at.duration_since(self.first) >= LAG
    }
}

/// The pools whose tags were seen.
#[derive(Debug, Default)]
pub(super) struct Owners {
    seen: Mutex<HashMap<PoolId, Seen>>,
}

impl Owners {
    fn seen(&self) -> MutexGuard<'_, HashMap<PoolId, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, observed: &Observed) {
        let tag = |key: &str| observed.tags.get(key).cloned();
        let at = Timestamp::now();
        let mut all = self.seen();
        let seen = Seen {
            name: observed.settings.identity_pool_name.clone(),
            owner: tag(OWNER_TAG),
            claim: tag(CLAIM_TAG),
            source: tag(SOURCE_TAG),
            at,
            first: all.get(&observed.id).map_or(at, |before| before.first),
        };
        all.insert(observed.id.clone(), seen);
    }

    pub(super) fn forget(&self, id: &PoolId) {
        self.seen().remove(id);
    }

    /// Forgets pools that a list lacks, but not those that were seen since or a little
    /// before: a list may lag behind.
    pub(super) fn forget_unlisted(&self, sweep: &Sweep) {
        let late = |at: Timestamp| sweep.began.duration_since(at) < LAG;
        self.seen()
            .retain(|id, seen| sweep.pools.contains_key(id) || late(seen.at));
    }

    /// The pools with an owner tag.
    pub(super) fn owned(&self, owner: &str) -> Vec<Owned> {
        let seen = self.seen();
        let ours = seen
            .iter()
            .filter(|(_, seen)| seen.owner.as_deref() == Some(owner));
        ours.map(|(id, seen)| Owned {
            id: id.clone(),
            claim: seen.claim.clone(),
        })
        .collect()
    }

    /// The pools that had a name when last seen.
    pub(super) fn named(&self, name: &str) -> Vec<PoolId> {
        let seen = self.seen();
        let same = seen.iter().filter(|(_, seen)| seen.name == name);
        same.map(|(id, _)| id.clone()).collect()
    }

    /// The pools of a list of which no look told whose they are.
    pub(super) fn unseen(&self, sweep: &Sweep) -> Vec<PoolId> {
        let seen = self.seen();
        let known = |id: &PoolId| seen.get(id).is_some_and(Seen::is_final);
        let unseen = sweep.pools.keys().filter(|id| !known(id));
        unseen.cloned().collect()
    }

    /// The pools of a list that bore an owner tag when last seen.
    pub(super) fn marked(&self, sweep: &Sweep) -> Vec<Marked> {
        let seen = self.seen();
        let listed = seen.iter().filter(|(id, _)| sweep.pools.contains_key(id));
        let marked = |(id, seen): (&PoolId, &Seen)| {
            Some(Marked {
                id: id.clone(),
                owner: seen.owner.clone()?,
                source: seen.source.clone(),
            })
        };
        listed.filter_map(marked).collect()
    }

    /// The pools of a list that were never looked at.
    pub(super) fn strangers(&self, sweep: &Sweep) -> Vec<PoolId> {
        let seen = self.seen();
        let strangers = sweep.pools.keys().filter(|id| !seen.contains_key(id));
        strangers.cloned().collect()
    }

    /// Whether a pool was seen at or after an instant.
    pub(super) fn seen_since(&self, id: &PoolId, instant: Timestamp) -> bool {
        self.seen().get(id).is_some_and(|seen| seen.at >= instant)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::pool::settings::{Settings, Tags};

    #[test]
    fn an_unlisted_pool_is_forgotten_only_when_the_list_cannot_be_late() {
        let owners = Owners::default();
        let id = PoolId::new("new");
        owners.note(&Observed {
            id: id.clone(),
            settings: Settings::default(),
            tags: Tags::from([(OWNER_TAG.to_owned(), "me".to_owned())]),
        });
        let list_begun = |seconds| Sweep {
            began: Timestamp::now() + SignedDuration::from_secs(seconds),
            pools: BTreeMap::new(),
        };
        owners.forget_unlisted(&list_begun(60));
        assert_eq!(owners.owned("me").len(), 1);
        owners.forget_unlisted(&list_begun(121));
        assert!(owners.owned("me").is_empty());
    }
}
