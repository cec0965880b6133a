//! Which answers with a good status are no answers.
//!
//! The SDK fills in what an answer lacks, so that any JSON with status 200, from a proxy on the
//! way perhaps, would pass for a pool without an id, an account without pools, a pool without
//! identities or roles. "There is none" has to be said; left unsaid, it is not known.

use crate::pool::call::{Answer, Failure, FailureKind, Operation};
use crate::pool::settings::PoolId;

/// A pool has an id, and it is the one that was asked for, if any was.
pub(super) fn about(
    operation: Operation,
    asked: Option<&PoolId>,
    answer: Answer,
) -> Result<Answer, Failure> {
    if let Answer::Pool(pool) = &answer {
        let asked = asked.unwrap_or(&pool.id);
        named(operation, asked, Some(pool.id.as_str()))?;
    }
    Ok(answer)
}

/// The answer names the pool that was asked for.
pub(super) fn named(
    operation: Operation,
    asked: &PoolId,
    named: Option<&str>,
) -> Result<(), Failure> {
    match named {
        Some(id) if !id.is_empty() && id == asked.as_str() => Ok(()),
        _ => {
            let message = "the answer is about no pool, or about another";
            Err(no_answer(operation, "NoPool", message))
        }
    }
}

/// The answer has the list that was asked for, even if nothing is in it.
pub(super) fn listed<T>(operation: Operation, list: Option<Vec<T>>) -> Result<Vec<T>, Failure> {
    list.ok_or_else(|| no_list(operation, "the list is no list"))
}

pub(super) fn no_list(operation: Operation, message: &str) -> Failure {
    no_answer(operation, "NoList", message)
}

/// What leaves open whether the call took effect, and says nothing of what there is.
fn no_answer(operation: Operation, code: &str, message: &str) -> Failure {
    Failure {
        operation,
        kind: FailureKind::Unanswered,
        code: code.to_owned(),
        message: message.to_owned(),
        request_id: None,
    }
}
