//! Which objects take values from which others, and which kinds are watched for it.
//!
//! A plain table: what is used, by whom, and the watches that this needs. A watch is in it
//! exactly as long as somebody uses its kind.

use std::collections::{HashMap, HashSet};

use kube::runtime::reflector::ObjectRef;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::context::Guarded;
use crate::pool::sources::{Absence, Target};

/// What one watch covers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Kind {
    pub(super) api_version: String,
    pub(super) name: String,
    /// `None`: all namespaces.
    pub(super) namespace: Option<String>,
}

/// An object that somebody takes a value from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) kind: Kind,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Place {
    /// Where a target is, for an object of this namespace.
    pub(super) fn of(target: &Target, namespace: &str, everywhere: bool) -> Self {
        Self {
            kind: Kind {
                api_version: target.api_version.clone(),
                name: target.kind.clone(),
                namespace: (!everywhere).then(|| namespace.to_owned()),
            },
            namespace: namespace.to_owned(),
            name: target.name.clone(),
        }
    }
}

/// How far a watch has got.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// It has not listed yet.
    Starting,
    /// Changes are seen; the kind is served as this resource.
    Following(kube::core::ApiResource),
    /// It cannot be watched.
    Failing(Absence),
}

/// One watch.
pub(super) struct Watch {
    pub(super) state: watch::Receiver<State>,
    /// Whether a pass went on without it.
    missed: bool,
    _task: AbortOnDropHandle<()>,
}

impl Watch {
    pub(super) fn new(state: watch::Receiver<State>, task: AbortOnDropHandle<()>) -> Self {
        Self {
            state,
            missed: false,
            _task: task,
        }
    }
}

/// An object that takes values, and what it takes them from.
struct User {
    object: ObjectRef<Guarded>,
    places: HashSet<Place>,
}

/// The table.
#[derive(Default)]
pub(super) struct Followed {
    users: HashMap<String, User>,
    by_place: HashMap<Place, HashSet<String>>,
    watches: HashMap<Kind, Watch>,
}

impl Followed {
    /// Notes what an object takes values from, and gives the kinds that nobody used before.
    pub(super) fn note(
        &mut self,
        uid: &str,
        object: ObjectRef<Guarded>,
        places: HashSet<Place>,
    ) -> HashSet<Kind> {
        let known = self.users.get(uid);
        if known.is_none_or(|user| user.places != places) {
            self.unlink(uid);
            for place in &places {
                let users = self.by_place.entry(place.clone()).or_default();
                users.insert(uid.to_owned());
            }
            self.users.insert(uid.to_owned(), User { object, places });
            self.close_unused();
        }
        let user = self.users.get(uid);
        let kinds = user.into_iter().flat_map(|user| &user.places);
        let kinds = kinds.map(|place| place.kind.clone());
        kinds
            .filter(|kind| !self.watches.contains_key(kind))
            .collect()
    }

    /// An object takes no values any more.
    pub(super) fn forget(&mut self, uid: &str) {
        if self.users.contains_key(uid) {
            self.unlink(uid);
            self.close_unused();
        }
    }

    fn unlink(&mut self, uid: &str) {
        let Some(user) = self.users.remove(uid) else {
            return;
        };
        for place in user.places {
            if let Some(users) = self.by_place.get_mut(&place) {
                users.remove(uid);
                if users.is_empty() {
                    self.by_place.remove(&place);
                }
            }
        }
    }

    fn close_unused(&mut self) {
        let used: HashSet<&Kind> = self.by_place.keys().map(|place| &place.kind).collect();
        self.watches.retain(|kind, _| used.contains(kind));
    }

    pub(super) fn open(&mut self, kind: Kind, watch: Watch) {
        self.watches.insert(kind, watch);
    }

    pub(super) fn state(&self, kind: &Kind) -> Option<watch::Receiver<State>> {
        self.watches.get(kind).map(|watch| watch.state.clone())
    }

    /// A pass went on without the watch of a kind: its users want to hear when it is there.
    pub(super) fn miss(&mut self, kind: &Kind) {
        if let Some(watch) = self.watches.get_mut(kind) {
            watch.missed = true;
        }
    }

    /// Whether a pass went on without the watch since this was last asked.
    pub(super) fn was_missed(&mut self, kind: &Kind) -> bool {
        let watch = self.watches.get_mut(kind);
        watch.is_some_and(|watch| std::mem::take(&mut watch.missed))
    }

    /// Who takes a value from an object: uids and keys.
    pub(super) fn users_of(&self, place: &Place) -> Vec<(String, ObjectRef<Guarded>)> {
        let users = self.by_place.get(place).into_iter().flatten();
        users.filter_map(|uid| self.named(uid)).collect()
    }

    /// Who takes a value from any object of a kind.
    pub(super) fn users_of_kind(&self, kind: &Kind) -> Vec<(String, ObjectRef<Guarded>)> {
        let of_kind = self
            .by_place
            .iter()
            .filter(|(place, _)| place.kind == *kind);
        let users: HashSet<&String> = of_kind.flat_map(|(_, users)| users).collect();
        users
            .into_iter()
            .filter_map(|uid| self.named(uid))
            .collect()
    }

    fn named(&self, uid: &str) -> Option<(String, ObjectRef<Guarded>)> {
        let user = self.users.get(uid)?;
        Some((uid.to_owned(), user.object.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(kind: &str, name: &str) -> Place {
        let target = Target {
            api_version: "v1".into(),
            kind: kind.into(),
            name: name.into(),
        };
        Place::of(&target, "shop", true)
    }

    fn object(name: &str) -> ObjectRef<Guarded> {
        ObjectRef::new(name).within("shop")
    }

    fn open(table: &mut Followed, kinds: HashSet<Kind>) {
        for kind in kinds {
            let (_, state) = watch::channel(State::Starting);
            let task = tokio::spawn(std::future::pending());
            table.open(kind, Watch::new(state, AbortOnDropHandle::new(task)));
        }
    }

    #[tokio::test]
    async fn a_watch_lasts_from_the_first_user_of_its_kind_to_the_last() {
        let mut table = Followed::default();
        let (map, secret) = (place("ConfigMap", "ids"), place("Secret", "keys"));
        let both = HashSet::from([map.clone(), secret.clone()]);
        let new = table.note("a", object("a"), both.clone());
        assert_eq!(new.len(), 2);
        open(&mut table, new);
        assert!(table.note("b", object("b"), both).is_empty());
        table.note("b", object("b"), HashSet::from([map.clone()]));
        table.forget("a");
        assert!(table.state(&map.kind).is_some());
        assert!(table.state(&secret.kind).is_none(), "nobody uses it");
        table.forget("b");
        assert!(table.state(&map.kind).is_none());
    }

    #[tokio::test]
    async fn only_those_who_use_an_object_hear_of_it() {
        let mut table = Followed::default();
        let (one, other) = (place("ConfigMap", "one"), place("ConfigMap", "other"));
        table.note("a", object("a"), HashSet::from([one.clone()]));
        table.note("b", object("b"), HashSet::from([other.clone()]));
        let uids = |users: Vec<(String, _)>| users.into_iter().map(|(uid, _)| uid).collect();
        let heard: Vec<String> = uids(table.users_of(&one));
        assert_eq!(heard, ["a"]);
        assert_eq!(table.users_of_kind(&one.kind).len(), 2);
    }
}
