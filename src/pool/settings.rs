//! The configuration of one pool: what is desired, what AWS shows, how they differ.
//!
//! One list of fields, taken apart without `..`, so that a new field does not
//! compile until it is compared. Values are normal forms: AWS gives lists in any
//! order and leaves out what is empty, so sets stand for lists, and absent,
//! `false`, `""` and empty are one and the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::access::Access;
use super::sources::REDACTED;
use crate::api::{FieldDrift, IdentityPool, IdentityPoolSpec};

/// Tags of a pool: key to value.
pub type Tags = BTreeMap<String, String>;

/// AWS's limit for a pool name (`CreateIdentityPool`, 1..128).
const MAX_NAME: usize = 128;

/// The id that AWS gives a pool, `<region>:<uuid>`. Never made by us.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolId(String);

impl PoolId {
    /// Takes an id as AWS wrote it.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as AWS wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PoolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A user pool app client whose users the pool accepts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserPoolClient {
    /// `cognito-idp.<region>.amazonaws.com/<user pool id>`.
    pub provider_name: String,
    /// App client of that user pool.
    pub client_id: String,
    /// Whether the user pool is asked if the user is still signed in.
    pub server_side_token_check: bool,
}

/// The id of an application at a login provider. It may be a credential (Twitter's
/// `consumerKey;consumerSecret`), so it is not shown by `Debug`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct AppId(String);

impl AppId {
    /// Takes the id as it stands.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id, for the call that sends it.
    #[must_use]
    pub fn reveal(self) -> String {
        self.0
    }
}

impl fmt::Debug for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// Every parameter of a pool but its tags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Settings {
    /// `IdentityPoolName`.
    pub identity_pool_name: String,
    /// `AllowUnauthenticatedIdentities`.
    pub allow_unauthenticated_identities: bool,
    /// `AllowClassicFlow`.
    pub allow_classic_flow: bool,
    /// `SupportedLoginProviders`: provider to application id.
    pub supported_login_providers: BTreeMap<String, AppId>,
    /// `DeveloperProviderName`: can be set once, never changed or cleared.
    pub developer_provider_name: Option<String>,
    /// `OpenIdConnectProviderARNs`.
    pub open_id_connect_provider_arns: BTreeSet<String>,
    /// `SamlProviderARNs`.
    pub saml_provider_arns: BTreeSet<String>,
    /// `CognitoIdentityProviders`.
    pub cognito_identity_providers: BTreeSet<UserPoolClient>,
}

/// What the spec asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Desired {
    /// The pool's parameters.
    pub settings: Settings,
    /// The tags of the spec, without the owner's.
    pub tags: Tags,
    /// Roles, role mappings and principal tags.
    pub access: Access,
    /// Login providers whose values came out of Secrets, each with what stands for the value
    /// in the fingerprint.
    pub secrets: BTreeMap<String, String>,
}

/// A pool as AWS shows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Observed {
    /// Which pool.
    pub id: PoolId,
    /// The pool's parameters.
    pub settings: Settings,
    /// All tags, whoever set them.
    pub tags: Tags,
}

impl Desired {
    /// Reads what an object asks for in which all values stand themselves.
    #[must_use]
    pub fn of(object: &IdentityPool) -> Self {
        let IdentityPoolSpec {
            identity_pool_name,
            allow_unauthenticated_identities,
            allow_classic_flow,
            supported_login_providers,
            developer_provider_name,
            open_id_connect_provider_arns,
            saml_provider_arns,
            cognito_identity_providers,
            identity_pool_tags,
            // Kept by AWS apart from the pool.
            roles: _,
            role_mappings: _,
            principal_tag_attribute_maps: _,
            // Put in place before, see `resolve`.
            supported_login_providers_from: _,
            developer_provider_name_from: _,
            open_id_connect_provider_arns_from: _,
            saml_provider_arns_from: _,
            // How the operator goes about it, not what the pool is.
            class_name: _,
            region: _,
            management_policy: _,
            drift_policy: _,
            deletion_policy: _,
            on_external_deletion: _,
            adopt: _,
            resync_period_seconds: _,
            // Goes to the cluster, not to AWS.
            export: _,
        } = object.spec.clone();
        let settings = Settings {
            identity_pool_name: identity_pool_name.unwrap_or_else(|| default_name(object)),
            allow_unauthenticated_identities,
            allow_classic_flow,
            supported_login_providers: supported_login_providers
                .into_iter()
                .map(|(provider, id)| (provider, AppId(id)))
                .collect(),
            developer_provider_name: developer_provider_name.filter(|name| !name.is_empty()),
            open_id_connect_provider_arns: open_id_connect_provider_arns.into_iter().collect(),
            saml_provider_arns: saml_provider_arns.into_iter().collect(),
            cognito_identity_providers: cognito_identity_providers
                .into_iter()
                .map(|client| UserPoolClient {
                    provider_name: client.provider_name.unwrap_or_default(),
                    client_id: client.client_id.unwrap_or_default(),
                    server_side_token_check: client.server_side_token_check.unwrap_or(false),
                })
                .collect(),
        };
        Self {
            settings,
            tags: identity_pool_tags,
            access: Access::of(&object.spec),
            secrets: BTreeMap::new(),
        }
    }

