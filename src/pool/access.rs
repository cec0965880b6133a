//! Who gets which role and which session tags: the parts of a pool that AWS keeps apart
//! from it, in normal form.
//!
//! `SetIdentityPoolRoles` replaces roles and mappings together, so what the spec does not
//! manage is sent back as it was seen. A block that the object never gave is left alone, one
//! that it gave and took away is cleared. AWS's words are kept as text: what this version
//! does not know is carried through unchanged.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::settings::Settings;
use crate::api::{
    self, CognitoIdentityProvider, FieldDrift, IdentityPoolSpec, Managed, PrincipalTagAttributeMap,
};

/// AWS's names of the two default roles.
const AUTHENTICATED: &str = "authenticated";
const UNAUTHENTICATED: &str = "unauthenticated";

/// Default roles: AWS's name to role ARN.
pub type Roles = BTreeMap<String, String>;

/// Role mappings by AWS's key of the provider.
pub type Mappings = BTreeMap<String, Mapping>;

/// How the users of one provider get their roles.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mapping {
    /// `Type`.
    pub kind: String,
    /// `AmbiguousRoleResolution`; empty where AWS shows none.
    pub ambiguous_role_resolution: String,
    /// `RulesConfiguration`, in order: the first rule that matches counts.
    pub rules: Vec<Rule>,
}

/// One rule of a mapping.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the AWS member of its name")]
pub struct Rule {
    pub claim: String,
    pub match_type: String,
    pub value: String,
    pub role_arn: String,
}

/// What `SetIdentityPoolRoles` sets, all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RoleSet {
    /// `Roles`.
    pub roles: Roles,
    /// `RoleMappings`.
    pub mappings: Mappings,
}

/// What `SetPrincipalTagAttributeMap` sets for one provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TagMap {
    /// `UseDefaults`.
    pub use_defaults: bool,
    /// `PrincipalTags`.
    pub principal_tags: BTreeMap<String, String>,
}

/// Principal tag maps by AWS's name of the provider.
pub type TagMaps = BTreeMap<String, TagMap>;

/// What the spec asks for; `None` where it manages nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Access {
    /// Default roles.
    pub roles: Option<Roles>,
    /// Role mappings.
    pub mappings: Option<Mappings>,
    /// Principal tags.
    pub principal_tags: Option<TagMaps>,
}

/// Two entries of a spec that are for one provider in AWS, in a sentence: the names differ,
/// so that the schema cannot see it.
pub(super) fn clash(spec: &IdentityPoolSpec) -> Option<String> {
    let clients = &spec.cognito_identity_providers;
    let mappings = spec.role_mappings.iter().flatten();
    let maps = spec.principal_tag_attribute_maps.iter().flatten();
    let told = |field: &str, key: String| {
        format!(
            "Two entries of spec.{field} are for {key}, of which AWS keeps one only. Put them into one."
        )
    };
    twice(mappings.map(|mapping| mapping_key(clients, mapping)))
        .map(|key| told("roleMappings", key))
        .or_else(|| {
            let key = twice(maps.map(|map| tags_key(clients, map)))?;
            Some(told("principalTagAttributeMaps", key))
        })
}

fn twice(keys: impl Iterator<Item = String>) -> Option<String> {
    let mut seen = BTreeSet::new();
    let mut keys = keys;
    keys.find(|key| !seen.insert(key.clone()))
}

impl TagMap {
    /// AWS's own map, which there is no way to go back to but by setting it.
    fn aws_default() -> Self {
        Self {
            use_defaults: true,
            principal_tags: BTreeMap::new(),
        }
    }
}

impl Access {
    /// Reads what a spec asks for.
    #[must_use]
    pub fn of(spec: &IdentityPoolSpec) -> Self {
        let clients = &spec.cognito_identity_providers;
        let mapping = |mapping: &api::RoleMapping| (mapping_key(clients, mapping), wire(mapping));
        let tags = |map: &PrincipalTagAttributeMap| (tags_key(clients, map), tag_map(map));
        Self {
            roles: spec.roles.as_ref().map(roles),
            mappings: spec
                .role_mappings
                .as_ref()
                .map(|all| all.iter().map(mapping).collect()),
            principal_tags: spec
                .principal_tag_attribute_maps
                .as_ref()
                .map(|all| all.iter().map(tags).collect()),
        }
    }

    /// What the object will have set once this is true.
    #[must_use]
    pub fn managed(&self) -> Managed {
        let maps = self.principal_tags.iter().flatten();
        Managed {
            tag_keys: Vec::new(),
            secret_login_providers: Vec::new(),
            roles: self.roles.is_some(),
            role_mappings: self.mappings.is_some(),
            principal_tag_providers: maps.map(|(provider, _)| provider.clone()).collect(),
            config_maps: Vec::new(),
        }
    }

