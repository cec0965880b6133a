//! Reads and writes of `IdentityPool` objects.
//!
//! Every write carries uid and resourceVersion, so that a view that is out of date
//! cannot take effect: the apiserver answers 409 where the object has changed and
//! 422 where another object bears the name. Spec and labels are never written.

use std::sync::Arc;

use kube::api::{Api, Patch, PatchParams};
use kube::{Client, Error, ResourceExt};
use serde_json::{Value, json};

use super::client::whole;
use super::sentence::sentence;
use crate::api::names::{CLAIM_ANNOTATION, FINALIZER, OPERATOR};
use crate::api::{IdentityPool, IdentityPoolStatus};
use crate::pool::claim::Claim;
use crate::pool::moves::Trouble;

/// The object as the apiserver has it after a write, or why it was not written.
pub type Written = Result<Arc<IdentityPool>, Trouble>;

fn api(client: &Client, object: &IdentityPool) -> Api<IdentityPool> {
    Api::namespaced(client.clone(), &object.namespace().unwrap_or_default())
}

/// The object as the apiserver has it now.
///
/// # Errors
/// When the apiserver gives no clear answer.
pub async fn read(
    client: &Client,
    object: &IdentityPool,
) -> Result<Option<Arc<IdentityPool>>, Trouble> {
    let found = whole(api(client, object).get_opt(&object.name_any())).await;
    let found = found.map_err(|error| trouble(&error))?;
    Ok(found.map(slim))
}

/// The uid of the object that has a name now, also of one that this version cannot read.
pub(super) async fn uid(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Option<String>, Trouble> {
    let api: Api<IdentityPool> = Api::namespaced(client.clone(), namespace);
    let found = whole(api.get_metadata_opt(name)).await;
    let found = found.map_err(|error| trouble(&error))?;
    Ok(found.and_then(|object| object.metadata.uid))
}

/// Finalizer and claim in one patch: the intent is on record, or nothing is.
///
/// # Errors
/// When `object` is not what the apiserver has, or the apiserver gives no clear answer.
pub async fn write_claim(client: &Client, object: &IdentityPool, claim: &Claim) -> Written {
    let text = claim
        .to_annotation()
        .map_err(|error| Trouble::Failed(error.to_string()))?;
    let mut finalizers = object.finalizers().to_vec();
    if !finalizers.iter().any(|name| name == FINALIZER) {
        finalizers.push(FINALIZER.to_owned());
    }
    let mut metadata = precondition(object);
    metadata["finalizers"] = json!(finalizers);
    metadata["annotations"] = json!({ CLAIM_ANNOTATION: text });
    let patch = Patch::Merge(json!({ "metadata": metadata }));
    let api = api(client, object);
    let patched = whole(api.patch(&object.name_any(), &ours(), &patch)).await;
    patched.map(slim).map_err(|error| trouble(&error))
}

/// Takes our finalizer away and leaves those of others.
///
/// # Errors
/// When `object` is not what the apiserver has, or the apiserver gives no clear answer. An object
/// that is gone has no finalizer.
pub async fn drop_finalizer(client: &Client, object: &IdentityPool) -> Result<(), Trouble> {
    let others: Vec<&String> = object
        .finalizers()
        .iter()
        .filter(|name| *name != FINALIZER)
        .collect();
    let mut metadata = precondition(object);
    metadata["finalizers"] = json!(others);
    let patch = Patch::Merge(json!({ "metadata": metadata }));
    let api = api(client, object);
    let patched = whole(api.patch(&object.name_any(), &ours(), &patch)).await;
    match patched.map_err(|error| trouble(&error)) {
        Ok(_) | Err(Trouble::Gone) => Ok(()),
        Err(other) => Err(other),
    }
}

/// Merges the status in; a field that is `None` is removed.
///
/// # Errors
/// When `object` is not what the apiserver has, or the apiserver gives no clear answer.
pub async fn write_status(
    client: &Client,
    object: &IdentityPool,
    status: &IdentityPoolStatus,
) -> Written {
    let patch = Patch::Merge(json!({ "metadata": precondition(object), "status": status }));
    let api = api(client, object);
    let patched = whole(api.patch_status(&object.name_any(), &ours(), &patch)).await;
    patched.map(slim).map_err(|error| trouble(&error))
}

/// Our writes are told from those of users by the name of their manager.
pub(super) fn ours() -> PatchParams {
    PatchParams {
        field_manager: Some(OPERATOR.to_owned()),
        ..PatchParams::default()
    }
}

fn precondition(object: &IdentityPool) -> Value {
    json!({ "uid": object.metadata.uid, "resourceVersion": object.metadata.resource_version })
}

/// Drops what nobody here reads: half of an object's size.
fn slim(mut object: IdentityPool) -> Arc<IdentityPool> {
    object.metadata.managed_fields = None;
    Arc::new(object)
}

fn trouble(error: &Error) -> Trouble {
    match error {
        Error::Api(status) if status.is_conflict() => Trouble::Stale,
        Error::Api(status) if status.is_not_found() => Trouble::Gone,
        Error::Api(status) if status.is_invalid() && names_uid(status) => Trouble::Gone,
        other => Trouble::Failed(sentence(other)),
    }
}

/// Whether a 422 is about the uid, that is: another object has the name now.
pub(super) fn names_uid(status: &kube::core::Status) -> bool {
    let causes = status
        .details
        .as_ref()
        .map(|details| details.causes.as_slice());
    causes
        .unwrap_or_default()
        .iter()
        .any(|cause| cause.field == "metadata.uid")
}
