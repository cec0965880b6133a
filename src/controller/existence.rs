//! Notices once a minute that a recorded pool is no longer listed.
//!
//! One list of the account serves all objects. Missing from a list is not gone:
//! the object is only woken, and looks at its pool itself. The same list shows the pools
//! that have no object any more.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures::channel::mpsc::UnboundedSender;
use jiff::Timestamp;
use kube::runtime::controller::ReconcileRequest;
use kube::runtime::reflector::ObjectRef;

use super::context::{Context, Guarded};
use super::orphans::Orphans;
use crate::aws::census::Sweep;
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
    let mut known = BTreeSet::new();
    loop {
        let mut regions = recorded(context);
        // Where the last object was lost, its pool is an orphan.
        for region in &known {
            regions.entry(String::clone(region)).or_default();
        }
        known.extend(regions.keys().cloned());
        for (region, objects) in regions {
            if let Some(sweep) = check(context, &region, objects, wakes).await {
                orphans.count(context, &region, &sweep).await;
            }
        }
        tokio::time::sleep(PERIOD).await;
    }
}

/// The objects with a pool, by region.
fn recorded(context: &Context) -> BTreeMap<String, Vec<(PoolId, ObjectRef<Guarded>)>> {
    let mut regions = BTreeMap::<String, Vec<_>>::new();
    for object in context.objects() {
        let Some(status) = &object.status else {
            continue;
        };
        let Some(id) = status.identity_pool_id.as_deref() else {
            continue;
        };
        let region = status.region.as_deref().unwrap_or(&context.operator.region);
        let reference = ObjectRef::from_obj(&kube::core::DeserializeGuard(Ok(object.clone())));
        regions
            .entry(region.to_owned())
            .or_default()
            .push((PoolId::new(id), reference));
    }
    regions
}

async fn check(
    context: &Context,
    region: &str,
    objects: Vec<(PoolId, ObjectRef<Guarded>)>,
    wakes: &[UnboundedSender<Wake>],
) -> Option<Arc<Sweep>> {
    let census = &context.regions.of(region).census;
    let sweep = match census.sweep_after(Timestamp::now()).await {
        Ok(sweep) => sweep,
        Err(failure) => {
            tracing::warn!(
                region,
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
    missing.insert(region.to_owned(), absent.clone());
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
