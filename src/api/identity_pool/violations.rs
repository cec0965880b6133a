//! What the apiserver would refuse, found without one.
//!
//! Reads the very schema that is installed: its CEL rules by kube's evaluator, and its plain
//! limits here, in the apiserver's words as far as they matter. Types, enums and required
//! fields need no look: an [`IdentityPool`] has them right by being one. What is left to the
//! apiserver alone is metadata (name, labels) and unknown fields.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use kube::core::cel::{CompiledSchema, Validator, compile_schema};
use serde_json::Value;

use super::IdentityPool;
use crate::api::crds;

/// The installed schema as JSON.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let version = crds::crd().spec.versions.into_iter().next();
    let schema = version.and_then(|version| version.schema?.open_api_v3_schema);
    serde_json::to_value(schema).unwrap_or_default()
});

/// Its rules, compiled once: the operator checks every object that takes values from others.
static RULES: LazyLock<CompiledSchema> = LazyLock::new(|| compile_schema(&SCHEMA));

/// Why the apiserver would refuse this object; empty when it would accept it.
///
/// With `old`, the object is an update of it, and rules on the change apply too. Each sentence
/// begins with the path of the field.
#[must_use]
pub fn violations(new: &IdentityPool, old: Option<&IdentityPool>) -> Vec<String> {
    let json = serde_json::to_value(new).and_then(|new| Ok((new, serde_json::to_value(old)?)));
    let (new, old) = match json {
        Ok(pair) => pair,
        Err(error) => return vec![format!("the object is no JSON: {error}")],
    };
    let mut found = Vec::new();
    limits(&SCHEMA, &new, "", &mut found);
    let old = (!old.is_null()).then_some(&old);
    if let Err(errors) = Validator::new().validate_compiled(&RULES, &new, old) {
        found.extend(errors.into_vec().iter().map(ToString::to_string));
    }
    found
}

/// Checks the plain limits of `schema` on `value`, all the way down.
fn limits(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let size = text.chars().count();
            if let Some(max) = exceeded(schema, "maxLength", size) {
                found.push(format!(
                    "{path}: Too long: may not be more than {max} characters"
                ));
            }
        }
        Value::Array(items) => {
            too_many(schema, "maxItems", items.len(), path, found);
            let is_set = schema["x-kubernetes-list-type"] == "set";
            let mut seen = BTreeSet::new();
            for (index, item) in items.iter().enumerate() {
                let path = format!("{path}[{index}]");
                if is_set && !seen.insert(item.to_string()) {
                    found.push(format!("{path}: Duplicate value: {item}"));
                }
                limits(&schema["items"], item, &path, found);
            }
        }
        Value::Object(entries) => {
            too_many(schema, "maxProperties", entries.len(), path, found);
            for (key, entry) in entries {
                let dot = if path.is_empty() { "" } else { "." };
                let property = schema["properties"].get(key);
                let part = property.unwrap_or(&schema["additionalProperties"]);
                limits(part, entry, &format!("{path}{dot}{key}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn too_many(schema: &Value, limit: &str, size: usize, path: &str, found: &mut Vec<String>) {
    if let Some(max) = exceeded(schema, limit, size) {
        found.push(format!(
            "{path}: Too many: {size}: must have at most {max} items"
        ));
    }
}

/// The limit, if the schema sets it and `size` is beyond it.
fn exceeded(schema: &Value, limit: &str, size: usize) -> Option<u64> {
    let max = schema[limit].as_u64()?;
    u64::try_from(size)
        .map_or(true, |size| size > max)
        .then_some(max)
}
