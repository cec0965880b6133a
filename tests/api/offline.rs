//! The check that needs no cluster.

use identity_pool_operator::api::{IdentityPool, violations};
use serde_json::{Value, json};

use crate::corpus::{Manifest, manifests, object};

/// The violations of a manifest, or why Rust's types do not take it.
fn check(manifest: &Manifest) -> Result<Vec<String>, serde_json::Error> {
    let old = manifest.old.as_ref().map(typed).transpose()?;
    Ok(violations(&typed(&manifest.new)?, old.as_ref()))
}

/// As the apiserver would hand it out: `spec` is always there.
fn typed(object: &Value) -> Result<IdentityPool, serde_json::Error> {
    let mut object = object.clone();
    if object["spec"].is_null() {
        object["spec"] = json!({});
    }
    strip_nulls(&mut object["spec"]);
    serde_json::from_value(object)
}

/// The apiserver drops a `null` in a field that is not nullable.
fn strip_nulls(spec: &mut Value) {
    if let Value::Object(fields) = spec {
        fields.retain(|_, value| !value.is_null());
    }
}

#[test]
fn bad_manifests_are_refused_with_a_sentence_that_helps() {
    let failures: Vec<_> = manifests("refused")
        .iter()
        .filter(|manifest| !manifest.apiserver_only)
        .filter_map(|manifest| match check(manifest) {
            Ok(found) => manifest.judge(&found.join("\n")),
            Err(error) => Some(format!("{}: {error}", manifest.file)),
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn what_only_the_apiserver_sees_is_no_violation_here() {
    for manifest in manifests("refused")
        .iter()
        .filter(|manifest| manifest.apiserver_only)
    {
        if let Ok(found) = check(manifest) {
            assert!(
                found.is_empty(),
                "{}: is seen here too: {found:?}",
                manifest.file
            );
        }
    }
}

#[test]
fn legal_manifests_are_accepted() {
    for manifest in manifests("accepted") {
        let found = check(&manifest).unwrap_or_else(|error| panic!("{}: {error}", manifest.file));
        assert!(found.is_empty(), "{}: {found:?}", manifest.file);
    }
}

#[test]
fn the_same_spec_is_written_as_it_was_read() {
    let spec = json!({
        "allowClassicFlow": false,
        "allowUnauthenticatedIdentities": true,
        "driftPolicy": "Correct",
        "managementPolicy": "Manage",
        "onExternalDeletion": "Block",
        "samlProviderARNs": ["arn:aws:iam::123456789012:saml-provider/corp"],
    });
    let pool = typed(&object("shop", &spec)).expect("a legal object");
    assert_eq!(serde_json::to_value(pool.spec).expect("JSON"), spec);
}
