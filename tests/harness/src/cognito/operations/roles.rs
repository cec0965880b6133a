//! Roles, role mappings and principal tags of a pool.
//!
//! `SetIdentityPoolRoles` replaces both maps, whatever is left out of the
//! request. A principal tag map is kept per provider and cannot be deleted,
//! only set back to the defaults; one that was never set is "not found".

use serde_json::{Value, json};

use super::{Answer, Turn};
use crate::cognito::error::ApiError;
use crate::cognito::pools::Object;
use crate::cognito::semantics;

pub(super) fn set(turn: &mut Turn<'_>) -> Answer {
    semantics::roles(&turn.world.settings, turn.pool()?, turn.input)?;
    let (mut roles, mappings) = (turn.object("Roles"), turn.object("RoleMappings"));
    let dropped = &turn.world.settings.dropped_roles;
    roles.retain(|_, role| role.as_str().is_none_or(|arn| !dropped.contains(arn)));
    let pool = turn.pool_mut()?;
    pool.roles = roles;
    pool.role_mappings = mappings;
    Ok(Value::Object(Object::new()))
}

pub(super) fn get(turn: &mut Turn<'_>) -> Answer {
    let pool = turn.pool()?;
    let mut answer = json!({"IdentityPoolId": pool.id()});
    if !pool.roles.is_empty() {
        answer["Roles"] = pool.roles.clone().into();
    }
    if !pool.role_mappings.is_empty() {
        answer["RoleMappings"] = pool.role_mappings.clone().into();
    }
    Ok(answer)
}

pub(super) fn set_principal_tags(turn: &mut Turn<'_>) -> Answer {
    let provider = turn.text("IdentityProviderName").to_owned();
    let defaults = turn.input.get("UseDefaults").and_then(Value::as_bool);
    let answer = json!({
        "IdentityPoolId": turn.text("IdentityPoolId"),
        "IdentityProviderName": provider,
        "UseDefaults": defaults.unwrap_or(false),
        "PrincipalTags": turn.object("PrincipalTags"),
    });
    let pool = turn.pool_mut()?;
    pool.principal_tags.insert(provider, answer.clone());
    Ok(answer)
}

pub(super) fn get_principal_tags(turn: &mut Turn<'_>) -> Answer {
    let provider = turn.text("IdentityProviderName");
    let found = turn.pool()?.principal_tags.get(provider).cloned();
    found.ok_or_else(|| {
        ApiError::new(
            "ResourceNotFoundException",
            format!("No Principal Tags configured for Provider {provider}"),
        )
    })
}
