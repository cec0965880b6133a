//! What a person asks for, and every rule of AWS that can be known beforehand.
//!
//! Plain limits (`maxLength`, `maxItems`) are part of the schema, where editors and
//! linters see them and where they bound the cost of the CEL rules; anything whose remedy is
//! not plain from the limit is a CEL rule with a sentence. No rule reads status: it could
//! refuse a status write. Limits and patterns: AWS API reference, `CreateIdentityPool`.
//!
//! A field left out means AWS's default. No field inside a list item has a schema default:
//! GitOps tools would see a difference for ever.

#![expect(
    unreachable_pub,
    reason = "KubeSchema copies each struct, with its visibility, into a function"
)]
#![allow(
    clippy::doc_markdown,
    rustdoc::invalid_html_tags,
    reason = "the docs of the fields are read in `kubectl explain`, which knows no markup"
)]

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::IdentityPoolStatus;
use super::adopt::Adopt;
use super::export::Export;
use super::principal_tags::PrincipalTagAttributeMap;
use super::roles::{RoleMapping, Roles};
use super::rules::{each_item, each_value, undocumented};
use super::sources::{LoginProviderSource, ValueSource};
use crate::api::region::SHAPE;

/// The configuration of an Amazon Cognito identity pool. What is left out has AWS's default.
#[derive(
    CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize,
)]
#[kube(
    group = "cognito-identity.dev",
    version = "v1alpha1",
    kind = "IdentityPool",
    namespaced,
    status = "IdentityPoolStatus",
    derive = "Default",
    derive = "PartialEq",
    shortname = "idpool",
    category = "aws",
    category = "cognito",
    doc = "An Amazon Cognito identity pool. The operator makes it and keeps it equal to the spec.",
    selectable = ".status.identityPoolId",
    selectable = ".status.deletionPolicy",
    selectable = ".spec.allowUnauthenticatedIdentities",
    selectable = ".spec.className",
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
    printcolumn(name = "Pool-ID", type_ = "string", json_path = ".status.identityPoolId"),
    printcolumn(name = "Region", type_ = "string", json_path = ".status.region"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Name-in-AWS",
        type_ = "string",
        json_path = ".status.identityPoolName",
        priority = 1
    ),
    printcolumn(
        name = "Guests",
        type_ = "boolean",
        json_path = ".spec.allowUnauthenticatedIdentities",
        priority = 1
    ),
    printcolumn(
        name = "Policy",
        type_ = "string",
        json_path = ".status.deletionPolicy",
        priority = 1
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = 1
    ),
    validation = Rule::new("size(self.metadata.name) <= 192").message(
        "the name of an IdentityPool has at most 192 characters, because <namespace>/<name> \
         becomes a tag in AWS; choose a shorter metadata.name"
    )
)]
#[x_kube(validation = Rule::new(
    "!has(oldSelf.developerProviderName) || has(self.developerProviderNameFrom) \
     || (has(self.developerProviderName) \
     && self.developerProviderName == oldSelf.developerProviderName)"
).field_path(".developerProviderName").reason(Reason::FieldValueForbidden).message(
    "developerProviderName is set for good: AWS can neither change nor clear it; \
     put the old value back, or make a new IdentityPool"
), validation = Rule::new(
    "!has(self.roleMappings) || self.roleMappings.all(m, !has(m.provider) \
     || (has(self.cognitoIdentityProviders) \
     && self.cognitoIdentityProviders.exists(p, has(p.name) && p.name == m.provider)))"
).field_path(".roleMappings").message(
    "a mapping's provider is no name of an entry of cognitoIdentityProviders; \
     write the entry's name, or give the entry that name"
), validation = Rule::new(
    "!has(self.roleMappings) || self.roleMappings.all(m, !has(m.identityProvider) \
     || (has(self.supportedLoginProviders) && m.identityProvider in self.supportedLoginProviders) \
     || (has(self.supportedLoginProvidersFrom) \
     && m.identityProvider in self.supportedLoginProvidersFrom) \
     || (m.identityProvider.startsWith('arn:') \
     && (has(self.openIdConnectProviderARNsFrom) || has(self.samlProviderARNsFrom))) \
     || (has(self.openIdConnectProviderARNs) && m.identityProvider in self.openIdConnectProviderARNs) \
     || (has(self.samlProviderARNs) && m.identityProvider in self.samlProviderARNs) \
     || (has(self.cognitoIdentityProviders) && self.cognitoIdentityProviders.exists(p, \
     has(p.providerName) && has(p.clientId) ? p.providerName + ':' + p.clientId == m.identityProvider \
     : m.identityProvider.startsWith(has(p.providerName) ? p.providerName + ':' : 'cognito-idp.') \
     && m.identityProvider.endsWith(has(p.clientId) ? ':' + p.clientId : ''))))"
).field_path(".roleMappings").message(
    "a mapping's identityProvider is none of this pool's providers; add it to \
     supportedLoginProviders, openIdConnectProviderARNs, samlProviderARNs or \
     cognitoIdentityProviders (<providerName>:<clientId>), or remove the mapping"
), validation = Rule::new(
    "!has(self.principalTagAttributeMaps) || self.principalTagAttributeMaps.all(m, \
     !has(m.provider) || (has(self.cognitoIdentityProviders) \
     && self.cognitoIdentityProviders.exists(p, has(p.name) && p.name == m.provider)))"
).field_path(".principalTagAttributeMaps").message(
    "a map's provider is no name of an entry of cognitoIdentityProviders; \
     write the entry's name, or give the entry that name"
), validation = Rule::new(
    "!has(self.developerProviderName) || !has(self.developerProviderNameFrom)"
).field_path(".developerProviderNameFrom").message(
    "developerProviderName is written there or taken from elsewhere, not both; \
     keep developerProviderName or developerProviderNameFrom"
), validation = Rule::new(
    "!has(self.supportedLoginProviders) || !has(self.supportedLoginProvidersFrom) \
     || self.supportedLoginProvidersFrom.all(key, !(key in self.supportedLoginProviders))"
).field_path(".supportedLoginProvidersFrom").message(
    "a login provider stands in supportedLoginProviders or in supportedLoginProvidersFrom, not in \
     both; keep one of the two"
), validation = Rule::new(
    "(has(self.supportedLoginProviders) ? size(self.supportedLoginProviders) : 0) \
     + (has(self.supportedLoginProvidersFrom) ? size(self.supportedLoginProvidersFrom) : 0) <= 10"
).field_path(".supportedLoginProvidersFrom").message(
    "a pool has at most 10 login providers, those of supportedLoginProviders and \
     supportedLoginProvidersFrom together; remove some"
))]
#[serde(rename_all = "camelCase")]
pub struct IdentityPoolSpec {
    /// Name of the pool in AWS: 1 to 128 characters (letters A-Z a-z, digits, white space and
    /// _ + = , . @ -). It can be changed at any time: the pool is renamed and keeps its id.
    /// Default: <namespace>-<name>. Example: "shop, production".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    #[x_kube(validation = (
        "self.matches('^[A-Za-z0-9_[:space:]+=,.@-]+$')",
        "a pool name has letters A-Z a-z, digits, white space and _ + = , . @ - only; \
         write such a name, or leave identityPoolName out for <namespace>-<name>"
    ))]
    pub identity_pool_name: Option<String>,

    /// Whether guests, users who are not signed in, get an identity and AWS credentials.
    /// Default: false.
    #[serde(default)]
    pub allow_unauthenticated_identities: bool,

    /// Whether the basic (classic) authentication flow is allowed, in which the client itself
    /// chooses the role. AWS advises the enhanced flow. Default: false.
    #[serde(default)]
    pub allow_classic_flow: bool,

    /// Public login providers, each with the id of your application there. At most 10; key and
    /// value have 1 to 128 characters, the value letters, digits and _ . ; / - only. Default: none.
    /// Example: {graph.facebook.com: "7346241598935552"}.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(
        extend("maxProperties" = 10),
        transform = each_value(128,
            "self.matches('^[A-Za-z0-9_.;/-]+$')",
            "the application id of a login provider has letters A-Z a-z, digits and _ . ; / - only, \
             at least one; copy it from the provider's console"
        )
    )]
    #[x_kube(validation = (
        "self.all(key, size(key) >= 1 && size(key) <= 128)",
        "the name of a login provider (the key) has 1 to 128 characters; \
         write it as AWS does, such as graph.facebook.com"
    ), validation = (
        "self.all(key, !key.startsWith('http://') && !key.startsWith('https://'))",
        "the name of a login provider (the key) is written without https://; take the prefix away"
    ))]
    pub supported_login_providers: BTreeMap<String, String>,

    /// Public login providers whose application id comes from another object of this namespace, each
    /// with its source; Secrets are allowed here. Together with supportedLoginProviders at most 10.
    /// Default: none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 10))]
    #[x_kube(validation = (
        "self.all(key, size(key) >= 1 && size(key) <= 128)",
        "the name of a login provider (the key) has 1 to 128 characters; \
         write it as AWS does, such as graph.facebook.com"
    ), validation = (
        "self.all(key, !key.startsWith('http://') && !key.startsWith('https://'))",
        "the name of a login provider (the key) is written without https://; take the prefix away"
    ))]
    pub supported_login_providers_from: BTreeMap<String, LoginProviderSource>,

    /// Name under which your own backend signs users in (developer authenticated identities):
    /// 1 to 128 characters (letters A-Z a-z, digits and _ . -). Set for good: AWS can neither
    /// change nor clear it. Default: none. Example: login.example.com.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    #[x_kube(validation = (
        "self.matches('^[A-Za-z0-9_.-]+$')",
        "a developer provider name has letters A-Z a-z, digits and _ . - only, such as \
         login.example.com; leave developerProviderName out where no backend signs users in"
    ))]
    pub developer_provider_name: Option<String>,

    /// Where developerProviderName comes from, instead of writing it there. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub developer_provider_name_from: Option<ValueSource>,

    /// ARNs of IAM OpenID Connect providers whose users the pool accepts. A set, at most 100, each
    /// 20 to 2048 characters. Default: none.
    /// Example: [arn:aws:iam::123456789012:oidc-provider/login.example.com].
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        rename = "openIdConnectProviderARNs"
    )]
    #[schemars(
        length(max = 100),
        extend("x-kubernetes-list-type" = "set"),
        transform = each_item(2048,
            "self.matches('^arn:aws[a-z-]*:iam::[0-9]{12}:oidc-provider/[^[:space:]]+$') \
             && !self.contains('oidc-provider/http://') && !self.contains('oidc-provider/https://')",
            "an OpenID Connect provider is named by its IAM ARN, without https://: \
             arn:aws:iam::<12 digits of the account>:oidc-provider/<host and path of the issuer>"
        )
    )]
    pub open_id_connect_provider_arns: Vec<String>,

    /// Where further ARNs of OpenID Connect providers come from: other objects of this namespace. At most 20.
    /// Default: none.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        rename = "openIdConnectProviderARNsFrom"
    )]
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "atomic"))]
    pub open_id_connect_provider_arns_from: Vec<ValueSource>,

    /// ARNs of IAM SAML providers whose users the pool accepts. A set, at most 100, each 20 to 2048
    /// characters. Default: none. Example: [arn:aws:iam::123456789012:saml-provider/corp].
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        rename = "samlProviderARNs"
    )]
    #[schemars(
        length(max = 100),
        extend("x-kubernetes-list-type" = "set"),
        transform = each_item(2048,
            "self.matches('^arn:aws[a-z-]*:iam::[0-9]{12}:saml-provider/[A-Za-z0-9._-]{1,128}$')",
            "a SAML provider is named by its IAM ARN: \
             arn:aws:iam::<12 digits of the account>:saml-provider/<name>"
        )
    )]
    pub saml_provider_arns: Vec<String>,

    /// Where further ARNs of SAML providers come from: other objects of this namespace. At most 20.
    /// Default: none.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        rename = "samlProviderARNsFrom"
    )]
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "atomic"))]
    pub saml_provider_arns_from: Vec<ValueSource>,

    /// Cognito user pools whose users the pool accepts, each through one app client. At most 50, no
    /// pair of providerName and clientId twice. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "atomic"))]
    #[x_kube(validation = (
        "self.all(a, !has(a.providerName) || !has(a.clientId) || self.exists_one(b, \
         has(b.providerName) && has(b.clientId) \
         && a.providerName == b.providerName && a.clientId == b.clientId))",
        "two entries have the same providerName and clientId; keep one of them"
    ), validation = (
        "self.all(a, !has(a.name) || self.exists_one(b, has(b.name) && a.name == b.name))",
        "two entries have the same name; give each its own"
    ))]
    pub cognito_identity_providers: Vec<CognitoIdentityProvider>,

    /// Tags of the pool in AWS. At most 47, because three of AWS's 50 are the operator's own; key 1
    /// to 128 characters and not beginning with aws: or cognito-identity.dev/, value up to 256.
    /// Tags that others put on the pool are kept. Default: none. Example: {team: identity}.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(
        extend("maxProperties" = 50),
        extend("additionalProperties" = { "type": "string", "maxLength": 256 })
    )]
    #[x_kube(
        validation = (
            "size(self) <= 47",
            "a pool has at most 47 tags of yours, because three of the 50 that AWS allows are the \
             operator's own; remove some"
        ),
        validation = (
            "self.all(key, size(key) >= 1 && size(key) <= 128)",
            "a tag key has 1 to 128 characters; write such a key"
        ),
        validation = (
            "self.all(key, !key.lowerAscii().startsWith('aws:'))",
            "a tag key does not begin with aws:, which AWS keeps for itself; choose another key"
        ),
        validation = (
            "self.all(key, !key.startsWith('cognito-identity.dev/'))",
            "a tag key does not begin with cognito-identity.dev/, by which the operator knows its \
             pools; choose another key"
        )
    )]
    pub identity_pool_tags: BTreeMap<String, String>,

    /// IAM roles of users and of guests. Left out, the pool's roles are not managed: what others set
    /// stays. Given and later taken away, they are cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Roles>,

    /// Roles by the claims of a token, for up to 10 providers, each with one mapping. Left out, the
    /// pool's role mappings are not managed; given and later taken away, they are cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10), extend("x-kubernetes-list-type" = "atomic"))]
    #[x_kube(validation = (
        "self.all(a, self.exists_one(b, \
         (has(a.provider) ? 'name ' + a.provider : has(a.identityProvider) ? a.identityProvider : '') \
         == (has(b.provider) ? 'name ' + b.provider : has(b.identityProvider) ? b.identityProvider : '')))",
        "two mappings are for the same provider; put their rules into one"
    ))]
    pub role_mappings: Option<Vec<RoleMapping>>,

    /// Claims of the token that become session tags (attributes for access control), for each provider
    /// one map, up to 50. Left out, they are not managed; a map that is taken away goes back to AWS's
    /// default. The roles need sts:TagSession in their trust policies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "atomic"))]
    #[x_kube(validation = (
        "self.all(a, self.exists_one(b, \
         (has(a.provider) ? 'name ' + a.provider : has(a.identityProviderName) ? a.identityProviderName : '') \
         == (has(b.provider) ? 'name ' + b.provider : has(b.identityProviderName) ? b.identityProviderName : '')))",
        "two maps are for the same provider; put their tags into one"
    ))]
    pub principal_tag_attribute_maps: Option<Vec<PrincipalTagAttributeMap>>,

    /// The IdentityPoolClass that the pool is of: which account and region, and what is allowed there.
    /// Another class is followed only where it leads to the same account and region. Default: the
    /// class with the annotation cognito-identity.dev/is-default-class, else none. Example: shops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    #[x_kube(validation = (
        "self.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$')",
        "a class is named as its IdentityPoolClass is: 1 to 63 small letters, digits, dots and \
         hyphens; leave className out for the default class"
    ))]
    pub class_name: Option<String>,

    /// AWS region of the pool. Stays what it was once the pool has been made.
    /// Default: the region of the class, or of the operator. Example: eu-west-1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new(format!("self.matches('{SHAPE}')")).message(
        "a region is written as AWS writes it, such as eu-west-1, without the letter of a zone; \
         leave region out for the operator's own"
    ))]
    pub region: Option<String>,

    /// Manage: the operator keeps the pool equal to the spec. Plan: it looks, and shows in
    /// status.plan what it would do, in order. Suspend: hands off. Under Plan and Suspend nothing is
    /// changed in AWS, and a deletion waits unless deletionPolicy is Retain. Default: Manage.
    #[serde(default)]
    pub management_policy: ManagementPolicy,

    /// What happens to changes that others make in AWS. Correct: they are undone. Report: they are
    /// shown in status.drift, and the object is not Ready. Default: the class's, else Correct.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift_policy: Option<DriftPolicy>,

    /// What becomes of the pool when the object is deleted. DeleteIfEmpty: it is deleted unless it
    /// has issued identities; then the object stays and says so. Delete: it is deleted with all its
    /// identities. Retain: it stays in AWS. Default: the class's, else Retain for a pool that was
    /// adopted, else DeleteIfEmpty; status.deletionPolicy shows what is in effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,

    /// What happens when the pool was deleted in AWS. Block: the object says so and waits.
    /// Recreate: a new pool is made; it has a new id, and the identities of the old one are lost.
    /// Default: Block.
    #[serde(default)]
    pub on_external_deletion: OnExternalDeletion,

    /// Which existing pool is this object's: one that the spec names, or the one of before. Left out, a
    /// new pool is made unless an earlier object of this namespace and name left one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopt: Option<Adopt>,

    /// Seconds between two looks at AWS without any change here: 60 to 86400, spread by some jitter.
    /// Default: the class's, else the operator's flag, 1800.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = (
        "self >= 60 && self <= 86400",
        "resyncPeriodSeconds is 60 to 86400 (a day); to have the pool looked at now, set the \
         annotation cognito-identity.dev/reconcile-at instead"
    ))]
    pub resync_period_seconds: Option<i32>,

    /// Tells applications what they need to know of the pool: id, ARN, region, roles, providers, and
    /// the trust policies that its roles need, in a ConfigMap for envFrom. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<Export>,
}