    /// JSON for a fingerprint; `None` where nothing is managed.
    pub(super) fn fingerprint(&self) -> Option<Value> {
        let Self {
            roles,
            mappings,
            principal_tags,
        } = self;
        let mappings = mappings.as_ref().map(|all| shown_all(all, shown_mapping));
        let tags = principal_tags
            .as_ref()
            .map(|all| shown_all(all, shown_tags));
        (*self != Self::default()).then(|| json!([roles, mappings, tags]))
    }
}

fn roles(roles: &api::Roles) -> Roles {
    let api::Roles {
        authenticated,
        unauthenticated,
        // Put in place before, see `resolve`.
        authenticated_from: _,
        unauthenticated_from: _,
    } = roles;
    let named = |name: &str, arn: &Option<String>| Some((name.to_owned(), arn.clone()?));
    named(AUTHENTICATED, authenticated)
        .into_iter()
        .chain(named(UNAUTHENTICATED, unauthenticated))
        .collect()
}

fn wire(mapping: &api::RoleMapping) -> Mapping {
    let rule = |rule: &api::MappingRule| Rule {
        claim: rule.claim.clone(),
        match_type: rule.match_type.as_str().to_owned(),
        value: rule.value.clone(),
        role_arn: of(rule.role_arn.as_ref()).to_owned(),
    };
    Mapping {
        kind: mapping.r#type.as_str().to_owned(),
        ambiguous_role_resolution: mapping.ambiguous_role_resolution.as_str().to_owned(),
        rules: mapping.rules.iter().map(rule).collect(),
    }
}

fn tag_map(map: &PrincipalTagAttributeMap) -> TagMap {
    TagMap {
        use_defaults: map.use_defaults.unwrap_or(false),
        principal_tags: map.principal_tags.clone(),
    }
}

/// AWS's key for a mapping: of a user pool entry `<providerName>:<clientId>`.
fn mapping_key(clients: &[CognitoIdentityProvider], mapping: &api::RoleMapping) -> String {
    let key = |client: &CognitoIdentityProvider| {
        format!(
            "{}:{}",
            of(client.provider_name.as_ref()),
            of(client.client_id.as_ref())
        )
    };
    by_name(clients, mapping.provider.as_deref(), key)
        .or_else(|| mapping.identity_provider.clone())
        .unwrap_or_default()
}

/// AWS's name for principal tags: of a user pool entry `<providerName>`.
fn tags_key(clients: &[CognitoIdentityProvider], map: &PrincipalTagAttributeMap) -> String {
    let name = |client: &CognitoIdentityProvider| of(client.provider_name.as_ref()).to_owned();
    by_name(clients, map.provider.as_deref(), name)
        .or_else(|| map.identity_provider_name.clone())
        .unwrap_or_default()
}

/// A value that the schema, or what was read from elsewhere, makes sure of.
fn of(value: Option<&String>) -> &str {
    value.map(String::as_str).unwrap_or_default()
}

fn by_name(
    clients: &[CognitoIdentityProvider],
    name: Option<&str>,
    key: impl Fn(&CognitoIdentityProvider) -> String,
) -> Option<String> {
    let name = name?;
    let entry = clients
        .iter()
        .find(|client| client.name.as_deref() == Some(name));
    // The schema refuses a name that is no entry's; AWS would refuse it too, by this word.
    Some(entry.map_or_else(|| name.to_owned(), key))
}

/// Whether roles have to be looked at.
pub(super) fn reads_roles(desired: &Access, managed: &Managed) -> bool {
    let asked = desired.roles.is_some() || desired.mappings.is_some();
    asked || managed.roles || managed.role_mappings
}

/// What a pool has and nobody here manages, by spec field; nothing where there is none.
pub(super) fn unmanaged(desired: &Access, managed: &Managed, observed: &RoleSet) -> Vec<String> {
    let RoleSet { roles, mappings } = observed;
    let roles = roles
        .iter()
        .map(|(name, role)| format!("roles.{name} ({role})"))
        .filter(|_| desired.roles.is_none() && !managed.roles);
    let mappings = mappings
        .keys()
        .map(|provider| format!("roleMappings[{provider}]"))
        .filter(|_| desired.mappings.is_none() && !managed.role_mappings);
    roles.chain(mappings).collect()
}

