//! What a class allows: a list of small rules, each of which denies what it is not told to allow.
//!
//! They are asked twice. The resolved spec is judged before anything is sent, at every pass, so
//! that a person reads which field it is. And each call that changes something is judged once more
//! as it is about to be sent, whatever made it: roles that others set and that would be sent back
//! are in no spec.

use super::access::{Access, Mapping, Mappings, Roles, TagMaps};
use super::call::Call;
use super::class::{Class, Membership};
use super::facts::{Facts, Look};
use super::next::{Flow, hold};
use super::pattern::Patterns;
use super::settings::{Desired, Observed, Settings};
use crate::api::{Guardrails, ProviderGuardrails, Reason};

/// AWS's word for a mapping that takes roles from claims.
const TOKEN: &str = "Token";

/// Guardrails, with their patterns read.
#[derive(Clone, Debug, Default)]
pub(super) struct Fences {
    plain: Guardrails,
    roles: Patterns,
    user_pools: Patterns,
    open_id_connect: Patterns,
    saml: Patterns,
    social: Patterns,
    adoptable: Patterns,
}

impl Fences {
    /// Reads guardrails.
    ///
    /// # Errors
    /// The first pattern that cannot be read, in a sentence.
    pub(super) fn read(plain: Guardrails) -> Result<Self, String> {
        let ProviderGuardrails {
            user_pools,
            open_id_connect,
            saml,
            social,
        } = plain.providers.clone().unwrap_or_default();
        let adoption = plain.allow_adoption.clone().unwrap_or_default();
        Ok(Self {
            roles: Patterns::read("roleARNs", &plain.role_arns)?,
            user_pools: Patterns::read("providers.userPools", &user_pools)?,
            open_id_connect: Patterns::read("providers.openIdConnect", &open_id_connect)?,
            saml: Patterns::read("providers.saml", &saml)?,
            social: Patterns::read("providers.social", &social)?,
            adoptable: Patterns::read("allowAdoption.poolNames", &adoption.pool_names)?,
            plain,
        })
    }

    pub(super) fn most_pools(&self) -> Option<usize> {
        let most = self.plain.max_pools?;
        // The schema takes no number below 1.
        Some(usize::try_from(most).unwrap_or_default())
    }

    pub(super) const fn allows_deletion(&self) -> bool {
        self.plain.allow_deletion
    }
}

/// What a rule denies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Denial {
    /// The guardrail, as the class writes it.
    rule: &'static str,
    /// The field of the spec.
    field: String,
    /// What stands there, in the second half of a sentence.
    what: String,
}

impl Denial {
    fn new(rule: &'static str, field: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            rule,
            field: field.into(),
            what: what.into(),
        }
    }

    fn sentence(&self, class: &str) -> String {
        let Self { rule, field, what } = self;
        format!(
            "spec.{field} {what}, which class {class} does not allow (its guardrail {rule}). Nothing \
             is written. Change spec.{field}, or have the guardrail changed."
        )
    }
}

/// What is asked for: of a whole spec, or by one call.
#[derive(Clone, Copy, Default)]
struct Asked<'a> {
    settings: Option<&'a Settings>,
    roles: Option<&'a Roles>,
    mappings: Option<&'a Mappings>,
    principal_tags: Option<&'a TagMaps>,
}

