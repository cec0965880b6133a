//! The `CustomResourceDefinition`s as the apiserver gets them.
//!
//! The derive cannot say all of it: defaults on `spec` and `status` as a whole, and optional
//! fields that are not nullable. [`crd`] and [`class_crd`] are therefore the only makers; nothing else may use
//! the derived ones.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;
use serde_json::json;

use super::{IdentityPool, IdentityPoolClass};

/// First lines of every generated file.
const HEADER: &str = "# Generated from src/api by `make generate`. Do not edit.\n";

/// The definition of `IdentityPool`.
#[must_use]
pub fn crd() -> CustomResourceDefinition {
    polished(IdentityPool::crd())
}

/// The definition of `IdentityPoolClass`.
#[must_use]
pub fn class_crd() -> CustomResourceDefinition {
    polished(IdentityPoolClass::crd())
}

fn polished(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    let schemas = crd
        .spec
        .versions
        .iter_mut()
        .filter_map(|version| version.schema.as_mut()?.open_api_v3_schema.as_mut());
    for schema in schemas {
        polish(schema);
        // A bare object is legal, and so is a server-side apply that takes the last field away.
        schema.required = None;
        set_default(schema, "spec", json!({}));
        // Brings in `observedGeneration: -1`: a fresh object must never look done to Helm.
        set_default(schema, "status", json!({}));
    }
    crd
}

/// Name and text of each file of `crds/`.
///
/// # Errors
/// When a definition cannot be written as YAML.
pub fn files() -> Result<[(&'static str, String); 2], serde_saphyr::ser::Error> {
    Ok([
        ("identitypools.yaml", text(&crd())?),
        ("identitypoolclasses.yaml", text(&class_crd())?),
    ])
}

/// Everything that `kubectl apply` needs before the operator can start.
///
/// # Errors
/// When a definition cannot be written as YAML.
pub fn crds_yaml() -> Result<String, serde_saphyr::ser::Error> {
    let documents = files()?.map(|(_, text)| text);
    Ok(documents.join("---\n"))
}

fn text(crd: &CustomResourceDefinition) -> Result<String, serde_saphyr::ser::Error> {
    Ok(format!("{HEADER}{}", serde_saphyr::to_string(crd)?))
}

fn set_default(schema: &mut JSONSchemaProps, property: &str, value: serde_json::Value) {
    if let Some(property) = schema
        .properties
        .as_mut()
        .and_then(|all| all.get_mut(property))
    {
        property.default = Some(JSON(value));
    }
}

/// Makes a schema say what we mean, all the way down.
///
/// Optional is not nullable: the apiserver drops a `null` in a field that is not nullable,
/// keeps it in one that is, and CEL rules fail on it. Docs lose the line breaks of the source.
fn polish(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    if let Some(text) = &mut schema.description {
        *text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    for child in schema
        .properties
        .iter_mut()
        .flat_map(|all| all.values_mut())
    {
        polish(child);
    }
    match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(item)) => polish(item),
        Some(JSONSchemaPropsOrArray::Schemas(items)) => items.iter_mut().for_each(polish),
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(value)) = &mut schema.additional_properties {
        polish(value);
    }
}
