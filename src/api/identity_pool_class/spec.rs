//! Which account and region, as whom, with which defaults, and for whom.

#![expect(
    unreachable_pub,
    reason = "KubeSchema copies each struct, with its visibility, into a function"
)]
#![allow(
    clippy::doc_markdown,
    rustdoc::bare_urls,
    rustdoc::invalid_html_tags,
    reason = "the docs of the fields are read in `kubectl explain`, which knows no markup"
)]

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::IdentityPoolClassStatus;
use super::guardrails::Guardrails;
use crate::api::region::SHAPE;
use crate::api::{DeletionPolicy, DriftPolicy};

/// What the platform team offers. What is left out of guardrails is denied.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "cognito-identity.dev",
    version = "v1alpha1",
    kind = "IdentityPoolClass",
    plural = "identitypoolclasses",
    status = "IdentityPoolClassStatus",
    derive = "Default",
    derive = "PartialEq",
    shortname = "idpoolclass",
    category = "aws",
    category = "cognito",
    doc = "An AWS account and region that tenants may have identity pools in, and what they may do there.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(
        name = "Status",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#
    ),
    printcolumn(name = "Account", type_ = "string", json_path = ".status.accountId"),
    printcolumn(name = "Region", type_ = "string", json_path = ".status.region"),
    printcolumn(name = "Pools-Ready", type_ = "integer", json_path = ".status.pools.ready"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = 1
    ),
    validation = Rule::new("size(self.metadata.name) <= 63").message(
        "the name of an IdentityPoolClass has at most 63 characters; choose a shorter metadata.name"
    )
)]
#[x_kube(
    validation = Rule::new("!has(self.externalId) || !has(self.externalIdFrom)")
        .field_path(".externalIdFrom").message(
        "the external id is written there or taken from a Secret, not both; keep externalId or \
         externalIdFrom"
    ),
    validation = Rule::new(
        "has(self.roleARN) || (!has(self.externalId) && !has(self.externalIdFrom))"
    ).field_path(".roleARN").message(
        "an external id is for a role that is assumed; name it by roleARN, or remove the external id"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct IdentityPoolClassSpec {
    /// AWS region of the pools. Default: the region of the operator. Example: eu-west-1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new(format!("self.matches('{SHAPE}')")).message(
        "a region is written as AWS writes it, such as eu-west-1, without the letter of a zone; \
         leave region out for the operator's own"
    ))]
    pub region: Option<String>,

    /// ARN of the IAM role that is assumed for every call; its account is that of the pools. Default:
    /// the operator's own credentials. Example: arn:aws:iam::123456789012:role/identity-pools.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "roleARN")]
    #[schemars(length(max = 2048))]
    #[x_kube(validation = (
        "self.matches('^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$')",
        "a role is named by its ARN: arn:aws:iam::<12 digits of the account>:role/<path and name>"
    ))]
    pub role_arn: Option<String>,

    /// What the role's trust policy asks for as sts:ExternalId: 2 to 1224 characters (letters, digits
    /// and _ + = , . @ : / -). Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1224))]
    #[x_kube(validation = (
        "size(self) >= 2 && self.matches('^[A-Za-z0-9_+=,.@:/-]+$')",
        "an external id has 2 to 1224 letters A-Z a-z, digits and characters of _ + = , . @ : / -; \
         write the one in the role's trust policy"
    ))]
    pub external_id: Option<String>,

    /// Where externalId comes from, instead of writing it there: a Secret of the operator's namespace.
    /// Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id_from: Option<ExternalIdSource>,

    /// Where calls for pools go, such as a VPC endpoint: a URL. Default: where the operator's own go.
    /// Example: https://vpce-0123.cognito-identity.eu-west-1.vpce.amazonaws.com.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        rename = "endpointURL"
    )]
    #[schemars(length(max = 2048))]
    #[x_kube(validation = (
        "self.matches('^https?://[A-Za-z0-9.:_-]+(/[A-Za-z0-9._~/-]*)?$')",
        "an endpoint is a URL, such as https://vpce-0123.cognito-identity.eu-west-1.vpce.amazonaws.com; \
         leave endpointURL out to reach AWS itself"
    ))]
    pub endpoint_url: Option<String>,

    /// What objects have that do not say otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defaults: Option<ClassDefaults>,

    /// Namespaces whose objects may use the class, by their labels. An empty selector is every
    /// namespace. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_namespaces: Option<LabelSelector>,

    /// What tenants may do. What is left out is denied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guardrails: Option<Guardrails>,

    /// What becomes of a pool whose spec the class no longer allows. Hold: it stays as it is, and
    /// nothing is written. StripRoles: its roles and role mappings are cleared, so that nobody
    /// gets credentials through it any more. Default: Hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_revocation: Option<OnRevocation>,

    /// Most calls a second for this class's pools, each region apart. AWS's own limit is found and
    /// kept anyway. Default: no further limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_budget: Option<RequestBudget>,
}

