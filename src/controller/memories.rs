//! What this process remembers of every object, by uid.
//!
//! A uid that was dealt with is never forgotten, not even after its object went:
//! an etcd restored under a living operator brings objects back, and an object
//! that this process knew may have a pool that the object does not know of.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::api::IdentityPoolStatus;
use crate::pool::memory::{Arrival, Memory};

/// Statuses of one object that are known as ours: as many as a pass writes, because the
/// watch may lag behind all of them.
const SAID: usize = 4;

#[derive(Debug, Default)]
struct Table {
    present: HashMap<String, Memory>,
    departed: HashSet<String>,
    /// Fingerprints of the statuses that this process wrote or found in order last, the
    /// newest at the end; the ones before it only until the watch has shown the newest.
    statuses: HashMap<String, VecDeque<u64>>,
}

/// The table, shared by watches and passes.
#[derive(Debug, Default)]
pub(super) struct Memories(Mutex<Table>);

impl Memories {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An object came into sight. One that came as an event after the first list is
    /// new, unless this process knew it before; one that is listed never is.
    pub(super) fn arrived(&self, uid: &str, arrival: Arrival) {
        let mut table = self.table();
        let known = table.departed.contains(uid);
        let arrival = if known { Arrival::Listed } else { arrival };
        let memory = table
            .present
            .entry(uid.to_owned())
            .or_insert_with(|| Memory::new(arrival));
        if arrival == Arrival::Listed {
            memory.relisted();
        }
    }

    /// This replica begins to lead. Another may have dealt with any object that is known
    /// by now, so none of them is new.
    pub(super) fn term_begins(&self) {
        for memory in self.table().present.values_mut() {
            memory.relisted();
        }
    }

    /// What is known at the start of a pass. From here on the object counts as
    /// dealt with, even if the pass is broken off.
    pub(super) fn begin(&self, uid: &str) -> Memory {
        let mut table = self.table();
        let memory = table
            .present
            .entry(uid.to_owned())
            .or_insert_with(|| Memory::new(Arrival::Listed));
        let before = memory.clone();
        memory.handled = true;
        before
    }

    /// Something changed that an object takes values from: the next pass does not wait.
    pub(super) fn hears(&self, uid: &str) {
        if let Some(memory) = self.table().present.get_mut(uid) {
            memory.news = memory.news.wrapping_add(1);
        }
    }

    /// What a pass leaves behind.
    pub(super) fn end(&self, uid: &str, memory: Option<Memory>) {
        let mut table = self.table();
        if let Some(mut memory) = memory {
            let lists = table
                .present
                .get(uid)
                .map_or(memory.lists, |known| known.lists);
            if lists != memory.lists {
                // Listed anew while the pass ran on what it knew before.
                memory.relisted();
                memory.lists = lists;
            }
            // What changed while the pass ran may have come too late for it.
            memory.news = table.present.get(uid).map_or(memory.news, |now| now.news);
            table.present.insert(uid.to_owned(), memory);
        } else {
            table.present.remove(uid);
            table.statuses.remove(uid);
            table.departed.insert(uid.to_owned());
        }
    }

    /// What this process has to say of an object, told before it is written: the watch
    /// may show it before the answer to the write is here.
    pub(super) fn says(&self, uid: &str, status: Option<&IdentityPoolStatus>) {
        let print = fingerprint(status);
        let mut table = self.table();
        let said = table.statuses.entry(uid.to_owned()).or_default();
        said.retain(|old| *old != print);
        said.push_back(print);
        if said.len() > SAID {
            said.pop_front();
        }
    }

    /// Whether a status is another than this process left. `None` where that cannot be
    /// told, because it has not dealt with the object yet.
    pub(super) fn is_foreign(
        &self,
        uid: &str,
        status: Option<&IdentityPoolStatus>,
    ) -> Option<bool> {
        let mut table = self.table();
        let said = table.statuses.get_mut(uid)?;
        let print = fingerprint(status);
        if said.back() == Some(&print) {
            // A watch does not go back: what came before this can only be somebody's doing.
            said.retain(|newest| *newest == print);
        }
        Some(!said.contains(&print))
    }
}

/// By the text, in which a status that was read equals the one that was written.
fn fingerprint(status: Option<&IdentityPoolStatus>) -> u64 {
    let mut hasher = DefaultHasher::new();
    serde_json::to_string(&status).ok().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::pool::memory::{Fate, OwnClaim};

    #[test]
    fn an_object_is_new_once_only() {
        let memories = Memories::default();
        memories.arrived("a", Arrival::Event);
        let first = memories.begin("a");
        assert_eq!((first.arrival, first.handled), (Arrival::Event, false));
        assert!(
            memories.begin("a").handled,
            "a pass that was broken off counts"
        );
    }

    #[test]
    fn an_object_that_comes_back_is_not_new() {
        let memories = Memories::default();
        memories.arrived("a", Arrival::Event);
        memories.end("a", None);
        memories.arrived("a", Arrival::Event);
        assert_eq!(memories.begin("a").arrival, Arrival::Listed);
    }

    #[test]
    fn a_relist_during_a_pass_is_not_forgotten_at_its_end() {
        let memories = Memories::default();
        memories.arrived("a", Arrival::Event);
        let mut pass = memories.begin("a");
        pass.own_claim = Some(OwnClaim {
            id: Uuid::nil(),
            fate: Fate::Void,
        });
        memories.arrived("a", Arrival::Listed);
        memories.end("a", Some(pass));
        let after = memories.begin("a");
        assert_eq!(after.arrival, Arrival::Listed);
        assert_eq!(after.own_claim, None, "the object's own word counts");
    }

    #[test]
    fn what_arrived_before_this_replica_led_is_not_new_to_it() {
        let memories = Memories::default();
        memories.arrived("before", Arrival::Event);
        memories.term_begins();
        memories.arrived("after", Arrival::Event);
        assert_eq!(memories.begin("before").arrival, Arrival::Listed);
        assert_eq!(memories.begin("after").arrival, Arrival::Event);
    }

    #[test]
    fn news_that_come_during_a_pass_end_the_pause_after_it() {
        let memories = Memories::default();
        memories.arrived("a", Arrival::Event);
        let pass = memories.begin("a");
        memories.hears("a");
        memories.end("a", Some(pass.clone()));
        assert_ne!(memories.begin("a").news, pass.news);
    }

    #[test]
    fn a_relist_makes_every_object_a_listed_one() {
        let memories = Memories::default();
        memories.arrived("a", Arrival::Event);
        memories.arrived("a", Arrival::Listed);
        assert_eq!(memories.begin("a").arrival, Arrival::Listed);
    }
}
