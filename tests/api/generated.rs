//! What is made from the code and kept in the repository.

use std::fs;
use std::path::Path;

use identity_pool_operator::api::crds::{class_crd, crd, files};
use serde_json::Value;

/// Most bytes of the file. Large definitions slow every `kubectl` down, and client-side apply
/// keeps a copy in an annotation of at most 256 KiB. Half of it is the schema of a source, which
/// has to be repeated at each of the nine places that take one.
const MOST_BYTES: usize = 100_000;

#[test]
fn stored_crds_equal_the_code() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    for (file, generated) in files().expect("YAML") {
        let stored = fs::read_to_string(folder.join(file)).unwrap_or_default();
        assert!(
            stored == generated,
            "crds/{file} is not what src/api says: run `make generate`"
        );
    }
}

#[test]
fn the_page_of_reasons_equals_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reasons.md");
    let stored = fs::read_to_string(path).unwrap_or_default();
    assert!(
        stored == identity_pool_operator::api::condition::reasons_page(),
        "docs/reasons.md is not what src/api/condition.rs says: run `make generate`"
    );
}

#[test]
fn the_page_of_aws_permissions_equals_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/iam.md");
    let stored = fs::read_to_string(path).unwrap_or_default();
    assert!(
        stored == identity_pool_operator::aws::policy::page().expect("JSON"),
        "docs/iam.md is not what src/aws/policy.rs says: run `make generate`"
    );
}

#[test]
fn crds_stay_small() {
    for (file, text) in files().expect("YAML") {
        assert!(text.len() < MOST_BYTES, "{file}: {} bytes", text.len());
    }
}

#[test]
fn every_field_is_explained() {
    let mut silent = Vec::new();
    for crd in [crd(), class_crd()] {
        let crd = serde_json::to_value(crd).expect("JSON");
        let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        unexplained(schema, "", &mut silent);
    }
    assert!(silent.is_empty(), "no description: {silent:?}");
}

fn unexplained(schema: &Value, path: &str, silent: &mut Vec<String>) {
    let properties = schema["properties"].as_object().into_iter().flatten();
    for (name, property) in properties {
        let path = format!("{path}.{name}");
        if property["description"].as_str().is_none_or(str::is_empty) {
            silent.push(path.clone());
        }
        unexplained(property, &path, silent);
        unexplained(&property["items"], &path, silent);
    }
}
