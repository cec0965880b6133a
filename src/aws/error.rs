//! From the SDK's errors to ours: by error code, never by the SDK's variant.
//!
//! Many codes are not modelled and reach us as `Unhandled` with a code. What is
//! not certainly a refusal counts as unanswered: a create call that is wrongly
//! thought refused would be repeated, and make a second pool.

use std::error::Error as StdError;

use aws_config::imds::client::error::ImdsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use aws_types::request_id::RequestId;

use super::unsent::{PROVIDER_ERROR, unsent};
use crate::pool::call::{Failure, FailureKind, Operation};
use crate::telemetry::causes::{causes, joined};

/// Longest part of AWS's own sentence that is kept: a condition stays readable.
const MESSAGE_LIMIT: usize = 300;

/// Every code that is certainly a refusal. The first column is the service model,
/// the others are AWS's common errors and codes seen on the wire.
const REFUSALS: &[(&str, FailureKind)] = &[
    ("TooManyRequestsException", FailureKind::Throttled),
    ("ThrottlingException", FailureKind::Throttled),
    ("Throttling", FailureKind::Throttled),
    ("ThrottledException", FailureKind::Throttled),
    ("RequestLimitExceeded", FailureKind::Throttled),
    ("RequestThrottled", FailureKind::Throttled),
    ("RequestThrottledException", FailureKind::Throttled),
    ("SlowDown", FailureKind::Throttled),
    ("ResourceNotFoundException", FailureKind::NotFound),
    ("ConcurrentModificationException", FailureKind::Concurrent),
    ("InvalidParameterException", FailureKind::Invalid),
    ("ValidationException", FailureKind::Invalid),
    ("ValidationError", FailureKind::Invalid),
    ("SerializationException", FailureKind::Invalid),
    ("ResourceConflictException", FailureKind::Invalid),
    ("NotAuthorizedException", FailureKind::Denied),
    ("AccessDeniedException", FailureKind::Denied),
    ("AccessDenied", FailureKind::Denied),
    ("OptInRequired", FailureKind::Denied),
    ("LimitExceededException", FailureKind::Quota),
    ("ExpiredTokenException", FailureKind::Credentials),
    ("ExpiredToken", FailureKind::Credentials),
    ("UnrecognizedClientException", FailureKind::Credentials),
    ("InvalidClientTokenId", FailureKind::Credentials),
    (
        "MissingAuthenticationTokenException",
        FailureKind::Credentials,
    ),
    ("MissingAuthenticationToken", FailureKind::Credentials),
    ("IncompleteSignatureException", FailureKind::Credentials),
    ("IncompleteSignature", FailureKind::Credentials),
    ("SignatureDoesNotMatch", FailureKind::Credentials),
    ("InvalidSignatureException", FailureKind::Credentials),
    ("AuthFailure", FailureKind::Credentials),
    ("RequestExpired", FailureKind::SignatureTooOld),
    ("RequestTimeTooSkewed", FailureKind::SignatureTooOld),
    ("UnknownOperationException", FailureKind::Refused),
];

/// What became of a call that did not work.
pub(super) fn failure<E>(operation: Operation, error: &SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let request_id = error.request_id().map(str::to_owned);
    let (kind, code, message) = match error {
        SdkError::ServiceError(answer) => {
            let code = answer.err().code().unwrap_or_default();
            let message = answer.err().message().unwrap_or_default();
            let kind = refusal(code, message, answer.raw().status().as_u16());
            (
                kind,
                named(code, answer.raw().status().as_u16()),
                message.to_owned(),
            )
        }
        SdkError::TimeoutError(_) => (
            FailureKind::Unanswered,
            "Timeout".to_owned(),
            "no answer in time".to_owned(),
        ),
        SdkError::ResponseError(answer) => (
            FailureKind::Unanswered,
            named("", answer.raw().status().as_u16()),
            said(causes(error)),
        ),
        // No request could be made of the call.
        SdkError::ConstructionFailure(_) => (
            FailureKind::NotSent,
            "NotBuilt".to_owned(),
            said(causes(error)),
        ),
        _ => {
            let (kind, code, message) = unsent(error);
            (kind, code.to_owned(), message)
        }
    };
    Failure {
        operation,
        kind,
        code,
        message: cut(&message),
        request_id,
    }
}