    /// A stable fingerprint, to know after a restart whether this was made true before. It
    /// stands in status, where a short secret could be guessed from it: a value out of a
    /// Secret counts by the Secret's uid and version.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut settings = self.settings.clone();
        let versions = self.secrets.iter();
        let versions = versions.map(|(key, version)| (key.clone(), AppId(version.clone())));
        settings.supported_login_providers.extend(versions);
        let mut parts = vec![json!(fields(&settings)), json!(self.tags)];
        // Nothing where nothing is asked for, as before there was such a thing.
        parts.extend(self.access.fingerprint());
        hex(&json!(parts).to_string(), 16)
    }
}

/// The name of a pool whose spec names none: `<namespace>-<name>`, cut to AWS's
/// limit with a hash, so that two long names do not become one.
fn default_name(object: &IdentityPool) -> String {
    let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
    let name = object.metadata.name.as_deref().unwrap_or_default();
    let full = format!("{namespace}-{name}");
    if full.len() <= MAX_NAME {
        return full;
    }
    let hash = hex(&full, 4);
    // Kubernetes names are ASCII, so any byte is a boundary.
    format!("{}-{hash}", &full[..MAX_NAME - hash.len() - 1])
}

/// The first bytes of a text's SHA-256, in hexadecimal.
pub(super) fn hex(text: &str, bytes: usize) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest
        .iter()
        .take(bytes)
        .fold(String::new(), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

/// The fields by the names of the spec. The only list of them besides the type.
fn fields(settings: &Settings) -> Vec<(&'static str, Value)> {
    let Settings {
        identity_pool_name,
        allow_unauthenticated_identities,
        allow_classic_flow,
        supported_login_providers,
        developer_provider_name,
        open_id_connect_provider_arns,
        saml_provider_arns,
        cognito_identity_providers,
    } = settings;
    let clients: Vec<Value> = cognito_identity_providers
        .iter()
        .map(|client| {
            json!({
                "providerName": client.provider_name,
                "clientId": client.client_id,
                "serverSideTokenCheck": client.server_side_token_check,
            })
        })
        .collect();
    vec![
        ("identityPoolName", json!(identity_pool_name)),
        (
            "allowUnauthenticatedIdentities",
            json!(allow_unauthenticated_identities),
        ),
        ("allowClassicFlow", json!(allow_classic_flow)),
        ("supportedLoginProviders", json!(supported_login_providers)),
        (DEVELOPER_PROVIDER_NAME, json!(developer_provider_name)),
        (
            "openIdConnectProviderARNs",
            json!(open_id_connect_provider_arns),
        ),
        ("samlProviderARNs", json!(saml_provider_arns)),
        ("cognitoIdentityProviders", json!(clients)),
    ]
}

/// The names of all fields that are parameters of a pool, as the spec has them.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let settings = fields(&Settings::default()).into_iter();
    settings.map(|(name, _)| name).chain([IDENTITY_POOL_TAGS])
}

/// The spec field that AWS can set once and never change.
pub const DEVELOPER_PROVIDER_NAME: &str = "developerProviderName";
/// The spec field whose differences are those of the tags that it names.
pub const IDENTITY_POOL_TAGS: &str = "identityPoolTags";
/// Values that may be credentials (Twitter's `consumerKey;consumerSecret`).
const SECRET_FIELD: &str = "supportedLoginProviders";

/// Login providers whose values are not shown, on either side of a comparison.
#[derive(Clone, Copy, Debug)]
pub struct Hidden<'a> {
    /// Of what is asked for.
    pub desired: &'a BTreeSet<String>,
    /// Of what AWS has.
    pub observed: &'a BTreeSet<String>,
}

impl<'a> Hidden<'a> {
    /// The same on both sides.
    #[must_use]
    pub const fn alike(providers: &'a BTreeSet<String>) -> Self {
        Self {
            desired: providers,
            observed: providers,
        }
    }
}

/// The settings that differ, by spec field.
#[must_use]
pub fn diff(desired: &Settings, observed: &Settings, hidden: Hidden<'_>) -> Vec<FieldDrift> {
    fields(desired)
        .into_iter()
        .zip(fields(observed))
        .filter(|((_, want), (_, have))| want != have)
        .map(|((field, want), (_, have))| FieldDrift {
            field: field.to_owned(),
            desired: shown(field, &want, hidden.desired),
            actual: shown(field, &have, hidden.observed),
        })
        .collect()
}

/// The spec fields, tags among them, in which two looks at a pool differ.
#[must_use]
pub fn changed_fields(before: &Observed, after: &Observed) -> Vec<String> {
    let tags = (before.tags != after.tags).then(|| IDENTITY_POOL_TAGS.to_owned());
    let nothing = BTreeSet::new();
    let settings = diff(&before.settings, &after.settings, Hidden::alike(&nothing));
    settings
        .into_iter()
        .map(|entry| entry.field)
        .chain(tags)
        .collect()
}

/// JSON text of a value, without what may be secret in it.
fn shown(field: &str, value: &Value, secret: &BTreeSet<String>) -> String {
    match value {
        Value::Object(map) if field == SECRET_FIELD => {
            let redacted: BTreeMap<&str, Value> = map
                .iter()
                .map(|(key, value)| (key.as_str(), redact(value, secret.contains(key))))
                .collect();
            json!(redacted).to_string()
        }
        other => other.to_string(),
    }
}

/// Application ids are public; a `;` is how Twitter's key and secret are joined.
fn redact(value: &Value, is_secret: bool) -> Value {
    match value.as_str() {
        Some(text) if is_secret || text.contains(';') => json!(REDACTED),
        _ => value.clone(),
    }
}
