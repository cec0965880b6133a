//! Which spec fields a refusal of AWS is about.
//!
//! AWS names a parameter, another word for it, or nothing. What it names is looked up
//! by the names of the spec; where it names nothing, the fields are those that the call
//! would have set.

use std::collections::BTreeSet;

use super::call::{Failure, Operation};
use super::facts::Facts;
use super::next;
use super::settings::{
    self, DEVELOPER_PROVIDER_NAME, Desired, Hidden, IDENTITY_POOL_TAGS, Settings,
};

/// Names the fields in a sentence that ends with a space; nothing where there are none.
pub(super) fn about(facts: &Facts, failure: &Failure) -> String {
    let Some(desired) = facts.known_desired() else {
        return String::new();
    };
    let named = named_in(&failure.message);
    let fields = match failure.operation {
        Operation::SetIdentityPoolRoles => vec!["roles".to_owned(), "roleMappings".to_owned()],
        Operation::SetPrincipalTagAttributeMap => vec!["principalTagAttributeMaps".to_owned()],
        _ if named.is_empty() => set_by(facts, &desired),
        _ => named,
    };
    if fields.is_empty() {
        return String::new();
    }
    let fixed = failure.operation == Operation::CreateIdentityPool
        && fields.iter().any(|field| field == DEVELOPER_PROVIDER_NAME);
    let fields: Vec<String> = fields
        .into_iter()
        .map(|field| format!("spec.{field}"))
        .collect();
    let way_out = if fixed {
        "If it is developerProviderName, which cannot be edited, delete the object, which has no pool, \
         and apply it anew. "
    } else {
        ""
    };
    format!("Look at {}. {way_out}", fields.join(", "))
}

/// The fields whose AWS names stand in a sentence, whatever their case.
fn named_in(message: &str) -> Vec<String> {
    let message = message.to_lowercase();
    settings::names()
        .filter(|name| message.contains(&name.to_lowercase()))
        .map(str::to_owned)
        .collect()
}

/// The fields in which the pool, or the AWS default where there is none, differs from
/// what the spec asks for.
fn set_by(facts: &Facts, desired: &Desired) -> Vec<String> {
    let pool = next::located(facts);
    let none = Settings::default();
    let have = pool.map_or(&none, |pool| &pool.settings);
    let nothing = BTreeSet::new();
    let differ = settings::diff(&desired.settings, have, Hidden::alike(&nothing));
    let tags = !desired
        .tags
        .iter()
        .all(|(key, value)| pool.is_some_and(|pool| pool.tags.get(key) == Some(value)));
    let tags = tags.then(|| IDENTITY_POOL_TAGS.to_owned());
    differ
        .into_iter()
        .map(|entry| entry.field)
        .chain(tags)
        .collect()
}
