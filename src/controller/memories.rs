//! What this process remembers of every object, by uid.
//!
//! A uid that was dealt with is not forgotten when its object goes: an etcd restored
//! under a living operator brings objects back, and an object that this process knew may
//! have a pool that the object does not know of. All else about it is forgotten, but for a
//! creation of which nobody knows what came.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::departed::Departed;
use crate::api::{IdentityPool, IdentityPoolStatus};
use crate::pool::memory::{Arrival, Fate, Memory, Trigger};

/// Statuses of one object that are known as ours: as many as a pass writes, because the
/// watch may lag behind all of them.
const SAID: usize = 4;

#[derive(Debug, Default)]
struct Table {
    present: HashMap<String, Memory>,
    /// Objects that went. One that came back is in `present` too.
    departed: Departed,
    /// Present without an object when last looked.
    doubted: HashSet<String>,
    /// Fingerprints of the statuses that this process wrote or found in order last, the
    /// newest at the end; the ones before it only until the watch has shown the newest.
    statuses: HashMap<String, VecDeque<u64>>,
    /// Objects whose pass waits for the request budget, as the pass knows them.
    waiting: HashMap<String, (Trigger, Arc<Notify>)>,
}

impl Table {
    /// The object is no more.
    fn leave(&mut self, uid: &str) {
        let is_unclear = |memory: &Memory| {
            let own = memory.own_claim.as_ref();
            own.is_some_and(|own| matches!(own.fate, Fate::Unclear(_)))
        };
        if !self.present.get(uid).is_some_and(is_unclear) {
            self.present.remove(uid);
        }
        self.statuses.remove(uid);
        self.departed.insert(uid);
    }
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
            let vanished = !table.present.contains_key(uid);
            table.present.insert(uid.to_owned(), memory);
            if vanished {
                // While the pass ran.
                table.leave(uid);
            }
        } else {
            table.present.remove(uid);
            table.leave(uid);
        }
    }

    /// The watch no longer shows an object.
    pub(super) fn vanished(&self, uid: &str) {
        self.table().leave(uid);
    }

    /// Forgets the objects that are in no cache, now and when this was last asked: what went
    /// while a watch was down is told by no event, and what has just come is in a cache soon.
    pub(super) fn keep(&self, uids: &HashSet<String>) {
        let mut table = self.table();
        let absent = table.present.keys().filter(|uid| !uids.contains(*uid));
        let absent: HashSet<String> = absent.cloned().collect();
        for uid in absent.intersection(&std::mem::take(&mut table.doubted)) {
            table.leave(uid);
        }
        table.doubted = absent;
    }

    /// The pass of an object begins to wait for the request budget; told when a person has
    /// changed the object meanwhile. To be [ended](Self::waits_no_more).
    pub(super) fn waits(&self, uid: &str, object: &IdentityPool) -> Arc<Notify> {
        let overtaken = Arc::new(Notify::new());
        let waits = (Trigger::of(object), Arc::clone(&overtaken));
        self.table().waiting.insert(uid.to_owned(), waits);
        overtaken
    }

    /// The waiting is over.
    pub(super) fn waits_no_more(&self, uid: &str) {
        self.table().waiting.remove(uid);
    }

    /// The watch shows an object, or no longer.
    pub(super) fn shows(&self, uid: &str, object: Option<&IdentityPool>) {
        if let Some((trigger, overtaken)) = self.table().waiting.get(uid)
            && object.map(Trigger::of).as_ref() != Some(trigger)
        {
            overtaken.notify_one();
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
    use futures::FutureExt;
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

    /// What a table holds of objects, apart from fingerprints.
    fn held(memories: &Memories) -> (usize, usize) {
        let table = memories.table();
        (table.present.len(), table.statuses.len())
    }

    #[test]
    fn an_object_that_vanishes_leaves_nothing_but_its_fingerprint() {
        let memories = Memories::default();
        memories.arrived("a", Arrival::Event);
        let pass = memories.begin("a");
        memories.says("a", None);
        memories.vanished("a");
        assert_eq!(held(&memories), (0, 0));
        memories.says("a", None);
        memories.end("a", Some(pass));
        assert_eq!(held(&memories), (0, 0), "the pass ended after it");
        memories.arrived("a", Arrival::Event);
        assert_eq!(memories.begin("a").arrival, Arrival::Listed);
    }

    #[test]
    fn an_object_that_comes_back_is_remembered_like_any_other() {
        let memories = Memories::default();
        memories.arrived("a", Arrival::Event);
        memories.vanished("a");
        memories.arrived("a", Arrival::Event);
        let mut pass = memories.begin("a");
        pass.failures = 3;
        memories.end("a", Some(pass));
        assert_eq!(memories.begin("a").failures, 3);
    }

    #[test]
    fn a_creation_of_which_nobody_knows_outlives_its_object() {
        let memories = Memories::default();
        memories.arrived("a", Arrival::Event);
        let mut pass = memories.begin("a");
        let failure = crate::pool::call::Failure::unreadable(
            crate::pool::call::Operation::CreateIdentityPool,
            "cut",
        );
        pass.own_claim = Some(OwnClaim {
            id: Uuid::nil(),
            fate: Fate::Unclear(failure),
        });
        memories.end("a", Some(pass.clone()));
        memories.vanished("a");
        memories.arrived("a", Arrival::Event);
        assert_eq!(memories.begin("a").own_claim, pass.own_claim);
    }

    #[test]
    fn what_went_unseen_is_forgotten_at_the_second_look() {
        let memories = Memories::default();
        memories.arrived("gone", Arrival::Listed);
        memories.arrived("here", Arrival::Listed);
        let here = HashSet::from(["here".to_owned()]);
        memories.keep(&here);
        memories.arrived("new", Arrival::Event);
        assert_eq!(held(&memories).0, 3);
        memories.keep(&here);
        assert_eq!(held(&memories).0, 2, "it may be on its way into the cache");
        let both = HashSet::from(["here".to_owned(), "new".to_owned()]);
        memories.keep(&both);
        memories.keep(&both);
        assert_eq!(held(&memories).0, 2);
    }

    #[test]
    fn a_pass_that_waits_is_told_of_a_change_by_a_person_and_of_nothing_else() {
        let memories = Memories::default();
        let mut object = IdentityPool::new("app", crate::api::IdentityPoolSpec::default());
        let told = |overtaken: &Notify| overtaken.notified().now_or_never().is_some();
        let overtaken = memories.waits("a", &object);
        object.metadata.resource_version = Some("2".to_owned());
        memories.shows("a", Some(&object));
        assert!(!told(&overtaken), "our own write");
        object.metadata.generation = Some(2);
        memories.shows("a", Some(&object));
        assert!(told(&overtaken), "an edit");
        let overtaken = memories.waits("a", &object);
        memories.shows("a", None);
        assert!(told(&overtaken), "the object went");
        memories.waits_no_more("a");
        assert!(memories.table().waiting.is_empty());
    }

    #[test]
    fn a_relist_makes_every_object_a_listed_one() {
        let memories = Memories::default();
        memories.arrived("a", Arrival::Event);
        memories.arrived("a", Arrival::Listed);
        assert_eq!(memories.begin("a").arrival, Arrival::Listed);
    }
}
