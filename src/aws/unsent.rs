//! Calls that got no answer: did they leave this process?
//!
//! Only what certainly did not is said to be unsent: a create call that is wrongly
//! thought unsent would be repeated, and make a second pool. Before a request is
//! written there must be credentials to sign it with and a connection, so whatever
//! failed in getting these did not send it.

use std::error::Error as StdError;
use std::io;

use aws_config::imds::client::error::{ImdsError, TokenError};
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use hyper_util::client::legacy::Error as ClientError;

use super::error::said;
use crate::pool::call::FailureKind;
use crate::telemetry::causes::causes;

/// What the SDK's cache says, in a type of its own, when a provider takes too long.
const PROVIDER_HANGS: &str = "identity resolver timed out";

/// No source has any credentials.
pub(super) const NOT_LOADED: &str = "CredentialsNotLoaded";

/// A profile that contradicts itself.
pub(super) const MISCONFIGURED: &str = "InvalidConfiguration";

/// A file that the credentials come from cannot be read.
pub(super) const UNREADABLE: &str = "CredentialsUnreadable";

/// The last source that was asked is the instance, and it gives none.
pub(super) const NO_INSTANCE_ROLE: &str = "InstanceMetadataRefused";

/// The source of the credentials answered, but gave none: a role that may not be
/// assumed yet, for example.
pub(super) const PROVIDER_ERROR: &str = "ProviderError";

/// What is known of a call without an answer, a word for it, and a sentence.
pub(super) fn unsent(error: &(dyn StdError + 'static)) -> (FailureKind, &'static str, String) {
    // A source may itself need credentials, of a profile for example: the innermost fails.
    let credentials = causes(error).filter_map(|cause| cause.downcast_ref::<CredentialsError>());
    if let Some(credentials) = credentials.last() {
        let (kind, code) = without_credentials(credentials);
        return (kind, code, why(credentials));
    }
    let (kind, code) = causes(error)
        .find_map(not_sent)
        .map_or((FailureKind::Unanswered, "ConnectionLost"), |code| {
            (FailureKind::NotSent, code)
        });
    (kind, code, said(causes(error)))
}

/// What a cause has to do with getting credentials or a connection.
fn not_sent(cause: &(dyn StdError + 'static)) -> Option<&'static str> {
    if cause.to_string().contains(PROVIDER_HANGS) {
        return Some("CredentialsTimeout");
    }
    let client = cause.downcast_ref::<ClientError>();
    client
        .is_some_and(ClientError::is_connect)
        .then(|| without_connection(cause))
}

/// Credentials that are missing or wrong are a person's business, those that could
/// not be fetched in this moment are not.
fn without_credentials(error: &CredentialsError) -> (FailureKind, &'static str) {
    let imds = causes(error).find_map(|cause| cause.downcast_ref::<ImdsError>());
    match error {
        CredentialsError::CredentialsNotLoaded(_) => (FailureKind::Credentials, NOT_LOADED),
        CredentialsError::InvalidConfiguration(_) => (FailureKind::Credentials, MISCONFIGURED),
        CredentialsError::ProviderTimedOut(_) => (FailureKind::NotSent, "CredentialsTimeout"),
        _ if imds.is_some_and(is_final) => (FailureKind::Credentials, NO_INSTANCE_ROLE),
        error if causes(error).any(<dyn StdError>::is::<ConnectorError>) => {
            (FailureKind::NotSent, "CredentialsUnreachable")
        }
        error if causes(error).any(<dyn StdError>::is::<io::Error>) => {
            (FailureKind::Credentials, UNREADABLE)
        }
        _ => (FailureKind::Credentials, PROVIDER_ERROR),
    }
}

/// Whether the metadata service refuses, or nothing is there that could be one. Its
/// own trouble, an answer of the kind 500, passes.
fn is_final(error: &ImdsError) -> bool {
    let answer = match error {
        ImdsError::ErrorResponse(answer) => Some(answer.response()),
        ImdsError::FailedToLoadToken(_) => error
            .source()
            .and_then(|source| source.downcast_ref::<SdkError<TokenError, HttpResponse>>())
            .and_then(SdkError::raw_response),
        _ => return false,
    };
    answer.is_none_or(|answer| !answer.status().is_server_error())
}

/// The reason without the SDK's frame around it; of a search in every source that found
/// nothing, the SDK tells each step.
fn why(error: &CredentialsError) -> String {
    match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            "environment, profile, web identity, container and instance have none".to_owned()
        }
        error => said(causes(error).skip(1)),
    }
}

fn without_connection(error: &(dyn StdError + 'static)) -> &'static str {
    for cause in causes(error) {
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let text = cause.to_string();
        if io == Some(io::ErrorKind::ConnectionRefused) {
            return "ConnectionRefused";
        }
        if text.contains("dns error") {
            return "NameNotResolved";
        }
        if text.contains("HTTP connect timeout") {
            return "ConnectTimeout";
        }
    }
    "NotConnected"
}
