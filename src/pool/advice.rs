//! Legal but doubtful: told in a condition of its own, never in the way of anything.

use super::facts::{Facts, Look};
use super::ownership::Owned;
use super::settings::{Desired, Observed, PoolId};
use super::{access, next, status};
use crate::api::condition::{self, ADVISORY};
use crate::api::{AmbiguousRoleResolution, IdentityPoolSpec, Reason};

/// What is doubtful, the gravest first.
pub(super) fn advice(facts: &Facts) -> Vec<(Reason, String)> {
    let second = second_pool(facts).map(|second| {
        let id = &second.id;
        (
            Reason::SecondPool,
            format!(
                "Pool {id} bears the owner tag of this object too. It is not used and not touched."
            ),
        )
    });
    let spec = facts.object.as_ref().map(|object| &object.spec);
    let doubts = spec.into_iter().flat_map(|spec| {
        let doubtful = DOUBTS.iter().filter(|(_, is_so, _)| is_so(spec));
        doubtful.map(|(reason, _, sentence)| (*reason, (*sentence).to_owned()))
    });
    second
        .into_iter()
        .chain(adoption_ignored(facts))
        .chain(left_alone(facts))
        .chain(doubts)
        .collect()
}

/// An object that has its pool takes no other, whatever its spec says later.
fn adoption_ignored(facts: &Facts) -> Option<(Reason, String)> {
    let own = &next::located(facts)?.id;
    let wanted = facts.adopt().identity_pool_id?;
    let sentence = format!(
        "spec.adopt.identityPoolId is {wanted}, but the object has pool {own} and keeps it."
    );
    (wanted != own.as_str()).then_some((Reason::AdoptionIgnored, sentence))
}

/// What a pool that was taken over had before and keeps. Where roles were not looked at in
/// this pass, what was said of them stands.
fn left_alone(facts: &Facts) -> Option<(Reason, String)> {
    let reason = Reason::SettingsLeftAlone;
    let looked = next::located(facts).filter(|pool| facts.roles.contains_key(&pool.id));
    let (Some(pool), Some(desired)) = (looked, facts.desired()) else {
        let status = facts.status();
        let said = condition::find(&status.conditions, ADVISORY)?;
        let (sentence, _) = said.message.split_once(LEFT_ALONE_ENDS)?;
        let begins = sentence.find(LEFT_ALONE_BEGINS)?;
        return Some((reason, format!("{}{LEFT_ALONE_ENDS}", &sentence[begins..])));
    };
    let left = kept(facts, pool, &desired);
    let told = facts.took_over() && !left.is_empty();
    let sentence = format!("{LEFT_ALONE_BEGINS}{}{LEFT_ALONE_ENDS}", left.join(", "));
    told.then_some((reason, sentence))
}

/// Names what a pool has that the spec neither asks for nor ever asked for.
fn kept(facts: &Facts, pool: &Observed, desired: &Desired) -> Vec<String> {
    let managed = status::managed(facts);
    let roles = facts.roles.get(&pool.id);
    let roles = roles.map(|(roles, _)| access::unmanaged(&desired.access, &managed, roles));
    let providers = access::providers(&desired.access, &managed);
    let maps = facts.principal_tags.iter();
    let maps = maps.filter(|((id, provider), map)| {
        *id == pool.id && !providers.contains(provider) && !access::is_default(map.as_ref())
    });
    let tags = pool.tags.keys().filter(|key| {
        let reserved = RESERVED.iter().any(|prefix| key.starts_with(prefix));
        !reserved && !desired.tags.contains_key(*key) && !managed.tag_keys.contains(*key)
    });
    let maps = maps.map(|((_, provider), _)| format!("principalTagAttributeMaps[{provider}]"));
    let tags = tags.map(|key| format!("identityPoolTags[{key}]"));
    roles
        .into_iter()
        .flatten()
        .chain(maps)
        .chain(tags)
        .collect()
}

/// Tags of the operator's own and of AWS.
const RESERVED: [&str; 2] = ["cognito-identity.dev/", "aws:"];

const LEFT_ALONE_BEGINS: &str = "The pool was taken over with what the spec does not manage: ";
const LEFT_ALONE_ENDS: &str = ". It stays as it is.";

/// A reason, when it holds, and what is said.
type Doubt = (Reason, fn(&IdentityPoolSpec) -> bool, &'static str);

const DOUBTS: &[Doubt] = &[
    (
        Reason::ClassicFlowWithGuests,
        |spec| spec.allow_classic_flow && spec.allow_unauthenticated_identities,
        "allowClassicFlow together with allowUnauthenticatedIdentities: guests can get credentials \
         that AWS does not scope down.",
    ),
    (
        Reason::GuestsWithoutRole,
        |spec| spec.allow_unauthenticated_identities && guest_role(spec) == Some(false),
        "allowUnauthenticatedIdentities is true, but roles.unauthenticated names no role: guests get \
         an identity and no credentials.",
    ),
    (
        Reason::GuestsWithoutRole,
        |spec| spec.allow_unauthenticated_identities && guest_role(spec).is_none(),
        "allowUnauthenticatedIdentities is true, but spec.roles is not given: unless something else \
         sets a role for them, guests get an identity and no credentials.",
    ),
    (
        Reason::RoleWithoutGuests,
        |spec| !spec.allow_unauthenticated_identities && guest_role(spec) == Some(true),
        "roles.unauthenticated names a role, but allowUnauthenticatedIdentities is false: nobody \
         gets it.",
    ),
    (
        Reason::AmbiguousRole,
        |spec| {
            let mut mappings = spec.role_mappings.iter().flatten();
            mappings.any(|mapping| {
                mapping.ambiguous_role_resolution == AmbiguousRoleResolution::AuthenticatedRole
            })
        },
        "A role mapping has ambiguousRoleResolution AuthenticatedRole: users whom it leads to no \
         role get the default one.",
    ),
    (
        Reason::NoTokenCheck,
        |spec| {
            let mut clients = spec.cognito_identity_providers.iter();
            clients.any(|client| client.server_side_token_check != Some(true))
        },
        "An entry of cognitoIdentityProviders has no serverSideTokenCheck: users who were signed out \
         or disabled get credentials until their token ends.",
    ),
];

/// Whether guests have a role; `None` where roles are not managed here.
fn guest_role(spec: &IdentityPoolSpec) -> Option<bool> {
    let roles = spec.roles.as_ref()?;
    Some(roles.unauthenticated.is_some() || roles.unauthenticated_from.is_some())
}

/// Another pool with our tag, as far as anybody has seen one.
fn second_pool(facts: &Facts) -> Option<&Owned> {
    let own = &next::located(facts)?.id;
    let gone = |id: &PoolId| matches!(facts.look(id), Some(Look::Gone));
    let found = facts.searches.last().map(|search| search.found.as_slice());
    let mut all = facts.known.iter().chain(found.unwrap_or_default());
    all.find(|owned| owned.id != *own && !gone(&owned.id))
}