/// The providers whose principal tags have to be looked at.
pub(super) fn providers(desired: &Access, managed: &Managed) -> BTreeSet<String> {
    let asked = desired.principal_tags.iter().flatten();
    asked
        .map(|(provider, _)| provider.clone())
        .chain(managed.principal_tag_providers.iter().cloned())
        .collect()
}

/// The user pools of a pool. Of others AWS's docs do not say by which name they have principal tags.
pub(super) fn user_pools(settings: &Settings) -> impl Iterator<Item = String> {
    let clients = settings.cognito_identity_providers.iter();
    clients.map(|client| client.provider_name.clone())
}

/// How the settings of a pool change.
#[derive(Clone, Copy)]
pub(super) struct Change<'a> {
    pub(super) before: &'a Settings,
    pub(super) after: &'a Settings,
}

impl Change<'_> {
    /// Whether the pool loses a provider by it. One that it never had, or of a form that is
    /// not known here, is left for AWS to judge.
    fn removes(self, provider: &str) -> bool {
        is_configured(self.before, provider) && !is_configured(self.after, provider)
    }

    /// Whether somebody gets in who did not before, or by another way.
    fn lets_in(self) -> bool {
        let (before, after) = (self.before, self.after);
        let more = |one: bool, other: bool| !one && other;
        more(
            before.allow_unauthenticated_identities,
            after.allow_unauthenticated_identities,
        ) || more(before.allow_classic_flow, after.allow_classic_flow)
            || !after
                .cognito_identity_providers
                .is_subset(&before.cognito_identity_providers)
            || !after
                .saml_provider_arns
                .is_subset(&before.saml_provider_arns)
            || !after
                .open_id_connect_provider_arns
                .is_subset(&before.open_id_connect_provider_arns)
            || after
                .supported_login_providers
                .keys()
                .any(|key| !before.supported_login_providers.contains_key(key))
    }
}

/// Roles and mappings as they shall be, after a change of the pool.
pub(super) fn wanted_roles(
    desired: &Access,
    managed: &Managed,
    observed: &RoleSet,
    change: Change<'_>,
) -> RoleSet {
    let mut unmanaged = observed.mappings.clone();
    unmanaged.retain(|provider, _| !change.removes(provider));
    RoleSet {
        roles: block(
            desired.roles.as_ref(),
            managed.roles,
            observed.roles.clone(),
        ),
        mappings: block(desired.mappings.as_ref(), managed.role_mappings, unmanaged),
    }
}

fn block<T: Clone + Default>(desired: Option<&T>, managed: bool, observed: T) -> T {
    match desired {
        Some(desired) => desired.clone(),
        None if managed => T::default(),
        None => observed,
    }
}

/// What a pool can bear while its providers change: the roles as they shall be, and
/// mappings for providers that it has before and after.
pub(super) fn in_between(wanted: &RoleSet, observed: &RoleSet, change: Change<'_>) -> RoleSet {
    let mut set = wanted.clone();
    set.mappings.retain(|provider, _| {
        let there =
            is_configured(change.before, provider) || observed.mappings.contains_key(provider);
        there && !change.removes(provider)
    });
    set
}

/// Whether something has to go before the pool changes: a mapping before its provider, a
/// role before those come who would get it.
pub(super) fn goes_first(wanted: &RoleSet, observed: &RoleSet, change: Change<'_>) -> bool {
    let stray = observed
        .mappings
        .keys()
        .any(|provider| change.removes(provider));
    let mut roles = observed.roles.iter();
    stray
        || roles.any(|(name, role)| match wanted.roles.get(name) {
            None => true,
            Some(other) => other != role && change.lets_in(),
        })
}

/// Whether a provider with this key is seen to be among these settings.
fn is_configured(settings: &Settings, provider: &str) -> bool {
    if provider.starts_with("cognito-idp.") {
        let mut clients = settings.cognito_identity_providers.iter();
        return clients
            .any(|client| format!("{}:{}", client.provider_name, client.client_id) == provider);
    }
    if provider.starts_with("arn:") {
        return settings.open_id_connect_provider_arns.contains(provider)
            || settings.saml_provider_arns.contains(provider);
    }
    let of_issuer = |arn: &String| {
        arn.split_once("oidc-provider/")
            .is_some_and(|(_, issuer)| issuer == provider)
    };
    settings.supported_login_providers.contains_key(provider)
        || settings.developer_provider_name.as_deref() == Some(provider)
        || settings.open_id_connect_provider_arns.iter().any(of_issuer)
}

