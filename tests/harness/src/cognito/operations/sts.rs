//! STS, on the same port: who is calling.

use serde_json::json;

use super::{Answer, Turn};
use crate::cognito::error::caller_arn;

#[expect(clippy::unnecessary_wraps, reason = "a row of the operation table")]
pub(super) fn caller_identity(turn: &mut Turn<'_>) -> Answer {
    let account = &turn.scope.account;
    Ok(json!({
        "Arn": caller_arn(account),
        "UserId": "AROAFAKEFAKEFAKEFAKE0:fake",
        "Account": account,
    }))
}
