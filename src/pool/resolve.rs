//! The spec with values from other objects in place.
//!
//! `visit` is the only list of the places that take one. A value that arrives has to obey
//! the rules of a literal one, so the resolved object is checked against the installed
//! schema. What came out of a Secret is not shown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::sources::{Absence, Findings, Source};
use crate::api::{
    CognitoIdentityProvider, IdentityPool, IdentityPoolSpec, ValueSource, violations,
};

/// Sentences that fit into a condition one reads; the rest is counted.
const MAX_SENTENCES: usize = 8;

/// A spec with what was found in place. Does not show its values.
#[derive(Clone)]
pub(super) struct Resolved {
    /// The object as if everything stood in its spec. While something is missing, only what
    /// a pool can be made from, without roles, mappings and principal tags.
    pub(super) object: IdentityPool,
    /// Login providers whose values came out of Secrets, with what stands for the value.
    pub(super) secrets: BTreeMap<String, String>,
    /// What is missing, by field, in sentences.
    pub(super) missing: Vec<String>,
    /// What was found and is not of the form that its field takes, in sentences.
    pub(super) refused: Vec<String>,
}

/// Every source that a spec names; `None` where it takes no value from elsewhere.
#[must_use]
pub fn sources(spec: &IdentityPoolSpec) -> Option<BTreeSet<Source>> {
    let mut found = None;
    visit(&mut spec.clone(), &mut |_, source| {
        found.get_or_insert_with(BTreeSet::new).extend(source);
        None
    });
    found
}

/// Puts what was found into the spec.
pub(super) fn resolve(object: &IdentityPool, findings: &Findings) -> Resolved {
    let mut resolved = Resolved {
        object: IdentityPool {
            metadata: object.metadata.clone(),
            spec: object.spec.clone(),
            status: None,
        },
        secrets: BTreeMap::new(),
        missing: Vec::new(),
        refused: Vec::new(),
    };
    let mut used = Vec::new();
    let (secrets, missing) = (&mut resolved.secrets, &mut resolved.missing);
    visit(&mut resolved.object.spec, &mut |field, source| {
        let Some(source) = source else {
            missing.push(format!("spec.{field} names nothing that may be read."));
            return None;
        };
        match findings.get(&source) {
            Some(Ok(text)) => {
                if let (Some(version), Some(provider)) = (&text.version, field.login_provider()) {
                    secrets.insert(provider.to_owned(), version.clone());
                }
                used.push((field, source));
                Some(text.value.clone())
            }
            Some(Err(absence)) => {
                missing.push(waiting(&field, &source, absence));
                None
            }
            None => {
                missing.push(waiting(&field, &source, &Absence::NotFollowed));
                None
            }
        }
    });
    if !resolved.missing.is_empty() {
        let spec = &mut resolved.object.spec;
        // A pool is made without them anyway, and here their providers may be missing.
        spec.roles = None;
        spec.role_mappings = None;
        spec.principal_tag_attribute_maps = None;
    }
    resolved.refused = resolved.refusals(&used);
    resolved
}

/// A path of the spec without the places in lists.
fn without_places(path: &str) -> String {
    let mut parts = path.split('[');
    let first = parts.next().unwrap_or_default();
    let rest = parts.filter_map(|part| Some(part.split_once(']')?.1));
    std::iter::once(first).chain(rest).collect()
}

fn blame((place, source): &(Place, Source)) -> String {
    format!("{source} (spec.{place})")
}

fn waiting(place: &Place, source: &Source, absence: &Absence) -> String {
    format!("spec.{place} takes {source}, but {absence}.")
}

/// Some sentences as one.
pub(super) fn listed(sentences: &[String]) -> Option<String> {
    let shown = sentences.iter().take(MAX_SENTENCES);
    let text = shown.map(String::as_str).collect::<Vec<_>>().join(" ");
    match sentences.len().saturating_sub(MAX_SENTENCES) {
        0 => (!text.is_empty()).then_some(text),
        more => Some(format!("{text} {more} more are not listed.")),
    }
}

impl Resolved {
    /// Whether nothing is missing and nothing refused.
    pub(super) fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.refused.is_empty()
    }

    /// Which rules of the schema the resolved object breaks, and whose values these are.
    fn refusals(&self, used: &[(Place, Source)]) -> Vec<String> {
        // Entries that lack a value are left out, and those after them move up.
        let path = |path: &str| match self.missing.as_slice() {
            [] => path.to_owned(),
            _ => without_places(path),
        };
        let sentence = |violation: String| {
            let at = path(violation.split_once(": ").map_or("", |(at, _)| at));
            let of_place = |(place, _): &&(Place, Source)| {
                let target = path(&format!("spec.{}", place.target));
                at.starts_with(&target)
            };
            let mut blamed: Vec<String> = used.iter().filter(of_place).map(blame).collect();
            if blamed.is_empty() {
                blamed = used.iter().map(blame).collect();
            }
            format!("{violation}. It comes from {}.", blamed.join(", "))
        };
        let violations = violations(&self.object, None);
        violations.into_iter().map(sentence).collect()
    }
}

/// A place of the spec that takes a value from elsewhere.
#[derive(Clone, Debug)]
struct Place {
    /// The field that the value goes into, by its path.
    target: String,
    /// The field that names the source, by its path.
    from: String,
    /// The login provider, where it is one.
    provider: Option<String>,
}

