//! What a tenant may do through a class. What is left out is denied.

#![expect(
    unreachable_pub,
    reason = "KubeSchema copies each struct, with its visibility, into a function"
)]
#![allow(
    clippy::doc_markdown,
    clippy::struct_excessive_bools,
    rustdoc::invalid_html_tags,
    reason = "the docs of the fields are read in `kubectl explain`, which knows no markup; each bool is a permission of \
              its own"
)]

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::rules::{each_account, each_name_pattern, each_pattern, each_region, each_role_pattern};

/// The guardrails of a class.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Guardrails {
    /// IAM roles that pools may give: as default roles and in every rule of a mapping. ARNs with *
    /// for any characters and ? for one, at most 50. Default: no roles at all.
    /// Example: [arn:aws:iam::123456789012:role/apps/*].
    #[serde(default, skip_serializing_if = "Vec::is_empty", rename = "roleARNs")]
    #[schemars(
        length(max = 50),
        extend("x-kubernetes-list-type" = "atomic"),
        transform = each_role_pattern
    )]
    pub role_arns: Vec<String>,

    /// Whether pools may let guests in (allowUnauthenticatedIdentities). Default: false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_unauthenticated: bool,

    /// Whether pools may allow the basic (classic) flow, in which the client chooses its role.
    /// Default: false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_classic_flow: bool,

    /// Whether role mappings may take roles from the claims of a token (type Token): roleARNs cannot
    /// bind those. Default: false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_token_role_mappings: bool,

    /// Whose users pools may accept. Default: nobody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub providers: Option<ProviderGuardrails>,

    /// Whether pools may have a developer provider (developerProviderName). Default: false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_developer_provider: bool,

    /// Whether claims may become session tags (principalTagAttributeMaps). Default: false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_principal_tags: bool,

    /// Which pools that an object did not make it may take over. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_adoption: Option<AdoptionGuardrail>,

    /// Whether a pool may be deleted with its object. If not, only deletionPolicy Retain lets an
    /// object go, and Retain is its default. Default: false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_deletion: bool,

    /// Most pools of this class in one namespace: its oldest objects have them. Default: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = (
        "self >= 1 && self <= 1000",
        "maxPools is 1 to 1000; to offer none, leave the namespace out of allowedNamespaces"
    ))]
    pub max_pools: Option<i32>,

    /// Further regions, beside the class's own, that spec.region may name. At most 40. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 40),
        extend("x-kubernetes-list-type" = "set"),
        transform = each_region
    )]
    pub regions: Vec<String>,

    /// Further accounts, beside the class's own, that ARNs of roles and providers may be of. At most
    /// 20. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 20),
        extend("x-kubernetes-list-type" = "set"),
        transform = each_account
    )]
    pub other_accounts: Vec<String>,
}

/// Patterns of identity providers, with * for any characters and ? for one.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderGuardrails {
    /// User pools, as providerName writes them, or with one app client: <providerName>:<clientId>.
    /// At most 50. Default: none. Example: [cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 50),
        extend("x-kubernetes-list-type" = "atomic"),
        transform = each_pattern
    )]
    pub user_pools: Vec<String>,

    /// OpenID Connect providers, by their ARNs. At most 50. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 50),
        extend("x-kubernetes-list-type" = "atomic"),
        transform = each_pattern
    )]
    pub open_id_connect: Vec<String>,

    /// SAML providers, by their ARNs. At most 50. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 50),
        extend("x-kubernetes-list-type" = "atomic"),
        transform = each_pattern
    )]
    pub saml: Vec<String>,

    /// Public login providers, as supportedLoginProviders writes them, or with one application:
    /// <provider>:<application id>. At most 50. Default: none.
    /// Example: [graph.facebook.com:7346241598935552].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 50),
        extend("x-kubernetes-list-type" = "atomic"),
        transform = each_pattern
    )]
    pub social: Vec<String>,
}

/// Pools that may be taken over.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdoptionGuardrail {
    /// Names that these pools have in AWS, with * for any characters and ? for one. At most 50.
    /// Default: none. Example: [shop-*].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 50),
        extend("x-kubernetes-list-type" = "atomic"),
        transform = each_name_pattern
    )]
    pub pool_names: Vec<String>,
}
