//! Who the operator is in AWS: credentials and account.

use std::sync::Arc;

use aws_config::BehaviorVersion;
use aws_credential_types::Credentials;
use aws_sdk_sts::config::IdentityCache;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use jiff::SignedDuration;

use super::clock::{Ahead, Listen};
use super::cognito::CREDENTIALS;
use super::error::failure;
use crate::pool::call::{Failure, FailureKind, Operation};

/// The identity behind the credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    /// Twelve digits.
    pub account_id: String,
    /// ARN of the user or assumed role.
    pub arn: String,
    /// Partition of that ARN: `aws`, `aws-cn`, `aws-us-gov`, `aws-eusc`.
    pub partition: String,
    /// How far AWS's clock was ahead of ours when it said so.
    pub clock_offset: Option<SignedDuration>,
}

/// Loads what the SDK finds: environment, profiles, web identity, Pod Identity, instance; these keys
/// instead of its own, where there are some.
pub async fn load_config(keys: Option<Credentials>) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(keys) = keys {
        loader = loader.credentials_provider(keys);
    }
    loader.load().await
}

/// Asks STS who we are, once. Needs no permission.
///
/// # Errors
/// [`FailureKind::Credentials`] where there are no usable credentials; other kinds
/// where AWS could not be asked.
pub async fn caller_identity(config: &SdkConfig) -> Result<CallerIdentity, Failure> {
    let deadline = std::time::Duration::from_secs(10);
    let ahead = Arc::new(Ahead::heard(None));
    let settings = aws_sdk_sts::config::Builder::from(config)
        .interceptor(Listen::new(Arc::clone(&ahead)))
        .retry_config(RetryConfig::disabled())
        .identity_cache(IdentityCache::lazy().load_timeout(CREDENTIALS).build())
        .timeout_config(TimeoutConfig::builder().operation_timeout(deadline).build())
        .build();
    let answer = aws_sdk_sts::Client::from_conf(settings)
        .get_caller_identity()
        .send()
        .await
        .map_err(|error| failure(Operation::GetCallerIdentity, &error))?;
    let account = answer.account().unwrap_or_default();
    let arn = answer.arn().unwrap_or_default();
    match arn.split(':').nth(1) {
        Some(partition) if !account.is_empty() => Ok(CallerIdentity {
            account_id: account.to_owned(),
            arn: arn.to_owned(),
            partition: partition.to_owned(),
            clock_offset: ahead.offset(),
        }),
        _ => Err(Failure {
            operation: Operation::GetCallerIdentity,
            kind: FailureKind::Unanswered,
            code: "Unreadable".to_owned(),
            message: "STS named no account or ARN".to_owned(),
            request_id: None,
        }),
    }
}
