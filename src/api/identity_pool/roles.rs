//! Who gets which IAM role: default roles, and mappings from token claims to roles.
//!
//! A block that is left out is not managed: a role set by others stays. One that was
//! given and is taken away is cleared. Limits: AWS API reference, `SetIdentityPoolRoles`;
//! 25 rules a mapping from the service quotas.

#![expect(
    unreachable_pub,
    reason = "KubeSchema copies each struct, with its visibility, into a function"
)]
#![allow(
    clippy::doc_markdown,
    rustdoc::invalid_html_tags,
    reason = "the docs of the fields are read in `kubectl explain`, which knows no markup"
)]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sources::ValueSource;

/// The roles that identities get unless a mapping says otherwise.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("!has(self.authenticated) || !has(self.authenticatedFrom)")
        .field_path(".authenticatedFrom").message(
        "the role is written there or taken from elsewhere, not both; keep authenticated or \
         authenticatedFrom"
    ),
    validation = Rule::new("!has(self.unauthenticated) || !has(self.unauthenticatedFrom)")
        .field_path(".unauthenticatedFrom").message(
        "the role is written there or taken from elsewhere, not both; keep unauthenticated or \
         unauthenticatedFrom"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct Roles {
    /// ARN of the IAM role of users who are signed in. Its trust policy has to name this pool's id.
    /// Default: none. Example: arn:aws:iam::123456789012:role/shop-user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    #[x_kube(validation = (
        "self.matches('^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$')",
        "a role is named by its ARN: arn:aws:iam::<12 digits of the account>:role/<path and name>"
    ))]
    pub authenticated: Option<String>,

    /// Where authenticated comes from, instead of writing it there: a role may be made after the
    /// pool, once its trust policy can name the pool's id. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authenticated_from: Option<ValueSource>,

    /// ARN of the IAM role of guests. It is only used where allowUnauthenticatedIdentities is true.
    /// Default: none. Example: arn:aws:iam::123456789012:role/shop-guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    #[x_kube(validation = (
        "self.matches('^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$')",
        "a role is named by its ARN: arn:aws:iam::<12 digits of the account>:role/<path and name>"
    ))]
    pub unauthenticated: Option<String>,

    /// Where unauthenticated comes from, instead of writing it there: a role may be made after the
    /// pool, once its trust policy can name the pool's id. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unauthenticated_from: Option<ValueSource>,
}

/// How the users of one provider get their roles.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("has(self.provider) != has(self.identityProvider)").message(
        "a mapping names its provider once: provider for an entry of cognitoIdentityProviders by its \
         name, identityProvider for any other by AWS's key; keep one of the two"
    ),
    validation = Rule::new(
        "self.type != 'Rules' || (has(self.rules) && size(self.rules) >= 1)"
    ).field_path(".rules").message("a mapping of type Rules has 1 to 25 rules; add one"),
    validation = Rule::new(
        "self.type != 'Token' || !has(self.rules) || size(self.rules) == 0"
    ).field_path(".rules").message(
        "a mapping of type Token takes its roles from the token and has no rules; \
         remove them, or set type to Rules"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct RoleMapping {
    /// The name of the entry of cognitoIdentityProviders whose users are mapped. Example: staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub provider: Option<String>,

    /// The provider whose users are mapped, as AWS writes it: graph.facebook.com, the ARN of an
    /// OpenID Connect or SAML provider, or
    /// cognito-idp.<region>.amazonaws.com/<user pool id>:<client id>. At most 128 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    #[x_kube(validation = (
        "size(self) >= 1",
        "identityProvider has 1 to 128 characters; write the provider as AWS does, such as \
         graph.facebook.com"
    ))]
    pub identity_provider: Option<String>,

    /// Token: roles come from the token's claims cognito:roles and cognito:preferred_role. Rules: they
    /// come from the rules below.
    pub r#type: RoleMappingType,

    /// What users get when no rule matches, or the token does not say which role: AuthenticatedRole,
    /// the default role, or Deny, none.
    pub ambiguous_role_resolution: AmbiguousRoleResolution,

    /// The rules of a mapping of type Rules, 1 to 25. They are tried in order, the first that matches
    /// counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 25), extend("x-kubernetes-list-type" = "atomic"))]
    pub rules: Vec<MappingRule>,
}

/// One rule: a claim of the token, a comparison, and the role that follows.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[x_kube(validation = Rule::new("has(self.roleARN) != has(self.roleARNFrom)").message(
    "a rule names its role once: write roleARN, or take it from elsewhere by roleARNFrom"
))]
#[serde(rename_all = "camelCase")]
pub struct MappingRule {
    /// Name of the claim, 1 to 64 characters without white space. Example: custom:department.
    #[schemars(length(max = 64))]
    #[x_kube(validation = (
        "self.matches('^[^[:space:]]+$')",
        "a claim's name has 1 to 64 characters and no white space; copy it from the token"
    ))]
    pub claim: String,

    /// How the claim is compared with value: Equals, Contains, StartsWith or NotEqual.
    pub match_type: MatchType,

    /// What the claim is compared with, 1 to 128 characters. Example: engineering.
    #[schemars(length(max = 128))]
    #[x_kube(validation = (
        "size(self) >= 1",
        "the value of a rule has 1 to 128 characters; AWS compares with no empty one"
    ))]
    pub value: String,

    /// ARN of the role that users get where the rule matches.
    /// Example: arn:aws:iam::123456789012:role/engineer.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "roleARN")]
    #[schemars(length(max = 2048))]
    #[x_kube(validation = (
        "self.matches('^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$')",
        "a role is named by its ARN: arn:aws:iam::<12 digits of the account>:role/<path and name>"
    ))]
    pub role_arn: Option<String>,

    /// Where roleARN comes from, instead of writing it there. Default: none.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        rename = "roleARNFrom"
    )]
    pub role_arn_from: Option<ValueSource>,
}

/// Where the roles of a mapping come from.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
pub enum RoleMappingType {
    /// From the token's claims.
    #[default]
    Token,
    /// From rules.
    Rules,
}

/// What users get when a mapping leads to no role.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
pub enum AmbiguousRoleResolution {
    /// The default role of users who are signed in.
    AuthenticatedRole,
    /// None.
    #[default]
    Deny,
}

/// How a rule compares.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
pub enum MatchType {
    /// The claim is the value.
    #[default]
    Equals,
    /// The claim has the value in it.
    Contains,
    /// The claim begins with the value.
    StartsWith,
    /// The claim is another than the value.
    NotEqual,
}

impl RoleMappingType {
    /// AWS's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "Token",
            Self::Rules => "Rules",
        }
    }
}

impl AmbiguousRoleResolution {
    /// AWS's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthenticatedRole => "AuthenticatedRole",
            Self::Deny => "Deny",
        }
    }
}

impl MatchType {
    /// AWS's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equals => "Equals",
            Self::Contains => "Contains",
            Self::StartsWith => "StartsWith",
            Self::NotEqual => "NotEqual",
        }
    }
}