/// Where an external id stands.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalIdSource {
    /// A key of a Secret of the operator's namespace.
    pub secret_key_ref: SecretKey,
}

/// A key of a Secret.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretKey {
    /// Name of the Secret.
    #[schemars(length(max = 253))]
    #[x_kube(validation = (
        "self.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$')",
        "the name of a Secret has small letters, digits, dots and hyphens; write the name alone"
    ))]
    pub name: String,
    /// Key in its data.
    #[schemars(length(max = 253))]
    #[x_kube(validation = (
        "self.matches('^[A-Za-z0-9._-]+$')",
        "a key of a Secret has letters A-Z a-z, digits, dots, hyphens and underscores; write such a key"
    ))]
    pub key: String,
}

/// Defaults of a class.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClassDefaults {
    /// Tags that every pool has; a tag of the object with the same key wins. At most 47. Default: none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(
        extend("maxProperties" = 47),
        extend("additionalProperties" = { "type": "string", "maxLength": 256 })
    )]
    #[x_kube(validation = (
        "self.all(key, size(key) >= 1 && size(key) <= 128)",
        "a tag key has 1 to 128 characters; write such a key"
    ), validation = (
        "self.all(key, !key.lowerAscii().startsWith('aws:') && !key.startsWith('cognito-identity.dev/'))",
        "a tag key begins neither with aws:, which AWS keeps for itself, nor with \
         cognito-identity.dev/, by which the operator knows its pools; choose another key"
    ))]
    pub identity_pool_tags: BTreeMap<String, String>,

    /// What becomes of a pool when its object is deleted. Default: as without a class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,

    /// Seconds between two looks at AWS: 60 to 86400. Default: the operator's flag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = (
        "self >= 60 && self <= 86400",
        "resyncPeriodSeconds is 60 to 86400 (a day); write a number in between"
    ))]
    pub resync_period_seconds: Option<i32>,

    /// What happens to changes that others make in AWS. Default: Correct.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift_policy: Option<DriftPolicy>,
}

/// What becomes of pools that are no longer allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undocumented)]
pub enum OnRevocation {
    /// They stay as they are.
    #[default]
    Hold,
    /// They lose their roles.
    StripRoles,
}

/// Takes the doc off an enum: it would replace the doc of the optional field of that type.
fn undocumented(schema: &mut schemars::Schema) {
    schema.remove("description");
}

/// Most calls a second.
#[derive(KubeSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestBudget {
    /// Calls that change nothing: 1 to 1000. Default: no further limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = (
        "self >= 1 && self <= 1000",
        "readsPerSecond is 1 to 1000; leave it out for no further limit"
    ))]
    pub reads_per_second: Option<i32>,
    /// Calls that change something: 1 to 1000. Default: no further limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = (
        "self >= 1 && self <= 1000",
        "writesPerSecond is 1 to 1000; leave it out for no further limit"
    ))]
    pub writes_per_second: Option<i32>,
}
