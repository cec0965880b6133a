//! What every pass shares.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use kube::core::DeserializeGuard;
use kube::runtime::reflector::Store;
use kube::{Client, ResourceExt};
use tokio::sync::{Semaphore, watch};

use super::clock::Clock;
use super::memories::Memories;
use super::publish::Publisher;
use super::references::References;
use super::touched::Touched;
use crate::api::IdentityPool;
use crate::api::condition::{self, READY};
use crate::aws::region::{Region, Regions};
use crate::election::Term;
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
    pub(super) memories: Arc<Memories>,
    pub(super) publisher: Publisher,
    pub(super) references: Arc<References>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) clock: Clock,
    /// Whether this replica leads, and until when.
    pub(super) terms: watch::Receiver<Term>,
    pub(super) stores: Vec<Store<Guarded>>,
    /// Recorded pools that the latest list of their region lacks, by region.
    pub(super) missing: Mutex<HashMap<String, HashSet<PoolId>>>,
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
        let conditions = object
            .status
            .as_ref()
            .map(|status| status.conditions.as_slice());
        let ready = condition::find(conditions.unwrap_or_default(), READY)
            .map(|condition| condition.status.as_str());
        match ready {
            Some("True") => counted.yes += 1,
            Some("False") => counted.no += 1,
            _ => counted.unknown += 1,
        }
    }
    counted
}
