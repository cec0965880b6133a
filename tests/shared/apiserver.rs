//! The apiserver's rules for one object, in memory.
//!
//! What the core's tests and the model checker are about happens between the operator and an
//! apiserver; this is the one that they have. `tests/operator/in_memory` plays the same writes
//! to it and to a real one, and compares every answer.

use identity_pool_operator::api::names::{CLAIM_ANNOTATION, FINALIZER};
use identity_pool_operator::api::{IdentityPool, IdentityPoolSpec, IdentityPoolStatus};
use identity_pool_operator::pool::claim::Claim;
use identity_pool_operator::pool::moves::Trouble;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// What somebody writes to an object that is there.
#[derive(Clone, Debug)]
pub(crate) enum Change<'a> {
    /// The operator: a claim, and its finalizer.
    Claim(&'a Claim),
    /// The operator, or a person who may not: the whole status, or none.
    Status(Option<&'a IdentityPoolStatus>),
    /// The operator: its finalizer goes.
    DropFinalizer,
    /// A person: another spec.
    Spec(&'a IdentityPoolSpec),
    /// Anybody: an annotation, or none.
    Annotation(&'a str, Option<&'a str>),
    /// Anybody: these finalizers and no others.
    Finalizers(&'a [&'a str]),
    /// A person deletes it.
    Delete(Timestamp),
}

/// A write that rests on a version which is not the latest, or on another object, is refused; the
/// version is looked at first.
pub(crate) fn tested(stored: Option<&IdentityPool>, seen: &IdentityPool) -> Result<(), Trouble> {
    let (version, uid) = (&seen.metadata.resource_version, &seen.metadata.uid);
    match stored.map(|stored| &stored.metadata) {
        None => Err(Trouble::Gone),
        Some(stored) if stored.resource_version != *version => Err(Trouble::Stale),
        Some(stored) if stored.uid != *uid => Err(Trouble::Gone),
        Some(_) => Ok(()),
    }
}

/// A new object of this spec, as a person applies it.
pub(crate) fn fresh(uid: &str, version: &str, spec: IdentityPoolSpec) -> IdentityPool {
    let mut object = IdentityPool::new("app", spec);
    object.metadata.namespace = Some("web".into());
    object.metadata.uid = Some(uid.into());
    object.metadata.generation = Some(1);
    object.metadata.resource_version = Some(version.into());
    object.status = Some(no_status());
    object
}

/// The object after a change; `None` once it is gone. Where nothing changes, neither does its
/// version.
pub(crate) fn changed(
    stored: &IdentityPool,
    change: &Change,
    next_version: impl FnOnce() -> String,
) -> Result<Option<IdentityPool>, Trouble> {
    let mut object = stored.clone();
    apply(&mut object, change);
    let is_going = stored.metadata.deletion_timestamp.is_some();
    if is_going && adds_a_finalizer(stored, &object) {
        let refused = "no new finalizers can be added if the object is being deleted";
        return Err(Trouble::Failed(refused.to_owned()));
    }
    if object.spec != stored.spec || (object.metadata.deletion_timestamp.is_some() && !is_going) {
        let generation = object.metadata.generation.unwrap_or_default();
        object.metadata.generation = Some(generation + 1);
    }
    if is_same(&object, stored) {
        return Ok(Some(object));
    }
    object.metadata.resource_version = Some(next_version());
    let goes = object.metadata.deletion_timestamp.is_some() && object.metadata.finalizers.is_none();
    Ok((!goes).then_some(object))
}

fn apply(object: &mut IdentityPool, change: &Change) {
    let meta = &mut object.metadata;
    match change {
        Change::Claim(claim) => {
            let text = claim.to_annotation().expect("text");
            let annotations = meta.annotations.get_or_insert_default();
            annotations.insert(CLAIM_ANNOTATION.into(), text);
            let finalizers = meta.finalizers.get_or_insert_default();
            if !finalizers.iter().any(|name| name == FINALIZER) {
                finalizers.push(FINALIZER.into());
            }
        }
        Change::Status(status) => {
            let status = status.cloned().unwrap_or_default();
            // The definition's default.
            let observed_generation = status.observed_generation.or(Some(-1));
            object.status = Some(IdentityPoolStatus {
                observed_generation,
                ..status
            });
        }
        Change::DropFinalizer => {
            let finalizers = meta.finalizers.get_or_insert_default();
            finalizers.retain(|name| name != FINALIZER);
        }
        Change::Spec(spec) => object.spec = (*spec).clone(),
        Change::Annotation(key, Some(value)) => {
            let annotations = meta.annotations.get_or_insert_default();
            annotations.insert((*key).into(), (*value).into());
        }
        Change::Annotation(key, None) => {
            meta.annotations.get_or_insert_default().remove(*key);
        }
        Change::Finalizers(names) => {
            meta.finalizers = Some(names.iter().map(|name| (*name).into()).collect());
        }
        Change::Delete(at) => {
            meta.deletion_timestamp.get_or_insert(Time(*at));
        }
    }
    let meta = &mut object.metadata;
    meta.finalizers = meta.finalizers.take().filter(|names| !names.is_empty());
    meta.annotations = meta.annotations.take().filter(|all| !all.is_empty());
}

/// What an object's status is before anybody writes one: the definition's default.
fn no_status() -> IdentityPoolStatus {
    IdentityPoolStatus {
        observed_generation: Some(-1),
        ..IdentityPoolStatus::default()
    }
}

fn adds_a_finalizer(before: &IdentityPool, after: &IdentityPool) -> bool {
    let names = |object: &IdentityPool| object.metadata.finalizers.clone().unwrap_or_default();
    let before = names(before);
    names(after).iter().any(|name| !before.contains(name))
}

fn is_same(one: &IdentityPool, other: &IdentityPool) -> bool {
    one.metadata == other.metadata && one.spec == other.spec && one.status == other.status
}
