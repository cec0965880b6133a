//! Which classes there are, as passes see them.
//!
//! `class_watch` keeps the table; passes read it, and wait at their beginning while it is not
//! known yet what a class is.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::ResourceExt;
use tokio::sync::watch;

use crate::api::IdentityPool;
use crate::api::names::NAMESPACE_LABEL;
use crate::aws::way::Way;
use crate::pool::class::{Catalogue, Listing, Membership};

/// A pass waits this long for the list of classes, or for the way of its own. Then it says so, and
/// is woken when it is known.
const KNOWN_WITHIN: Duration = Duration::from_secs(5);

/// Which classes are this operator's business.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassScope {
    /// Label selector; none means all.
    pub selector: Option<String>,
    /// Whether an object without a class is refused.
    pub is_required: bool,
}

/// What is known.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Labels of namespaces are known, or nobody needs them.
    pub(super) labelled: bool,
    pub(super) catalogue: Catalogue,
    /// By class.
    pub(super) ways: HashMap<String, Arc<Way>>,
    /// Classes whose way is tried for the first time.
    pub(super) untried: HashSet<String>,
    /// By namespace.
    pub(super) labels: HashMap<String, BTreeMap<String, String>>,
    /// What passes began with last, by uid of their object.
    began: HashMap<String, String>,
    /// Objects that were told they may have a pool where a class limits them, by uid: what they make
    /// of it shows later.
    pub(super) slots: HashSet<String>,
}

impl Table {
    /// What an object is, but for others of its class.
    pub(super) fn membership(&self, object: &IdentityPool) -> Membership {
        let namespace = object.namespace().unwrap_or_default();
        let mut labels = self.labels.get(&namespace).cloned().unwrap_or_default();
        labels.insert(NAMESPACE_LABEL.to_owned(), namespace);
        let asked = object.spec.class_name.as_deref();
        self.catalogue.membership(asked, &labels)
    }

    /// The class that an object is of, or would be.
    pub(super) fn class_of<'a>(&'a self, object: &'a IdentityPool) -> Option<&'a str> {
        let asked = object.spec.class_name.as_deref();
        self.catalogue.name_for(asked).ok().flatten()
    }

    /// Whether the latest pass over an object began with something else than would one now.
    pub(super) fn is_outdated(&self, object: &IdentityPool) -> bool {
        let uid = object.metadata.uid.as_ref();
        let began = uid.and_then(|uid| self.began.get(uid));
        began.is_some_and(|began| *began != self.membership(object).version())
    }

    fn is_settled(&self, object: &IdentityPool) -> bool {
        let class = self.class_of(object);
        let is_listed = self.catalogue.listing != Listing::Awaited;
        is_listed && class.is_none_or(|name| self.labelled && !self.untried.contains(name))
    }
}

/// The table, shared by watch and passes.
#[derive(Debug)]
pub(super) struct Classes {
    table: Mutex<Table>,
    revision: watch::Sender<u64>,
}

impl Classes {
    /// `None`: classes are not looked after.
    pub(super) fn new(scope: Option<&ClassScope>) -> Self {
        let mut table = Table::default();
        table.catalogue.is_required = scope.is_some_and(|scope| scope.is_required);
        table.catalogue.listing = scope.map_or(Listing::Ignored, |_| Listing::Awaited);
        Self {
            table: Mutex::new(table),
            revision: watch::channel(0).0,
        }
    }

    pub(super) fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those who wait to look again.
    pub(super) fn changed(&self) {
        self.revision.send_modify(|revision| *revision += 1);
    }

    /// Waits until it is known what the class of an object is, though not for ever.
    pub(super) async fn settled(&self, object: &IdentityPool) {
        let mut revisions = self.revision.subscribe();
        let known = revisions.wait_for(|_| self.table().is_settled(object));
        // The sender lives as long as this does.
        let _ = tokio::time::timeout(KNOWN_WITHIN, known).await;
    }

    /// What a pass that begins now begins with.
    pub(super) fn begin(&self, uid: &str, membership: &Membership) {
        let version = membership.version();
        self.table().began.insert(uid.to_owned(), version);
    }

    /// An object is gone.
    pub(super) fn forget(&self, uid: &str) {
        let mut table = self.table();
        table.began.remove(uid);
        table.slots.remove(uid);
    }

    /// The way of a class.
    pub(super) fn way(&self, class: &str) -> Option<Arc<Way>> {
        self.table().ways.get(class).map(Arc::clone)
    }
}
