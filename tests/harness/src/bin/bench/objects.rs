//! The kind that is measured, known by its name alone.
//!
//! The benchmark does not link the operator: it sees objects as any client does.

use harness::control_plane::ControlPlane;
use harness::project;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::{Value, json};

use crate::Outcome;

/// The kind, without the operator's own types.
pub(crate) fn kind() -> ApiResource {
    ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk("cognito-identity.dev", "v1alpha1", "IdentityPool"),
        "identitypools",
    )
}

/// An object that leaves everything to its defaults.
pub(crate) fn object(name: &str) -> DynamicObject {
    object_with(name, &json!({}))
}

/// An object with a spec.
pub(crate) fn object_with(name: &str, spec: &Value) -> DynamicObject {
    DynamicObject::new(name, &kind()).data(json!({ "spec": spec }))
}

/// Whether its condition `Ready` is true.
pub(crate) fn is_ready(object: &DynamicObject) -> bool {
    let conditions = object.data["status"]["conditions"].as_array();
    conditions.is_some_and(|all| {
        all.iter()
            .any(|one| one["type"] == "Ready" && one["status"] == "True")
    })
}

/// Whether its status is of its latest spec, and true.
pub(crate) fn is_done(object: &DynamicObject) -> bool {
    let observed = object.data["status"]["observedGeneration"].as_i64();
    observed == object.metadata.generation && is_ready(object)
}

/// Installs the definitions.
pub(crate) async fn install(plane: &ControlPlane) -> Outcome<()> {
    Ok(plane.apply_crd_file(&project::crds()).await?)
}
