//! Tells what is known of classes, and holds those that are in use.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::api::{Api, Patch};
use kube::runtime::reflector::Store;
use kube::{Client, ResourceExt};
use serde_json::json;

use super::class_keeper::{Kept, home};
use super::client::whole;
use super::context::{Context, is_ready};
use super::objects::ours;
use super::sentence::sentence;
use crate::api::names::CLASS_FINALIZER;
use crate::api::{ClassPools, IdentityPoolClass};
use crate::pool::class_report::{Known, report};

/// Writes what is new, if this replica leads. What the apiserver does not take is written at the
/// next look.
pub(super) async fn publish(context: &Context, kept: &mut BTreeMap<String, Kept>) {
    if !context.terms.borrow().has_begun() || kept.is_empty() {
        return;
    }
    let users = users(context);
    for (name, kept) in kept {
        let users = users.get(name).copied().unwrap_or_default();
        if let Err(error) = write(context, kept, users).await {
            tracing::debug!(
                class = name,
                error = sentence(&error),
                "a class was not written"
            );
        }
    }
}

/// The objects of each class.
fn users(context: &Context) -> BTreeMap<String, ClassPools> {
    let mut users = BTreeMap::<String, ClassPools>::new();
    let table = context.classes.table();
    for guarded in context.stores.iter().flat_map(Store::state) {
        let Ok(object) = &guarded.0 else {
            continue;
        };
        let Some(class) = table.class_of(object) else {
            continue;
        };
        let pools = users.entry(class.to_owned()).or_default();
        match is_ready(object) {
            Some(true) => pools.ready += 1,
            Some(false) => pools.not_ready += 1,
            None => pools.unknown += 1,
        }
    }
    users
}

async fn write(context: &Context, kept: &mut Kept, users: ClassPools) -> kube::Result<()> {
    let is_going = kept.object.metadata.deletion_timestamp.is_some();
    let in_use = users != ClassPools::default();
    hold(&context.client, kept, !is_going || in_use).await?;
    if is_going && !in_use {
        return Ok(());
    }
    if kept.found.is_none() && kept.trouble.is_none() {
        return Ok(());
    }
    let before = kept.object.status.clone().unwrap_or_default();
    let offer = kept.offer(&context.operator.region);
    let unreadable = offer.class.err();
    let defaults = {
        let table = context.classes.table();
        let names = table.catalogue.defaults().into_iter();
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    let defaults: Vec<&str> = defaults.iter().map(String::as_str).collect();
    let found = kept.found.as_ref();
    let home = found.map(|found| home(&kept.object.spec, found, &context.operator.region));
    let arn = found.map(|found| found.way.caller.arn.as_str());
    let status = report(&Known {
        generation: kept.object.metadata.generation,
        before: &before,
        home: home.as_ref().zip(arn),
        trouble: kept.trouble.as_ref().or(unreadable.as_ref()),
        is_going,
        pools: users,
        default: offer.is_default.then_some(defaults.as_slice()),
        now: context.clock.now(),
    });
    if status == before {
        return Ok(());
    }
    let patch = Patch::Merge(json!({ "status": status }));
    let api: Api<IdentityPoolClass> = Api::all(context.client.clone());
    let written = whole(api.patch_status(&kept.object.name_any(), &ours(), &patch)).await?;
    context.telemetry.metrics.apiserver_written("class");
    kept.object = Arc::new(written);
    Ok(())
}

/// Puts our finalizer on, or takes it off.
async fn hold(client: &Client, kept: &mut Kept, holds: bool) -> kube::Result<()> {
    let finalizers = kept.object.finalizers();
    let held = finalizers.iter().any(|name| name == CLASS_FINALIZER);
    if held == holds || (holds && kept.object.metadata.deletion_timestamp.is_some()) {
        return Ok(());
    }
    let mut new: Vec<&str> = finalizers.iter().map(String::as_str).collect();
    new.retain(|name| *name != CLASS_FINALIZER);
    new.extend(holds.then_some(CLASS_FINALIZER));
    let meta = &kept.object.metadata;
    let patch = Patch::Merge(json!({ "metadata": {
        "uid": meta.uid,
        "resourceVersion": meta.resource_version,
        "finalizers": new,
    } }));
    let api: Api<IdentityPoolClass> = Api::all(client.clone());
    let patched = whole(api.patch(&kept.object.name_any(), &ours(), &patch)).await?;
    kept.object = Arc::new(patched);
    Ok(())
}