type Rule = fn(&Class, Asked<'_>) -> Option<Denial>;

const RULES: &[Rule] = &[
    guests,
    classic_flow,
    developer_provider,
    user_pools,
    open_id_connect,
    saml,
    social,
    default_roles,
    token_mappings,
    mapped_roles,
    principal_tags,
];

fn first_denial(class: &Class, asked: Asked<'_>) -> Option<Denial> {
    RULES.iter().find_map(|rule| rule(class, asked))
}

fn guests(class: &Class, asked: Asked<'_>) -> Option<Denial> {
    let wanted = asked.settings?.allow_unauthenticated_identities;
    (wanted && !class.fences.plain.allow_unauthenticated).then(|| {
        Denial::new(
            "allowUnauthenticated",
            "allowUnauthenticatedIdentities",
            "is true",
        )
    })
}

fn classic_flow(class: &Class, asked: Asked<'_>) -> Option<Denial> {
    let wanted = asked.settings?.allow_classic_flow;
    (wanted && !class.fences.plain.allow_classic_flow)
        .then(|| Denial::new("allowClassicFlow", "allowClassicFlow", "is true"))
}

fn developer_provider(class: &Class, asked: Asked<'_>) -> Option<Denial> {
    let name = asked.settings?.developer_provider_name.as_ref()?;
    (!class.fences.plain.allow_developer_provider).then(|| {
        let what = format!("is {name:?}");
        Denial::new("allowDeveloperProvider", "developerProviderName", what)
    })
}

fn user_pools(class: &Class, asked: Asked<'_>) -> Option<Denial> {
    let patterns = &class.fences.user_pools;
    let clients = &asked.settings?.cognito_identity_providers;
    let denied = clients.iter().find(|client| {
        let name = &client.provider_name;
        !patterns.take(name) && !patterns.take(&format!("{name}:{}", client.client_id))
    })?;
    let what = format!(
        "has {} with client {}",
        denied.provider_name, denied.client_id
    );
    Some(Denial::new(
        "providers.userPools",
        "cognitoIdentityProviders",
        what,
    ))
}

fn open_id_connect(class: &Class, asked: Asked<'_>) -> Option<Denial> {
    let field = "openIdConnectProviderARNs";
    let (rule, patterns) = ("providers.openIdConnect", &class.fences.open_id_connect);
    let mut arns = asked.settings?.open_id_connect_provider_arns.iter();
    arns.find_map(|arn| arn_denied(class, patterns, rule, field, arn))
}

fn saml(class: &Class, asked: Asked<'_>) -> Option<Denial> {
    let (rule, patterns) = ("providers.saml", &class.fences.saml);
    let mut arns = asked.settings?.saml_provider_arns.iter();
    arns.find_map(|arn| arn_denied(class, patterns, rule, "samlProviderARNs", arn))
}

/// Says nothing of the application's id, which may be a secret.
fn social(class: &Class, asked: Asked<'_>) -> Option<Denial> {
    let patterns = &class.fences.social;
    let mut all = asked.settings?.supported_login_providers.iter();
    let (provider, _) = all.find(|(provider, id)| {
        let full = format!("{provider}:{}", (*id).clone().reveal());
        !patterns.take(provider) && !patterns.take(&full)
    })?;
    let what = format!("has {provider} with its application");
    Some(Denial::new(
        "providers.social",
        "supportedLoginProviders",
        what,
    ))
}

fn default_roles(class: &Class, asked: Asked<'_>) -> Option<Denial> {
    let mut roles = asked.roles?.iter();
    roles.find_map(|(name, arn)| role_denied(class, &format!("roles.{name}"), arn))
}

fn token_mappings(class: &Class, asked: Asked<'_>) -> Option<Denial> {
    if class.fences.plain.allow_token_role_mappings {
        return None;
    }
    let mut mappings = asked.mappings?.iter();
    let (provider, _) = mappings.find(|(_, mapping)| mapping.kind == TOKEN)?;
    let what = format!("has one of type {TOKEN} for {provider}");
    Some(Denial::new("allowTokenRoleMappings", "roleMappings", what))
}

fn mapped_roles(class: &Class, asked: Asked<'_>) -> Option<Denial> {
    let ruled = |(provider, mapping): (&String, &Mapping)| {
        let mut rules = mapping.rules.iter().enumerate();
        rules.find_map(|(index, rule)| {
            let field = format!("roleMappings[{provider}].rules[{index}].roleARN");
            role_denied(class, &field, &rule.role_arn)
        })
    };
    asked.mappings?.iter().find_map(ruled)
}

/// AWS's own map is no wish: there is no other way to take one away.
fn principal_tags(class: &Class, asked: Asked<'_>) -> Option<Denial> {
    if class.fences.plain.allow_principal_tags {
        return None;
    }
    let mut maps = asked.principal_tags?.iter();
    let (provider, _) = maps.find(|(_, map)| !map.principal_tags.is_empty())?;
    let what = format!("has a map for {provider}");
    Some(Denial::new(
        "allowPrincipalTags",
        "principalTagAttributeMaps",
        what,
    ))
}

fn role_denied(class: &Class, field: &str, arn: &str) -> Option<Denial> {
    arn_denied(class, &class.fences.roles, "roleARNs", field, arn)
}

/// An ARN has to match a pattern, and to be of an account that the class knows, however wide the
/// pattern is.
fn arn_denied(
    class: &Class,
    patterns: &Patterns,
    rule: &'static str,
    field: &str,
    arn: &str,
) -> Option<Denial> {
    if !patterns.take(arn) {
        return Some(Denial::new(rule, field, format!("is {arn}")));
    }
    let account = arn.split(':').nth(4).unwrap_or_default();
    let others = &class.fences.plain.other_accounts;
    let is_known = account == class.home.account_id || others.iter().any(|other| other == account);
    (!is_known).then(|| {
        let own = &class.home.account_id;
        let what = format!("is {arn}, of another account than {own}");
        Denial::new("otherAccounts", field, what)
    })
}

fn region(class: &Class, facts: &Facts) -> Option<Denial> {
    let asked = facts.region();
    let is_known = asked == class.home.region
        || class
            .fences
            .plain
            .regions
            .iter()
            .any(|other| other == asked);
    (!is_known).then(|| Denial::new("regions", "region", format!("is {asked}")))
}

fn number(class: &Class, siblings: usize) -> Option<Denial> {
    let most = class.fences.most_pools()?;
    (siblings >= most).then(|| {
        let what = format!("leads to more than {most} pools in this namespace");
        Denial::new("maxPools", "className", what)
    })
}

fn adoption(class: &Class, pool: &Observed) -> Option<Denial> {
    let name = &pool.settings.identity_pool_name;
    (!class.fences.adoptable.take(name)).then(|| {
        let what = format!("leads to pool {} of the name {name:?}", pool.id);
        Denial::new("allowAdoption", "adopt", what)
    })
}

fn deletion(class: &Class) -> Option<Denial> {
    (!class.fences.allows_deletion()).then(|| {
        let what = "is not Retain while the object is being deleted";
        Denial::new("allowDeletion", "deletionPolicy", what)
    })
}

impl<'a> Asked<'a> {
    fn of(desired: &'a Desired) -> Self {
        let Access {
            roles,
            mappings,
            principal_tags,
        } = &desired.access;
        Self {
            settings: Some(&desired.settings),
            roles: roles.as_ref(),
            mappings: mappings.as_ref(),
            principal_tags: principal_tags.as_ref(),
        }
    }
}

/// The class of the object, while a pass has one.
fn membership(facts: &Facts) -> Option<(&Class, bool, usize)> {
    match &facts.membership {
        Membership::Member {
            class,
            is_admitted,
            siblings,
        } => Some((class, *is_admitted, *siblings)),
        Membership::Unclassed | Membership::Barred(_) => None,
    }
}

/// Why the object may not be of its class at all.
fn not_admitted(facts: &Facts) -> Option<String> {
    let (class, is_admitted, _) = membership(facts)?;
    (!is_admitted).then(|| {
        format!(
            "Class {} does not take objects of this namespace (its allowedNamespaces). Nothing is \
             written. Choose another class, or have the namespace labelled so.",
            class.name
        )
    })
}

fn deny(facts: &Facts, denial: &Denial) -> (Reason, String) {
    let class = facts.membership.class();
    let name = class.map_or("", |class| class.name.as_str());
    (Reason::DeniedByClass, denial.sentence(name))
}

/// What the class denies of the spec, with values from elsewhere in place.
pub(super) fn denied(facts: &Facts) -> Option<(Reason, String)> {
    if let Some(sentence) = not_admitted(facts) {
        return Some((Reason::ClassNotAllowed, sentence));
    }
    let (class, ..) = membership(facts)?;
    let desired = facts.known_desired();
    let of_spec = || first_denial(class, Asked::of(desired.as_ref()?));
    region(class, facts)
        .or_else(of_spec)
        .map(|denial| deny(facts, &denial))
}

/// Whether the class allows a pool more in the namespace.
pub(super) fn one_more(facts: &Facts) -> Flow {
    let denial = membership(facts).and_then(|(class, _, siblings)| number(class, siblings));
    held(facts, denial)
}

/// Whether the class allows any pool to be taken over.
pub(super) fn some_adoption(facts: &Facts) -> Flow {
    let denied = membership(facts).filter(|(class, ..)| class.fences.adoptable.is_empty());
    held(
        facts,
        denied.map(|_| Denial::new("allowAdoption", "adopt", "names a pool")),
    )
}

/// Whether the class allows this pool to be taken over.
pub(super) fn this_adoption(facts: &Facts, pool: &Observed) -> Flow {
    let denial = membership(facts).and_then(|(class, ..)| adoption(class, pool));
    held(facts, denial)
}

/// Whether the class allows a pool to be deleted.
pub(super) fn some_deletion(facts: &Facts) -> Flow {
    if let Some(sentence) = not_admitted(facts) {
        let way_out = "Set spec.deletionPolicy to Retain to let go of the pool";
        return hold(Reason::ClassNotAllowed, format!("{sentence} {way_out}."));
    }
    held(
        facts,
        membership(facts).and_then(|(class, ..)| deletion(class)),
    )
}

fn held(facts: &Facts, denial: Option<Denial>) -> Flow {
    match denial {
        Some(denial) => {
            let (reason, sentence) = deny(facts, &denial);
            hold(reason, sentence)
        }
        None => Flow::Continue(()),
    }
}

/// What the class denies of a call that is about to be sent: the last fence, which nothing that
/// changes AWS gets past.
pub(super) fn forbidden(facts: &Facts, call: &Call) -> Option<(Reason, String)> {
    let (class, _, siblings) = membership(facts)?;
    if takes_everything_away(class, call) {
        return None;
    }
    if let Some(sentence) = not_admitted(facts) {
        return Some((Reason::ClassNotAllowed, sentence));
    }
    let settings = |settings| Asked {
        settings: Some(settings),
        ..Asked::default()
    };
    let denial = match call {
        Call::CreateIdentityPool { settings: all, .. } => number(class, siblings)
            .or_else(|| region(class, facts))
            .or_else(|| first_denial(class, settings(all))),
        Call::UpdateIdentityPool { settings: all, .. } => {
            region(class, facts).or_else(|| first_denial(class, settings(all)))
        }
        Call::SetIdentityPoolRoles { set, .. } => first_denial(
            class,
            Asked {
                roles: Some(&set.roles),
                mappings: Some(&set.mappings),
                ..Asked::default()
            },
        ),
        Call::SetPrincipalTagAttributeMap { provider, map, .. } => {
            let maps = TagMaps::from([(provider.clone(), map.clone())]);
            let asked = Asked {
                principal_tags: Some(&maps),
                ..Asked::default()
            };
            first_denial(class, asked)
        }
        Call::DeleteIdentityPool { .. } => deletion(class),
        Call::TagResource { id, .. } => match facts.look(id) {
            Some(Look::Found(pool, _)) if facts.is_ours(pool) => None,
            Some(Look::Found(pool, _)) => adoption(class, pool).or_else(|| number(class, siblings)),
            Some(Look::Gone) | None => None,
        },
        Call::UntagResource { .. }
        | Call::DescribeIdentityPool { .. }
        | Call::ListIdentityPools { .. }
        | Call::ListIdentities { .. }
        | Call::GetIdentityPoolRoles { .. }
        | Call::GetPrincipalTagAttributeMap { .. } => None,
    };
    denial.map(|denial| deny(facts, &denial))
}

/// The one call that a class may ask for where it allows nothing.
fn takes_everything_away(class: &Class, call: &Call) -> bool {
    let strips = class.on_revocation == crate::api::OnRevocation::StripRoles;
    match call {
        Call::SetIdentityPoolRoles { set, .. } => {
            strips && set.roles.is_empty() && set.mappings.is_empty()
        }
        _ => false,
    }
}
