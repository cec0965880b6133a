//! The errors of the API, as data: a code, an HTTP status and a sentence.
//!
//! AWS answers nearly every refusal with status 400 and tells them apart by
//! the code alone, so there is one struct and a constructor per code instead
//! of an enum: no part of the fake ever branches on its own errors.

use std::borrow::Cow;

/// A refusal as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub(super) struct ApiError {
    pub(super) status: u16,
    pub(super) code: Cow<'static, str>,
    pub(super) message: String,
}

impl ApiError {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self::with_status(400, code, message)
    }

    pub(super) fn with_status(
        status: u16,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
        }
    }

    /// A value is legal by itself but makes no sense here.
    pub(super) fn invalid_parameter(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterException", message)
    }

    /// A value breaks a length, a range or a pattern of the service model.
    pub(super) fn validation(violations: &[String]) -> Self {
        let plural = if violations.len() == 1 { "" } else { "s" };
        let message = format!(
            "{} validation error{plural} detected: {}",
            violations.len(),
            violations.join("; ")
        );
        Self::new("ValidationException", message)
    }

    /// The body is no JSON object or a member has another JSON type.
    pub(super) fn serialization(message: impl Into<String>) -> Self {
        Self::new("SerializationException", message)
    }

    pub(super) fn pool_not_found(id: &str) -> Self {
        Self::new(
            "ResourceNotFoundException",
            format!("IdentityPool '{id}' not found."),
        )
    }

    pub(super) fn access_denied(account: &str, action: &str, resource: &str) -> Self {
        let why = format!("because no identity-based policy allows the {action} action");
        Self::denied(account, action, resource, &why)
    }

    pub(super) fn explicitly_denied(account: &str, action: &str, resource: &str) -> Self {
        let why = "with an explicit deny in an identity-based policy";
        Self::denied(account, action, resource, why)
    }

    fn denied(account: &str, action: &str, resource: &str, why: &str) -> Self {
        let who = caller_arn(account);
        let message = format!(
            "User: {who} is not authorized to perform: {action} on resource: {resource} {why}"
        );
        Self::new("AccessDeniedException", message)
    }

    /// What Cognito says of a role that the caller may not pass, or that is none.
    pub(super) fn role_forbidden(role: &str) -> Self {
        Self::new(
            "NotAuthorizedException",
            format!("Access to Role '{role}' is forbidden."),
        )
    }

    pub(super) fn too_many_requests() -> Self {
        Self::new("TooManyRequestsException", "Rate exceeded")
    }
}

/// Whom the fake takes every caller of `account` to be.
pub(super) fn caller_arn(account: &str) -> String {
    format!("arn:aws:sts::{account}:assumed-role/identity-pool-operator/fake")
}
