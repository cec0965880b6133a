//! Create, update, describe and delete a pool.
//!
//! `UpdateIdentityPool` replaces the whole pool: a member left out goes back
//! to its default, except the developer provider name and the tags, which
//! stay. `UpdateMode::Merge` keeps every member left out.

use std::time::Instant;

use serde_json::Value;
use uuid::Uuid;

use super::{Answer, Turn};
use crate::cognito::error::ApiError;
use crate::cognito::model::{self, Member};
use crate::cognito::pools::{Object, Pool};
use crate::cognito::semantics;
use crate::cognito::settings::UpdateMode;

/// Members of a pool that an update keeps when they are left out.
const KEPT: [&str; 2] = ["DeveloperProviderName", "IdentityPoolTags"];

pub(super) fn create(turn: &mut Turn<'_>) -> Answer {
    let world = &mut *turn.world;
    semantics::configuration(&world.settings, turn.input)?;
    if world.pools.count(turn.scope) >= world.settings.quota {
        return Err(ApiError::new(
            "LimitExceededException",
            format!(
                "Identity pool count exceeds the limit of {}",
                world.settings.quota
            ),
        ));
    }
    let id = format!("{}:{}", turn.scope.region, Uuid::new_v4());
    let mut wire = known(model::CREATE, turn.input);
    wire.insert("IdentityPoolId".to_owned(), id.into());
    let pool = Pool::new(turn.scope.clone(), wire);
    let answer = Value::Object(pool.wire.clone());
    world.pools.insert(pool);
    Ok(answer)
}

pub(super) fn update(turn: &mut Turn<'_>) -> Answer {
    let pool = turn.pool()?;
    semantics::configuration(&turn.world.settings, turn.input)?;
    semantics::developer_provider(pool, turn.input)?;

    let id = pool.id().to_owned();
    let given = known(model::UPDATE, turn.input);
    let mode = turn.world.settings.update_mode;
    turn.world.pools.edit(&id, |wire| {
        if mode == UpdateMode::Replace {
            wire.retain(|member, _| KEPT.contains(&member.as_str()));
        }
        wire.extend(given);
    });
    Ok(Value::Object(turn.pool()?.wire.clone()))
}

pub(super) fn describe(turn: &mut Turn<'_>) -> Answer {
    let pool = turn.pool()?;
    let lag = turn.world.settings.describe_lag;
    if Instant::now().duration_since(pool.made) < lag {
        return Err(ApiError::pool_not_found(pool.id()));
    }
    Ok(Value::Object(pool.wire.clone()))
}

pub(super) fn delete(turn: &mut Turn<'_>) -> Answer {
    let id = turn.pool()?.id().to_owned();
    turn.world.pools.remove(&id);
    Ok(Value::Object(Object::new()))
}

/// The part of an input that belongs to the pool.
fn known(members: &[Member], input: &Object) -> Object {
    members
        .iter()
        .filter_map(|member| Some((member.name.to_owned(), input.get(member.name)?.clone())))
        .filter(|(_, value)| !value.is_null())
        .collect()
}
