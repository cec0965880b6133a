//! Notices once a minute that a recorded pool is no longer listed.
//!
//! One list of the account serves all objects. Missing from a list is not gone:
//! the object is only woken, and looks at its pool itself. The same list shows the pools
//! that have no object any more.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures::channel::mpsc::UnboundedSender;
use jiff::Timestamp;
use kube::runtime::controller::ReconcileRequest;
use kube::runtime::reflector::ObjectRef;

use super::context::{Context, Guarded};
use super::orphans::Orphans;
use crate::api::{IdentityPool, IdentityPoolStatus};
use crate::aws::census::Sweep;
use crate::aws::region::Region;
use crate::pool::class::Membership;
use crate::pool::settings::PoolId;

/// A pool deleted in the console is noticed within about this time, at the price
/// of one call per 60 pools.
const PERIOD: Duration = Duration::from_secs(60);

/// A key for the queue.
pub(super) type Wake = ReconcileRequest<Guarded>;

/// Lists for ever; the first time as soon as all objects are known.
pub(super) async fn watch(context: &Context, wakes: &[UnboundedSender<Wake>]) {
    for store in &context.stores {
        // An error means that the watch has ended, and with it the operator.
        let _ = store.wait_until_ready().await;
    }
    let mut orphans = Orphans::default();
    let mut known = BTreeMap::new();
    loop {
        let mut places = recorded(context);
        // Where the last object was lost, its pool is an orphan.
        for (place, region) in &known {
            let none = || (Arc::clone(region), Vec::new());
            places.entry(Place::clone(place)).or_insert_with(none);
        }
        for (place, (region, objects)) in places {
            if let Some(sweep) = check(context, &place, &region, objects, wakes).await {
                orphans.count(context, &place, &region, &sweep).await;
            }
            known.insert(place, region);
        }
        tokio::time::sleep(PERIOD).await;
    }
}

/// An account and a region.
pub(super) type Place = (String, String);

/// Pools of a place, and the objects that record them.
type Recorded = Vec<(PoolId, ObjectRef<Guarded>)>;

/// The objects with a pool, by where it lives, and a way there. A pool that its object's class
/// does not lead to cannot be looked for.
fn recorded(context: &Context) -> BTreeMap<Place, (Arc<Region>, Recorded)> {
    let mut places = BTreeMap::<Place, (Arc<Region>, Recorded)>::new();
    for object in context.objects() {
        let Some(status) = &object.status else {
            continue;
        };
        let Some(id) = status.identity_pool_id.as_deref() else {
            continue;
        };
        let region = status.region.as_deref().unwrap_or(&context.operator.region);
        let Some((account, way)) = way_to(context, &object, status, region) else {
            continue;
        };
        let reference = ObjectRef::from_obj(&kube::core::DeserializeGuard(Ok(object.clone())));
        let place = places.entry((account, region.to_owned()));
        let (_, recorded) = place.or_insert_with(|| (way, Vec::new()));
        recorded.push((PoolId::new(id), reference));
    }
    places
}

fn way_to(
    context: &Context,
    object: &IdentityPool,
    status: &IdentityPoolStatus,
    region: &str,
) -> Option<(String, Arc<Region>)> {
    let membership = context.classes.table().membership(object);
    let class = match &membership {
        Membership::Unclassed => {
            let own = context.operator.account_id.clone();
            return Some((own, context.regions.of(region)));
        }
        Membership::Barred(_) => return None,
        Membership::Member { class, .. } => class,
    };
    let way = context.classes.way(&class.name)?;
    let account = &way.caller.account_id;
    let is_there = status
        .account_id
        .as_ref()
        .is_none_or(|lives| lives == account);
    is_there.then(|| (account.clone(), context.regions.by(&way, region)))
}

async fn check(
    context: &Context,
    place: &Place,
    region: &Region,
    objects: Recorded,
    wakes: &[UnboundedSender<Wake>],
) -> Option<Arc<Sweep>> {
    let (account, name) = place;
    let census = &region.census;
    let sweep = match census.sweep_after(Timestamp::now()).await {
        Ok(sweep) => sweep,
        Err(failure) => {
            tracing::warn!(
                account,
                region = name,
                code = failure.code,
                message = failure.message,
                "pools were not listed"
            );
            return None;
        }
    };
    let absent: HashSet<PoolId> = objects
        .iter()
        .filter(|(id, _)| !census.exists(id, &sweep))
        .map(|(id, _)| id.clone())
        .collect();
    let mut missing = context
        .missing
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    missing.insert(place.clone(), absent.clone());
    drop(missing);
    for (id, object) in objects {
        if absent.contains(&id) {
            // Each queue knows the objects of its own watch only and drops the keys of others.
            for wake in wakes {
                // The receiver ends with the queue, at shutdown.
                let _ = wake.unbounded_send(Wake::from(object.clone()));
            }
        }
    }
    Some(sweep)
}