/// The principal tag maps that have to be set, and whether each is only to go back to
/// AWS's default.
pub(super) fn wanted_tags(desired: &Access, managed: &Managed) -> (TagMaps, TagMaps) {
    let asked = desired.principal_tags.clone().unwrap_or_default();
    let given_up = managed
        .principal_tag_providers
        .iter()
        .filter(|provider| !asked.contains_key(*provider))
        .map(|provider| (provider.clone(), TagMap::aws_default()))
        .collect();
    (asked, given_up)
}

/// Whether a map that is to go back to AWS's default is there. One that was never set
/// reads as none.
pub(super) fn is_default(observed: Option<&TagMap>) -> bool {
    observed.is_none_or(|map| map.use_defaults)
}

/// Whether a map is as it shall be. AWS's own map may read back with what it stands for.
pub(super) fn is_as(wanted: &TagMap, observed: Option<&TagMap>) -> bool {
    observed.is_some_and(|map| map == wanted || (map.use_defaults && wanted.use_defaults))
}

/// The spec fields in which two sets differ.
pub(super) fn role_drift(desired: &RoleSet, observed: &RoleSet) -> Vec<FieldDrift> {
    let roles = [AUTHENTICATED, UNAUTHENTICATED].map(|name| {
        let (want, have) = (desired.roles.get(name), observed.roles.get(name));
        drift(format!("roles.{name}"), &json!(want), &json!(have))
    });
    let providers: BTreeSet<&String> = desired
        .mappings
        .keys()
        .chain(observed.mappings.keys())
        .collect();
    let mappings = providers.into_iter().map(|provider| {
        let shown = |set: &RoleSet| json!(set.mappings.get(provider).map(shown_mapping));
        drift(
            format!("roleMappings[{provider}]"),
            &shown(desired),
            &shown(observed),
        )
    });
    roles.into_iter().chain(mappings).flatten().collect()
}

/// The roles that were asked for and are not shown, in a sentence of their own: AWS drops a
/// role that it does not accept without a word. Nothing where only other values differ.
pub(super) fn lost_roles(drift: &[FieldDrift]) -> String {
    let of_roles = drift.iter().filter(|entry| entry.field.starts_with("role"));
    let lost: BTreeSet<String> = of_roles
        .flat_map(|entry| {
            let have = arns(&entry.actual);
            arns(&entry.desired)
                .into_iter()
                .filter(move |arn| !have.contains(arn))
        })
        .collect();
    if lost.is_empty() {
        return String::new();
    }
    let lost: Vec<String> = lost.into_iter().collect();
    format!(
        " It does not show {}: see that the role exists in this account and is named rightly.",
        lost.join(", ")
    )
}

/// The role ARNs in one side of a drift, wherever they stand in it.
fn arns(shown: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![serde_json::from_str(shown).unwrap_or_default()];
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) if text.contains(":role/") => {
                found.insert(text);
            }
            Value::Array(items) => open.extend(items),
            Value::Object(fields) => open.extend(fields.into_values()),
            _ => {}
        }
    }
    found
}

/// The drift of one provider's principal tags.
pub(super) fn tag_drift(
    provider: &str,
    desired: &TagMap,
    observed: Option<&TagMap>,
) -> Option<FieldDrift> {
    let field = format!("principalTagAttributeMaps[{provider}]");
    drift(
        field,
        &shown_tags(desired),
        &json!(observed.map(shown_tags)),
    )
}

fn drift(field: String, desired: &Value, actual: &Value) -> Option<FieldDrift> {
    (desired != actual).then(|| FieldDrift {
        field,
        desired: desired.to_string(),
        actual: actual.to_string(),
    })
}

fn shown_all<T>(all: &BTreeMap<String, T>, shown: fn(&T) -> Value) -> Value {
    let shown = all.iter().map(|(key, value)| (key.clone(), shown(value)));
    Value::Object(shown.collect())
}

fn shown_mapping(mapping: &Mapping) -> Value {
    let Mapping {
        kind,
        ambiguous_role_resolution,
        rules,
    } = mapping;
    let rules: Vec<Value> = rules.iter().map(shown_rule).collect();
    json!({
        "type": kind,
        "ambiguousRoleResolution": ambiguous_role_resolution,
        "rules": rules,
    })
}

fn shown_rule(rule: &Rule) -> Value {
    let Rule {
        claim,
        match_type,
        value,
        role_arn,
    } = rule;
    json!({ "claim": claim, "matchType": match_type, "value": value, "roleARN": role_arn })
}

fn shown_tags(map: &TagMap) -> Value {
    let TagMap {
        use_defaults,
        principal_tags,
    } = map;
    json!({ "useDefaults": use_defaults, "principalTags": principal_tags })
}