/// A code that the table knows, in an answer of the kind that AWS gives to refusals.
fn refusal(code: &str, message: &str, status: u16) -> FailureKind {
    if !(400..500).contains(&status) {
        return FailureKind::Unanswered;
    }
    let known = REFUSALS.iter().find(|(known, _)| *known == code);
    match known {
        // AWS has one code for a wrong signature and for one of the wrong time.
        Some(_) if code == "InvalidSignatureException" && is_about_time(message) => {
            FailureKind::SignatureTooOld
        }
        Some((_, kind)) => *kind,
        None => FailureKind::Unanswered,
    }
}

fn is_about_time(message: &str) -> bool {
    ["expired", "not yet current"]
        .iter()
        .any(|word| message.contains(word))
}

fn named(code: &str, status: u16) -> String {
    if code.is_empty() {
        format!("HTTP {status}")
    } else {
        code.to_owned()
    }
}

/// Whether the credentials are beyond waiting for.
#[must_use]
pub fn is_hopeless(failure: &Failure) -> bool {
    failure.kind == FailureKind::Credentials && failure.code != PROVIDER_ERROR
}

/// Causes in one line. What the SDK would say in Rust's notation is put into words; what
/// AWS answered stands for all around it.
pub(super) fn said<'a>(
    causes: impl Iterator<Item = &'a (dyn StdError + 'static)> + Clone,
) -> String {
    let answer = causes
        .clone()
        .find_map(|cause| cause.downcast_ref::<ErrorMetadata>());
    match answer {
        Some(answer) => {
            let code = answer.code().unwrap_or("no error code");
            format!("{} ({code})", answer.message().unwrap_or_default())
        }
        None => joined(causes.map(words)),
    }
}

fn words(cause: &(dyn StdError + 'static)) -> String {
    match cause.downcast_ref() {
        Some(ImdsError::ErrorResponse(answer)) => {
            let status = answer.response().status().as_u16();
            format!("the instance metadata service answered HTTP {status}")
        }
        _ => cause.to_string(),
    }
}

/// The first paragraph in one line, cut. To a wrong signature AWS adds, after an empty
/// line, what it would have signed: all headers, the session token among them.
fn cut(message: &str) -> String {
    let first = message.split("\n\n").find(|part| !part.trim().is_empty());
    let words = first.unwrap_or_default().split_whitespace();
    let line = words.collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MESSAGE_LIMIT {
        return line;
    }
    line.chars().take(MESSAGE_LIMIT).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_codes_in_client_errors_are_refusals() {
        for (code, status, kind) in [
            ("TooManyRequestsException", 400, FailureKind::Throttled),
            ("LimitExceededException", 400, FailureKind::Quota),
            ("ResourceNotFoundException", 400, FailureKind::NotFound),
            ("SignatureDoesNotMatch", 403, FailureKind::Credentials),
            ("RequestTimeout", 408, FailureKind::Unanswered),
            ("SomethingNew", 400, FailureKind::Unanswered),
            ("", 403, FailureKind::Unanswered),
            ("InternalErrorException", 500, FailureKind::Unanswered),
            ("ThrottlingException", 503, FailureKind::Unanswered),
        ] {
            assert_eq!(refusal(code, "", status), kind, "{code} {status}");
        }
    }

    #[test]
    fn a_signature_of_the_wrong_time_is_told_from_a_wrong_one() {
        let late = "Signature expired: 20261124T100000Z is now earlier than 20261124T100500Z";
        assert_eq!(
            refusal("InvalidSignatureException", late, 400),
            FailureKind::SignatureTooOld
        );
        let early =
            "Signature not yet current: 20261124T101000Z is still later than 20261124T100500Z";
        assert_eq!(
            refusal("InvalidSignatureException", early, 400),
            FailureKind::SignatureTooOld
        );
        let wrong = "The request signature we calculated does not match";
        assert_eq!(
            refusal("InvalidSignatureException", wrong, 400),
            FailureKind::Credentials
        );
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let message = cut(&"ü".repeat(400));
        assert_eq!(message.chars().count(), MESSAGE_LIMIT + 1);
        assert!(message.ends_with('…'));
    }

    #[test]
    fn what_aws_would_have_signed_is_not_kept() {
        let message = "The signature does not match.\n\nThe Canonical String for this request \
                       should have been\n'POST\n/\n\nx-amz-security-token:secret\n'";
        assert_eq!(cut(message), "The signature does not match.");
    }
}
