//! STS, on the same port: who is calling, and as whom else it may call.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{Answer, Turn};
use crate::cognito::error::{ApiError, caller_arn};
use crate::cognito::sessions::{self, Asked, Session};

#[expect(clippy::unnecessary_wraps, reason = "a row of the operation table")]
pub(super) fn caller_identity(turn: &mut Turn<'_>) -> Answer {
    let account = &turn.scope.account;
    Ok(json!({
        "Arn": caller(turn),
        "UserId": "AROAFAKEFAKEFAKEFAKE0:fake",
        "Account": account,
    }))
}

fn caller(turn: &Turn<'_>) -> String {
    let session = turn.world.sessions.get(turn.access_key);
    session.map_or_else(|| caller_arn(&turn.scope.account), Session::arn)
}

pub(super) fn assume_role(turn: &mut Turn<'_>) -> Answer {
    let (arn, name) = (
        turn.text("RoleArn").to_owned(),
        turn.text("RoleSessionName").to_owned(),
    );
    named(&name)?;
    let tags = tags(turn);
    let caller = caller(turn);
    let external_id = turn.input.get("ExternalId").and_then(Value::as_str);
    let asked = Asked {
        role: &arn,
        caller_account: &turn.scope.account,
        caller: &caller,
        external_id,
        has_tags: !tags.is_empty(),
    };
    let settings = &turn.world.settings;
    let role = sessions::check(&settings.roles, &asked)?;
    let lasts = SignedDuration::try_from(role.lasts).unwrap_or(SignedDuration::MAX);
    let now = settings.aws_now();
    let expires = now.checked_add(lasts).unwrap_or(now);
    let session = Session {
        role: arn,
        name,
        tags,
        expires,
    };
    let assumed = session.arn();
    let access_key = turn.world.sessions.open(session);
    Ok(json!({
        "Credentials": {
            "AccessKeyId": access_key,
            "SecretAccessKey": "fake-secret-of-a-session",
            "SessionToken": "fake-token-of-a-session",
            "Expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        },
        "AssumedRoleUser": { "Arn": assumed, "AssumedRoleId": "AROAFAKE:fake" },
    }))
}

/// The pattern and length of the service model.
fn named(name: &str) -> Result<(), ApiError> {
    let fits = |char: char| char.is_ascii_alphanumeric() || "_+=,.@-".contains(char);
    if (2..=64).contains(&name.len()) && name.chars().all(fits) {
        return Ok(());
    }
    Err(ApiError::new(
        "ValidationError",
        format!(
            "1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy constraint"
        ),
    ))
}

/// `Tags.member.<n>.Key` and `.Value`.
fn tags(turn: &Turn<'_>) -> BTreeMap<String, String> {
    let numbers = 1..=50;
    let tag = |number| {
        let key = turn.text(&format!("Tags.member.{number}.Key"));
        let value = turn.text(&format!("Tags.member.{number}.Value"));
        (!key.is_empty()).then(|| (key.to_owned(), value.to_owned()))
    };
    numbers.filter_map(tag).collect()
}
