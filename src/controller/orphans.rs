//! Counts the pools of this installation whose objects are no more, from the list that is
//! made anyway, and tells each once.
//!
//! Whose a pool is has to be seen once in its life: pools that no object records and that
//! nobody looked at yet are looked at a few at a time, and then known to every search too.

use std::collections::{HashMap, HashSet};

use super::context::Context;
use super::existence::Place;
use super::objects;
use crate::aws::census::Sweep;
use crate::aws::region::Region;
use crate::pool::orphans::{self, Orphan, Sight};
use crate::pool::settings::PoolId;

/// Looks for each list. A list costs one call for 60 pools; an account full of strangers is
/// known after half an hour for every thousand of them, without being felt.
const LOOKS: usize = 30;

/// The orphans that were told, by where they live.
#[derive(Debug, Default)]
pub(super) struct Orphans(HashMap<Place, HashSet<PoolId>>);

impl Orphans {
    /// Counts those in a list, and tells those that are new.
    pub(super) async fn count(
        &mut self,
        context: &Context,
        place: &Place,
        region: &Region,
        sweep: &Sweep,
    ) {
        if context.is_selective {
            return;
        }
        let (_, name) = place;
        let census = &region.census;
        let recorded = context.recorded_by_others("");
        let examined = census
            .examine(sweep, LOOKS, |id| recorded.contains(id))
            .await;
        if let Err(failure) = examined {
            tracing::debug!(region = name, %failure, "not every pool was looked at");
        }
        // The pools first: an object is there before its pool is.
        let pools = census.marked(sweep);
        let uids = context.uids();
        let sight = Sight {
            installation: &context.operator.installation,
            namespaces: &context.touched.namespaces,
            is_selective: context.is_selective,
            uids: &uids,
        };
        let Some(suspects) = orphans::find(pools, sight) else {
            return;
        };
        let told = self.0.remove(place).unwrap_or_default();
        let mut confirmed = HashSet::new();
        for orphan in suspects {
            if told.contains(&orphan.id) {
                confirmed.insert(orphan.id);
            } else if is_confirmed(context, &orphan).await {
                tell(name, &orphan);
                confirmed.insert(orphan.id);
            }
        }
        self.0.insert(place.clone(), confirmed);
        let of_region = self.0.iter().filter(|((_, region), _)| region == name);
        let all = of_region.map(|(_, orphans)| orphans.len()).sum();
        context.telemetry.metrics.orphaned(name, all);
    }
}

/// Whether the apiserver says so too. Without an answer it is asked again with the next list.
async fn is_confirmed(context: &Context, orphan: &Orphan) -> bool {
    let Some((namespace, name)) = orphan.object() else {
        return true;
    };
    match objects::uid(&context.client, namespace, name).await {
        Ok(found) => orphan.is_confirmed(found.as_deref()),
        Err(_) => false,
    }
}

fn tell(region: &str, orphan: &Orphan) {
    tracing::warn!(
        region,
        pool_id = orphan.id.as_str(),
        source = orphan.source,
        owner_uid = orphan.uid,
        "the object of this pool is no more; the pool is kept: delete it in AWS, or have a new \
         object of that namespace and name take it with spec.adopt.previous"
    );
}
