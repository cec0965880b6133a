//! Identities: just enough to tell an empty pool from a used one.
//!
//! `GetId` is the public call of applications. It is unsigned, so it finds
//! the pool by its id in whatever account it lives.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Turn, listing};
use crate::cognito::error::ApiError;
use crate::cognito::pools::Pool;

pub(super) fn get_id(turn: &mut Turn<'_>) -> Answer {
    let id = turn.text("IdentityPoolId").to_owned();
    let logins: Vec<String> = turn
        .object("Logins")
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let pool = turn.world.pools.find_mut(&id);
    let pool = pool.ok_or_else(|| ApiError::pool_not_found(&id))?;
    let guests = pool.wire.get("AllowUnauthenticatedIdentities");
    if logins.is_empty() && guests != Some(&Value::Bool(true)) {
        return Err(ApiError::new(
            "NotAuthorizedException",
            "Unauthenticated access is not supported for this identity pool.",
        ));
    }
    Ok(json!({"IdentityId": add(pool, &logins)}))
}

pub(super) fn list(turn: &mut Turn<'_>) -> Answer {
    let start = match turn.input.get("NextToken").and_then(Value::as_str) {
        Some(token) => token.parse().map_err(|_| listing::bad_token())?,
        None => 0,
    };
    let size = listing::page_size(turn);
    let pool = turn.pool()?;
    let page: Vec<&Value> = pool.identities.iter().skip(start).take(size).collect();
    let end = start.saturating_add(page.len());
    let mut answer = json!({"IdentityPoolId": pool.id(), "Identities": page});
    if end < pool.identities.len() {
        answer["NextToken"] = end.to_string().into();
    }
    Ok(answer)
}

/// Adds an identity to a pool and answers its id.
pub(in crate::cognito) fn add(pool: &mut Pool, logins: &[String]) -> String {
    let id = format!("{}:{}", pool.scope.region, Uuid::new_v4());
    let now = Timestamp::now().as_second();
    pool.identities.push(json!({
        "IdentityId": id,
        "Logins": logins,
        "CreationDate": now,
        "LastModifiedDate": now,
    }));
    id
}