/// A Cognito user pool, and the app client through which its users sign in.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("has(self.providerName) != has(self.providerNameFrom)").message(
        "an entry names its user pool once: write providerName, or take it from elsewhere by \
         providerNameFrom"
    ),
    validation = Rule::new("has(self.clientId) != has(self.clientIdFrom)").message(
        "an entry names its app client once: write clientId, or take it from elsewhere by \
         clientIdFrom"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct CognitoIdentityProvider {
    /// A name of your choice by which roleMappings and principalTagAttributeMaps point here, 1 to 63
    /// characters, no other entry's. AWS does not see it. Default: none. Example: staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    #[x_kube(validation = (
        "size(self) >= 1",
        "the name of an entry has 1 to 63 characters; leave it out where nothing points at the entry"
    ))]
    pub name: Option<String>,

    /// The user pool, without https://: cognito-idp.<region>.amazonaws.com/<user pool id>, at most
    /// 128 characters. Example: cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    #[x_kube(
        validation = (
            "!self.startsWith('http://') && !self.startsWith('https://')",
            "providerName is written without https://; take the prefix away"
        ),
        // The suffixes are the DNS names of AWS's partitions.
        validation = (
            r"self.startsWith('http') || self.matches('^cognito-idp\\.[a-z]{2,8}(-[a-z]{2,16}){1,3}-[0-9]{1,2}\\.(amazonaws\\.com|amazonaws\\.com\\.cn|amazonaws\\.eu|c2s\\.ic\\.gov|sc2s\\.sgov\\.gov|cloud\\.adc-e\\.uk|csp\\.hci\\.ic\\.gov)/[a-z0-9-]+_[A-Za-z0-9]+$')",
            "a user pool is named cognito-idp.<region>.amazonaws.com/<user pool id>, such as \
             cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123"
        ),
        validation = (
            "!self.matches('^cognito-idp[.].+/.+_') \
             || self.split('/')[1].startsWith(self.split('.')[1] + '_')",
            "the region before the _ of the user pool id is not the one after cognito-idp.; \
             write both as they stand in the user pool's own ARN"
        )
    )]
    pub provider_name: Option<String>,

    /// Where providerName comes from, instead of writing it there. The bare id of a user pool, such as
    /// eu-west-1_AbCdEf123, is completed. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_name_from: Option<ValueSource>,

    /// Id of the app client in that user pool: 1 to 128 characters (letters, digits and _).
    /// Example: 3n4b5urk1ft4fl3mg5e62d9ado.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    #[x_kube(validation = (
        "self.matches('^[A-Za-z0-9_]+$')",
        "an app client id has letters A-Z a-z, digits and _ only, at least one; \
         copy the id of the app client, not its name"
    ))]
    pub client_id: Option<String>,

    /// Where clientId comes from, instead of writing it there. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id_from: Option<ValueSource>,

    /// Whether AWS asks the user pool, at every exchange of a token, if the user is still signed in
    /// there and not disabled. AWS's default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_side_token_check: Option<bool>,
}

/// Whether the operator acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ManagementPolicy {
    /// The operator keeps the pool equal to the spec.
    #[default]
    Manage,
    /// It looks, and shows what it would do.
    Plan,
    /// Hands off: nothing is changed in AWS, and a deletion waits unless the pool is retained.
    Suspend,
}

/// What happens to changes that others make in AWS.
///
/// No schema default: a class has its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undocumented)]
pub enum DriftPolicy {
    /// They are undone.
    #[default]
    Correct,
    /// They are shown, and the object is not Ready.
    Report,
}

/// What becomes of the pool when the object is deleted.
///
/// No schema default: what is in effect when the field is left out depends on more than the
/// schema knows, so it stands in status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undocumented)]
pub enum DeletionPolicy {
    /// It is deleted unless it has issued identities; then the object stays.
    DeleteIfEmpty,
    /// It is deleted, with all its identities.
    Delete,
    /// It stays in AWS.
    Retain,
}

/// What happens when the pool was deleted in AWS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum OnExternalDeletion {
    /// The object says so and waits.
    #[default]
    Block,
    /// A new pool, with a new id, is made.
    Recreate,
}
