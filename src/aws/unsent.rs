//! Calls that got no answer: did they leave this process?
//!
//! Only what certainly did not is said to be unsent: a create call that is wrongly
//! thought unsent would be repeated, and make a second pool. Before a request is
//! written there must be credentials to sign it with and a connection, so whatever
//! failed in getting these did not send it.

use std::error::Error as StdError;
use std::io;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::result::ConnectorError;
use hyper_util::client::legacy::Error as ClientError;

use super::error::causes;
use crate::pool::call::FailureKind;

/// What the SDK's cache says, in a type of its own, when a provider takes too long.
const PROVIDER_HANGS: &str = "identity resolver timed out";

/// What is known of a call without an answer, and a word for it.
pub(super) fn unsent(error: &(dyn StdError + 'static)) -> (FailureKind, &'static str) {
    for cause in causes(error) {
        if let Some(credentials) = cause.downcast_ref::<CredentialsError>() {
            return without_credentials(credentials);
        }
        if cause.to_string().contains(PROVIDER_HANGS) {
            return (FailureKind::NotSent, "CredentialsTimeout");
        }
        let client = cause.downcast_ref::<ClientError>();
        if client.is_some_and(ClientError::is_connect) {
            return (FailureKind::NotSent, without_connection(cause));
        }
    }
    (FailureKind::Unanswered, "ConnectionLost")
}

/// Credentials that are missing or wrong are a person's business, those that could
/// not be fetched in this moment are not.
fn without_credentials(error: &CredentialsError) -> (FailureKind, &'static str) {
    match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            (FailureKind::Credentials, "CredentialsNotLoaded")
        }
        CredentialsError::InvalidConfiguration(_) => {
            (FailureKind::Credentials, "InvalidConfiguration")
        }
        CredentialsError::ProviderTimedOut(_) => (FailureKind::NotSent, "CredentialsTimeout"),
        error if causes(error).any(<dyn StdError>::is::<ConnectorError>) => {
            (FailureKind::NotSent, "CredentialsUnreachable")
        }
        _ => (FailureKind::Credentials, PROVIDER_ERROR),
    }
}

/// The source of the credentials answered, but gave none: a role that may not be
/// assumed yet, for example.
pub(super) const PROVIDER_ERROR: &str = "ProviderError";

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