impl Place {
    fn beside(target: String) -> Self {
        Self {
            from: format!("{target}From"),
            target,
            provider: None,
        }
    }

    fn login_provider(&self) -> Option<&str> {
        self.provider.as_deref()
    }
}

/// Who is asked for the value of a place.
type Ask<'a> = dyn FnMut(Place, Option<Source>) -> Option<String> + 'a;

/// Goes through every place that takes a value from elsewhere and puts the answers in.
/// Entries of lists that remain without a value are taken out.
fn visit(spec: &mut IdentityPoolSpec, ask: &mut Ask<'_>) {
    for (index, client) in spec.cognito_identity_providers.iter_mut().enumerate() {
        let at = format!("cognitoIdentityProviders[{index}]");
        let from = client.provider_name_from.take();
        let is_taken = from.is_some();
        let name = &mut client.provider_name;
        fill(name, from, format!("{at}.providerName"), ask);
        if let Some(name) = name.as_mut().filter(|_| is_taken) {
            complete(name);
        }
        let (id, from) = (&mut client.client_id, client.client_id_from.take());
        fill(id, from, format!("{at}.clientId"), ask);
    }
    let is_whole = |client: &CognitoIdentityProvider| {
        client.provider_name.is_some() && client.client_id.is_some()
    };
    spec.cognito_identity_providers.retain(is_whole);
    login_providers(spec, ask);
    let (name, from) = (
        &mut spec.developer_provider_name,
        spec.developer_provider_name_from.take(),
    );
    fill(name, from, "developerProviderName".to_owned(), ask);
    let oidc = std::mem::take(&mut spec.open_id_connect_provider_arns_from);
    let arns = &mut spec.open_id_connect_provider_arns;
    extend(arns, &oidc, "openIdConnectProviderARNs", ask);
    let saml = std::mem::take(&mut spec.saml_provider_arns_from);
    extend(&mut spec.saml_provider_arns, &saml, "samlProviderARNs", ask);
    roles(spec, ask);
}

fn login_providers(spec: &mut IdentityPoolSpec, ask: &mut Ask<'_>) {
    for (provider, source) in std::mem::take(&mut spec.supported_login_providers_from) {
        let place = Place {
            target: "supportedLoginProviders".to_owned(),
            from: format!("supportedLoginProvidersFrom[{provider}]"),
            provider: Some(provider.clone()),
        };
        if let Some(value) = ask(place, Source::of_login_provider(&source)) {
            spec.supported_login_providers.insert(provider, value);
        }
    }
}

fn roles(spec: &mut IdentityPoolSpec, ask: &mut Ask<'_>) {
    if let Some(roles) = &mut spec.roles {
        let (role, from) = (&mut roles.authenticated, roles.authenticated_from.take());
        fill(role, from, "roles.authenticated".to_owned(), ask);
        let from = roles.unauthenticated_from.take();
        let role = &mut roles.unauthenticated;
        fill(role, from, "roles.unauthenticated".to_owned(), ask);
    }
    let mappings = spec.role_mappings.iter_mut().flatten();
    for (of, mapping) in mappings.enumerate() {
        for (index, rule) in mapping.rules.iter_mut().enumerate() {
            let target = format!("roleMappings[{of}].rules[{index}].roleARN");
            fill(&mut rule.role_arn, rule.role_arn_from.take(), target, ask);
        }
    }
}

/// Puts the value of a source in, where there is a source.
fn fill(field: &mut Option<String>, from: Option<ValueSource>, target: String, ask: &mut Ask<'_>) {
    if let Some(from) = from {
        *field = ask(Place::beside(target), Source::of_value(&from));
    }
}

/// Adds the values of some sources to a set; one that is there already stays once.
fn extend(set: &mut Vec<String>, from: &[ValueSource], field: &str, ask: &mut Ask<'_>) {
    for (index, source) in from.iter().enumerate() {
        let place = Place {
            target: field.to_owned(),
            from: format!("{field}From[{index}]"),
            provider: None,
        };
        let value = ask(place, Source::of_value(source));
        set.extend(value.filter(|value| !set.contains(value)));
    }
}

/// Where user pools of a region answer, by the beginning of its name (the DNS names of
/// AWS's partitions); all others under `amazonaws.com`.
const DOMAINS: [(&str, &str); 6] = [
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("us-isof-", "csp.hci.ic.gov"),
];

/// Makes the name of a provider from the bare id of a user pool, which is what other
/// controllers put into status.
fn complete(name: &mut String) {
    let Some((region, id)) = name.split_once('_') else {
        return;
    };
    let plain = |text: &str| {
        let mut chars = text.chars();
        !text.is_empty() && chars.all(|char| char.is_ascii_alphanumeric() || char == '-')
    };
    if !plain(region) || !plain(id) {
        return;
    }
    let of_region = DOMAINS.iter().find(|(start, _)| region.starts_with(start));
    let domain = of_region.map_or("amazonaws.com", |(_, domain)| domain);
    *name = format!("cognito-idp.{region}.{domain}/{name}");
}

impl fmt::Debug for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolved")
            .field("missing", &self.missing)
            .field("refused", &self.refused)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.from)
    }
}
