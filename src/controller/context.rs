//! What every pass shares.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use kube::core::DeserializeGuard;
use kube::runtime::reflector::Store;
use kube::{Client, ResourceExt};
use tokio::sync::{Semaphore, watch};

use super::classes::{Classes, Table};
use super::clock::Clock;
use super::existence::Place;
use super::memories::Memories;
use super::publish::Publisher;
use super::references::References;
use super::touched::Touched;
use crate::api::IdentityPool;
use crate::api::condition::{self, READY};
use crate::aws::region::{Region, Regions};
use crate::election::Term;
use crate::pool::class::Membership;
use crate::pool::facts::{Moment, Operator};
use crate::pool::settings::PoolId;
use crate::telemetry::Telemetry;
use crate::telemetry::metrics::Readiness;

/// An object that may be unreadable for this version.
pub(super) type Guarded = DeserializeGuard<IdentityPool>;

/// Handles and tables; no decisions.
pub(super) struct Context {
    pub(super) client: Client,
    pub(super) operator: Arc<Operator>,
    pub(super) regions: Regions,
    pub(super) classes: Classes,
    pub(super) memories: Arc<Memories>,
    pub(super) publisher: Publisher,
    pub(super) references: Arc<References>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) clock: Clock,
    /// Whether this replica leads, and until when.
    pub(super) terms: watch::Receiver<Term>,
    pub(super) stores: Vec<Store<Guarded>>,
    /// Recorded pools that the latest list lacks, by where they live.
    pub(super) missing: Mutex<HashMap<Place, HashSet<PoolId>>>,
    /// Whether a label selector hides objects.
    pub(super) is_selective: bool,
    /// A slot for each pass at once. One that waits for the request budget gives its slot back, so
    /// that many which wait hold up nobody who need not.
    pub(super) slots: Arc<Semaphore>,
    /// Versions of exported `ConfigMaps`.
    pub(super) touched: Touched,
}

impl Context {
    /// This instant, as a pass over a pool of this region needs to know it.
    pub(super) fn moment(&self, region: &Region) -> Moment {
        let offset = region.aws.port().clock_offset();
        let term = *self.terms.borrow();
        self.clock.moment(offset, term)
    }

    /// What an object is to its class.
    pub(super) fn membership(&self, object: &IdentityPool) -> Membership {
        let mut table = self.classes.table();
        let membership = table.membership(object);
        let Some(class) = membership.class() else {
            return membership;
        };
        let Some(most) = class.most_pools() else {
            return membership;
        };
        let others = self.before(&table, object, &class.name);
        if others < most {
            // From now on it counts for all others, though its pool shows later.
            table.slots.extend(object.uid());
        }
        membership.after(others)
    }

    /// How many objects of a class in the namespace have a pool before this one may: all that are
    /// older, and the younger ones that have one or were told that they may.
    fn before(&self, table: &Table, object: &IdentityPool, class: &str) -> usize {
        let age = |of: &IdentityPool| (of.creation_timestamp(), of.uid());
        let comes_first = |other: &IdentityPool| {
            let has_pool = other
                .status
                .as_ref()
                .is_some_and(|status| status.identity_pool_id.is_some());
            let may_have_one = || other.uid().is_some_and(|uid| table.slots.contains(&uid));
            other.namespace() == object.namespace()
                && other.uid() != object.uid()
                && (has_pool || age(other) < age(object) || may_have_one())
                && table.class_of(other) == Some(class)
        };
        let others = self.stores.iter().flat_map(Store::state);
        others
            .filter(|guarded| guarded.0.as_ref().is_ok_and(comes_first))
            .count()
    }

    /// The region that the calls of a pass go to, by the way of the class.
    pub(super) fn region(&self, membership: &Membership, object: &IdentityPool) -> Arc<Region> {
        let named = object.spec.region.as_deref();
        let class = match membership {
            Membership::Unclassed => {
                return self.regions.of(named.unwrap_or(&self.operator.region));
            }
            Membership::Barred(_) => return self.regions.nowhere(),
            Membership::Member { class, .. } => class,
        };
        match self.classes.way(&class.name) {
            Some(way) => self.regions.by(&way, named.unwrap_or(&class.home.region)),
            None => self.regions.nowhere(),
        }
    }

    /// Every readable object in sight.
    pub(super) fn objects(&self) -> impl Iterator<Item = IdentityPool> {
        self.stores
            .iter()
            .flat_map(Store::state)
            .filter_map(|guarded| guarded.0.clone().ok())
    }

    /// The uids of all objects in sight, readable or not.
    pub(super) fn uids(&self) -> HashSet<String> {
        let all = self.stores.iter().flat_map(Store::state);
        all.filter_map(|object| object.uid()).collect()
    }

    /// The pools that objects other than this one record.
    pub(super) fn recorded_by_others(&self, uid: &str) -> HashSet<PoolId> {
        self.stores
            .iter()
            .flat_map(Store::state)
            .filter_map(|guarded| {
                let object = guarded.0.as_ref().ok()?;
                let id = object.status.as_ref()?.identity_pool_id.as_deref()?;
                (object.metadata.uid.as_deref() != Some(uid)).then(|| PoolId::new(id))
            })
            .collect()
    }

    /// Whether an object other than this one records a pool.
    pub(super) fn is_recorded_elsewhere(&self, uid: &str, id: &PoolId) -> bool {
        self.stores.iter().flat_map(Store::state).any(|guarded| {
            let Ok(object) = &guarded.0 else {
                return false;
            };
            let status = object.status.as_ref();
            let recorded = status.and_then(|status| status.identity_pool_id.as_deref());
            recorded == Some(id.as_str()) && object.metadata.uid.as_deref() != Some(uid)
        })
    }

    /// Whether the latest list lacks a pool.
    pub(super) fn is_missing(&self, id: &PoolId) -> bool {
        self.missing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .any(|missing| missing.contains(id))
    }
}

/// Counts the objects of some stores by `Ready`, for the scraper.
pub(super) fn readiness(stores: &[Store<Guarded>]) -> Readiness {
    let mut counted = Readiness::default();
    for guarded in stores.iter().flat_map(Store::state) {
        let Ok(object) = &guarded.0 else {
            counted.unknown += 1;
            continue;
        };
        match is_ready(object) {
            Some(true) => counted.yes += 1,
            Some(false) => counted.no += 1,
            None => counted.unknown += 1,
        }
    }
    counted
}

/// What the condition `Ready` of an object says.
pub(super) fn is_ready(object: &IdentityPool) -> Option<bool> {
    let conditions = &object.status.as_ref()?.conditions;
    match condition::find(conditions, READY)?.status.as_str() {
        "True" => Some(true),
        "False" => Some(false),
        _ => None,
    }
}
