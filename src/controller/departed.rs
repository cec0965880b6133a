//! The uids of objects that went, as far as they are remembered.
//!
//! A uid that comes back (an etcd restored under a living operator) is no new object. How
//! many may come back cannot be known, and memory is finite: the latest [`MOST`] are kept. One
//! that was forgotten comes back as any object with a past does, through its finalizer and
//! claim; only one that lost both by the restore counts as new, which needs a restore
//! to before as many deletions.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Three MiB. At a deletion each second that is more than a day, longer than anybody waits
/// before restoring a backup of a cluster which goes on.
const MOST: usize = 100_000;

/// The latest departures, by fingerprint: two uids that share one only cost a search.
#[derive(Debug, Default)]
pub(super) struct Departed {
    known: HashSet<u64>,
    /// The oldest first.
    order: VecDeque<u64>,
}

impl Departed {
    pub(super) fn insert(&mut self, uid: &str) {
        let print = fingerprint(uid);
        if !self.known.insert(print) {
            return;
        }
        self.order.push_back(print);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    pub(super) fn contains(&self, uid: &str) -> bool {
        self.known.contains(&fingerprint(uid))
    }
}

fn fingerprint(uid: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    uid.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_remembered_and_no_more_than_fit() {
        let mut departed = Departed::default();
        for number in 0..MOST + 10 {
            departed.insert(&number.to_string());
            departed.insert(&number.to_string());
        }
        assert!(!departed.contains("9"));
        assert!(departed.contains("10") && departed.contains(&(MOST + 9).to_string()));
        assert_eq!((departed.known.len(), departed.order.len()), (MOST, MOST));
    }
}
