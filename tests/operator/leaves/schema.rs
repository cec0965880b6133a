//! The fields of `spec`, read from the CRD.

use identity_pool_operator::api::crds::crd;
use serde_json::Value;

/// The schema of `spec`.
pub(super) fn spec() -> Value {
    let crd = serde_json::to_value(crd()).expect("JSON");
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].clone()
}

/// Every value that is no list and no map, as `roleMappings[].rules[].claim`.
pub(super) fn leaves() -> Vec<String> {
    let mut found = Vec::new();
    collect(&spec(), "", &mut found);
    found
}

fn collect(schema: &Value, path: &str, found: &mut Vec<String>) {
    if let Some(properties) = schema["properties"].as_object() {
        let settable = |(name, _): &(&String, &Value)| !is_refused(path, name);
        for (name, schema) in properties.iter().filter(settable) {
            collect(schema, &join(path, name), found);
        }
    } else if schema["items"].is_object() {
        collect(&schema["items"], &format!("{path}[]"), found);
    } else if schema["additionalProperties"].is_object() {
        collect(
            &schema["additionalProperties"],
            &format!("{path}{{}}"),
            found,
        );
    } else {
        found.push(path.to_owned());
    }
}

/// The namespace of a reference is in the schema only to be refused.
fn is_refused(path: &str, name: &str) -> bool {
    name == "namespace"
        && ["Ref", "From", "From[]", "From{}"]
            .iter()
            .any(|end| path.ends_with(end))
}

/// The path of a field of an object.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}
