//! What the operator reports: everything here can be derived from what is observed.
//!
//! The whole struct is written as a JSON merge patch, in which only `null` deletes
//! a key. No field may therefore be skipped when it is empty: a value that is no
//! longer true would stay on the server for ever.

#![allow(
    clippy::doc_markdown,
    rustdoc::invalid_html_tags,
    reason = "the docs of the fields are read in `kubectl explain`, which knows no markup"
)]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::DeletionPolicy;
use super::rules::without_default;

/// The state of the pool in AWS, and whose move it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdentityPoolStatus {
    /// Generation of the spec that the conditions speak of; -1 until the first look.
    #[schemars(extend("default" = -1))]
    pub observed_generation: Option<i64>,
    /// Id of the pool, <region>:<uuid>. Applications and trust policies name the pool by it.
    pub identity_pool_id: Option<String>,
    /// ARN of the pool.
    #[serde(rename = "identityPoolARN")]
    pub identity_pool_arn: Option<String>,
    /// Name of the pool in AWS.
    pub identity_pool_name: Option<String>,
    /// AWS account the pool lives in.
    pub account_id: Option<String>,
    /// AWS region the pool lives in.
    pub region: Option<String>,
    /// The deletion policy in effect: DeleteIfEmpty, Delete or Retain.
    pub deletion_policy: Option<DeletionPolicy>,
    /// Ready (the summary), Reconciling, Stalled, Drifted and Advisory.
    #[serde(default)]
    #[schemars(transform = without_default, extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// What differs between the spec and AWS.
    pub drift: Option<Vec<FieldDrift>>,
    /// The AWS calls that would be made, in order, where managementPolicy is Plan or an adoption is not
    /// yet confirmed.
    pub plan: Option<Vec<PlannedCall>>,
    /// What this object has set in AWS, so that its removal from the spec can clear it.
    pub managed: Option<Managed>,
    /// Hash of the desired state last made true.
    pub applied_hash: Option<String>,
    /// The last value of the annotation cognito-identity.dev/reconcile-at that was acted on.
    pub last_handled_reconcile_at: Option<String>,
}

/// One field in which AWS differs from the spec.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldDrift {
    /// Name of the spec field.
    pub field: String,
    /// The value the spec asks for, as JSON text.
    pub desired: String,
    /// The value AWS has, as JSON text.
    pub actual: String,
}

/// A call that would be made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedCall {
    /// The AWS operation.
    pub operation: String,
    /// The spec fields that it would make true.
    #[serde(default)]
    #[schemars(transform = without_default)]
    pub changes: Vec<String>,
}

/// What an object has set in AWS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Managed {
    /// Keys of the tags that the spec has set.
    #[serde(default)]
    #[schemars(transform = without_default)]
    pub tag_keys: Vec<String>,
    /// Login providers whose values came out of Secrets, so that they are shown nowhere.
    #[serde(default)]
    #[schemars(transform = without_default)]
    pub secret_login_providers: Vec<String>,
    /// Whether the spec has set the default roles.
    #[serde(default)]
    #[schemars(transform = without_default)]
    pub roles: bool,
    /// Whether the spec has set role mappings.
    #[serde(default)]
    #[schemars(transform = without_default)]
    pub role_mappings: bool,
    /// Providers, as AWS writes them, whose principal tags the spec has set.
    #[serde(default)]
    #[schemars(transform = without_default)]
    pub principal_tag_providers: Vec<String>,
    /// Names of the ConfigMaps that export has made, or is about to make.
    #[serde(default)]
    #[schemars(transform = without_default)]
    pub config_maps: Vec<String>,
}
