//! Rules for the parts of a schema that no Rust field stands for: list items and map values.
//!
//! A rule on the item, not on the list, makes the apiserver name the very item that is
//! wrong. Each takes the greatest length too: the apiserver refuses a CRD whose rules could
//! read strings without end.

use schemars::Schema;
use serde_json::{Value, json};

/// Bounds every item of a list of strings and puts a rule on it.
pub(super) fn each_item(
    max_length: u32,
    rule: &'static str,
    message: &'static str,
) -> impl FnMut(&mut Schema) {
    move |list| constrain(list, "items", max_length, rule, message)
}

/// Bounds every value of a map of strings and puts a rule on it.
pub(super) fn each_value(
    max_length: u32,
    rule: &'static str,
    message: &'static str,
) -> impl FnMut(&mut Schema) {
    move |map| constrain(map, "additionalProperties", max_length, rule, message)
}

/// Takes the doc off an enum: it would replace the doc of every optional field of that type.
pub(super) fn undocumented(schema: &mut Schema) {
    schema.remove("description");
}

/// Takes away the default that serde needs and the server must not fill in.
pub(super) fn without_default(schema: &mut Schema) {
    schema.remove("default");
}

/// Says of a reference's namespace that there is none to write. A field that the schema lacks
/// would be dropped without a word where nobody asks for strict validation, and the reference
/// would reach another object than its author meant.
pub(super) fn no_namespace(reference: &mut Schema) {
    let namespace = json!({
        "type": "string",
        "maxLength": 253,
        "description": "Refused: a reference stays in its namespace.",
        "x-kubernetes-validations": [{
            "rule": "false",
            "message": "leave namespace out: a reference stays in that of its IdentityPool",
        }],
    });
    if let Some(properties) = reference
        .get_mut("properties")
        .and_then(Value::as_object_mut)
    {
        properties.insert("namespace".into(), namespace);
    }
}

fn constrain(schema: &mut Schema, part: &str, max_length: u32, rule: &str, message: &str) {
    if let Some(part) = schema.get_mut(part).and_then(Value::as_object_mut) {
        part.insert("maxLength".into(), max_length.into());
        part.insert(
            "x-kubernetes-validations".into(),
            json!([{ "rule": rule, "message": message }]),
        );
    }
}
