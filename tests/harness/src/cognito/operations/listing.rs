//! `ListIdentityPools`: ids and names, page by page, in no useful order.
//!
//! Each sweep shuffles by hashing ids with a seed of its own; the page token
//! is that seed and the last hash. So the fake remembers nothing between
//! pages, a pool that lives through the whole sweep is listed exactly once,
//! and one made or deleted meanwhile may or may not be.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Instant;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Turn};
use crate::cognito::error::ApiError;

/// Borrowed: a page shows sixty pools of the thousands that it ranks.
struct Entry<'a> {
    rank: u64,
    id: &'a str,
    name: &'a str,
}

pub(super) fn pools(turn: &mut Turn<'_>) -> Answer {
    let (seed, after) = match turn.input.get("NextToken").and_then(Value::as_str) {
        Some(token) => read_token(token)?,
        None => (Uuid::new_v4().as_u64_pair().0, None),
    };
    let size = page_size(turn);
    let mut entries = listed(turn, seed, after);
    let more = entries.len() > size;
    if more {
        entries.select_nth_unstable_by_key(size, |entry| entry.rank);
        entries.truncate(size);
    }
    entries.sort_unstable_by_key(|entry| entry.rank);

    let page: Vec<Value> = entries
        .iter()
        .map(|entry| json!({"IdentityPoolId": entry.id, "IdentityPoolName": entry.name}))
        .collect();
    let mut answer = json!({"IdentityPools": page});
    if let (true, Some(last)) = (more, entries.last()) {
        answer["NextToken"] = format!("{seed:x}.{:x}", last.rank).into();
    }
    Ok(answer)
}

pub(super) fn page_size(turn: &Turn<'_>) -> usize {
    let size = turn.input.get("MaxResults").and_then(Value::as_u64);
    size.and_then(|size| usize::try_from(size).ok())
        .unwrap_or(1)
}

pub(super) fn bad_token() -> ApiError {
    ApiError::invalid_parameter("Invalid NextToken")
}

/// What is left of the sweep: live pools and, while the list lags, pools that
/// are gone already and not those that are new.
fn listed<'a>(turn: &'a mut Turn<'_>, seed: u64, after: Option<u64>) -> Vec<Entry<'a>> {
    let lag = turn.world.settings.list_lag;
    let Some(horizon) = Instant::now().checked_sub(lag) else {
        return Vec::new();
    };
    turn.world.pools.forget_ghosts(horizon);
    let pools = &turn.world.pools;
    let ghosts = pools.ghosts(turn.scope);
    let ghosts = ghosts.map(|ghost| (ghost.made, ghost.id.as_str(), ghost.name.as_str()));
    let live = pools.in_scope(turn.scope);
    let live = live.map(|pool| (pool.made, pool.id(), pool.name()));
    live.chain(ghosts)
        .filter(|(made, ..)| *made <= horizon)
        .map(|(_, id, name)| Entry {
            rank: rank(seed, id),
            id,
            name,
        })
        .filter(|entry| after.is_none_or(|after| entry.rank > after))
        .collect()
}

fn rank(seed: u64, id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, id).hash(&mut hasher);
    hasher.finish()
}

fn read_token(token: &str) -> Result<(u64, Option<u64>), ApiError> {
    let (seed, last) = token.split_once('.').ok_or_else(bad_token)?;
    let number = |text| u64::from_str_radix(text, 16).map_err(|_| bad_token());
    Ok((number(seed)?, Some(number(last)?)))
}
