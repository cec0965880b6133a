//! Tags by resource ARN.
//!
//! There is one tag store: what is written here is what `DescribeIdentityPool`
//! shows. IAM grants tag calls on ARNs of the caller's own account and region;
//! anything else, the bare pool id included, is denied before it is looked up.

use serde_json::{Value, json};

use super::{Answer, Turn};
use crate::cognito::error::ApiError;
use crate::cognito::pools::{Object, Scope};
use crate::cognito::semantics;

const TAGS: &str = "IdentityPoolTags";

pub(super) fn tag(turn: &mut Turn<'_>) -> Answer {
    let id = tagged_pool(turn, "TagResource")?;
    let given = turn.object("Tags");
    let mut tags = stored(turn, &id);
    tags.extend(given);
    semantics::tags(&tags)?;
    store(turn, &id, tags);
    Ok(Value::Object(Object::new()))
}

pub(super) fn untag(turn: &mut Turn<'_>) -> Answer {
    let id = tagged_pool(turn, "UntagResource")?;
    let keys = turn.input.get("TagKeys").and_then(Value::as_array);
    let keys = keys.into_iter().flatten().filter_map(Value::as_str);
    let mut tags = stored(turn, &id);
    for key in keys {
        semantics::unreserved(key)?;
        tags.remove(key);
    }
    store(turn, &id, tags);
    Ok(Value::Object(Object::new()))
}

pub(super) fn list(turn: &mut Turn<'_>) -> Answer {
    let id = tagged_pool(turn, "ListTagsForResource")?;
    Ok(json!({"Tags": stored(turn, &id)}))
}

/// The pool id inside a pool's ARN, whatever account it is of.
pub(super) fn pool_id(arn: &str) -> Option<&str> {
    let fields: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, "cognito-identity", _, _, resource] = fields[..] else {
        return None;
    };
    resource.strip_prefix("identitypool/")
}

fn tagged_pool(turn: &Turn<'_>, operation: &str) -> Result<String, ApiError> {
    let arn = turn.text("ResourceArn");
    let account = &turn.scope.account;
    let denied = || ApiError::access_denied(account, &format!("cognito-identity:{operation}"), arn);
    let id = pool_id(arn).ok_or_else(denied)?;
    if arn != pool_arn(turn.scope, id) {
        return Err(denied());
    }
    let pool = turn.world.pools.get(turn.scope, id);
    let pool = pool.ok_or_else(|| ApiError::pool_not_found(id))?;
    Ok(pool.id().to_owned())
}

/// The ARN of a pool.
pub(super) fn pool_arn(scope: &Scope, id: &str) -> String {
    let Scope { account, region } = scope;
    let partition = match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        region if region.starts_with("eusc-") => "aws-eusc",
        _ => "aws",
    };
    format!("arn:{partition}:cognito-identity:{region}:{account}:identitypool/{id}")
}

fn stored(turn: &Turn<'_>, id: &str) -> Object {
    let pool = turn.world.pools.get(turn.scope, id);
    let tags = pool.and_then(|pool| pool.wire.get(TAGS)?.as_object().cloned());
    tags.unwrap_or_default()
}

fn store(turn: &mut Turn<'_>, id: &str, tags: Object) {
    turn.world
        .pools
        .edit(id, |wire| wire.insert(TAGS.to_owned(), tags.into()));
}
