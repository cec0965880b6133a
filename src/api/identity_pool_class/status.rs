//! What the operator reports of a class. Written as a whole, so no field is skipped when empty.

#![allow(
    clippy::doc_markdown,
    rustdoc::invalid_html_tags,
    reason = "the docs of the fields are read in `kubectl explain`, which knows no markup"
)]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether a class can be used, and by how many it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdentityPoolClassStatus {
    /// Generation of the spec that the conditions speak of; -1 until the first look.
    #[schemars(extend("default" = -1))]
    pub observed_generation: Option<i64>,
    /// AWS account that the class leads to.
    pub account_id: Option<String>,
    /// AWS region that the class leads to.
    pub region: Option<String>,
    /// ARN of the identity that the operator has there.
    #[serde(rename = "identityARN")]
    pub identity_arn: Option<String>,
    /// Objects of this class.
    pub pools: Option<ClassPools>,
    /// What AWS last answered instead of letting the operator in; none while it does.
    pub last_error: Option<String>,
    /// Ready: the credentials work.
    #[serde(default)]
    #[schemars(
        transform = without_default,
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<Condition>,
}

/// Objects of a class by what their condition Ready says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClassPools {
    /// Those that are Ready.
    pub ready: i64,
    /// Those that are not.
    pub not_ready: i64,
    /// Those of which it is not known.
    pub unknown: i64,
}

/// Takes away the default that serde needs and the server must not fill in.
fn without_default(schema: &mut schemars::Schema) {
    schema.remove("default");
}
