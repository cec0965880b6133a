//! Credentials of a role that is assumed for each object by name.
//!
//! The session says for which object a call is made: `CloudTrail` shows its name, and a policy in AWS
//! can ask for its tags. Sessions are kept for an hour and renewed before that; while AWS renews
//! none, one that is still good goes on.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::config::{Credentials, IdentityCache, ProvideCredentials};
use aws_sdk_sts::error::SdkError;
use aws_sdk_sts::operation::assume_role::{AssumeRoleError, AssumeRoleOutput};
use aws_sdk_sts::types::Tag;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;

use super::cognito::CREDENTIALS;
use super::error::failure;
use crate::api::names::OPERATOR;
use crate::pool::call::{Failure, Operation};

/// Longest name of a session (AWS: `AssumeRole`, `RoleSessionName`, 2 to 64).
const LONGEST_NAME: usize = 64;

/// Longest value of a session tag (AWS: `AssumeRole`, `Tags`, 256).
const LONGEST_VALUE: usize = 256;

/// A session is renewed when less than this is left of it.
const RENEWED_BEFORE: Duration = Duration::from_mins(5);

/// Sessions that are kept before those that have ended are thrown away. One has about 1 kB.
const KEPT: usize = 1024;

tokio::task_local! {
    static SUBJECT: Subject;
}

/// For which object calls are made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    namespace: String,
    name: String,
}

impl Subject {
    /// An object.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// Runs what makes calls for it.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        SUBJECT.scope(self, work).await
    }

    fn current() -> Option<Self> {
        SUBJECT.try_with(Clone::clone).ok()
    }
}

/// A role, and what its trust policy asks for.
#[derive(Clone, PartialEq, Eq)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// `sts:ExternalId`; not shown.
    pub external_id: Option<String>,
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arn)
    }
}

/// The sessions of one role.
#[derive(Debug)]
pub struct Sessions {
    sts: aws_sdk_sts::Client,
    role: Role,
    installation: String,
    kept: Mutex<HashMap<Option<Subject>, Credentials>>,
}

impl Sessions {
    /// Sessions that the credentials of `config` open.
    #[must_use]
    pub fn new(config: &SdkConfig, role: Role, installation: &str) -> Self {
        let timeouts = TimeoutConfig::builder()
            .operation_timeout(CREDENTIALS)
            .build();
        let settings = aws_sdk_sts::config::Builder::from(config)
            .retry_config(RetryConfig::disabled())
            .identity_cache(IdentityCache::lazy().load_timeout(CREDENTIALS).build())
            .timeout_config(timeouts)
            .build();
        Self {
            sts: aws_sdk_sts::Client::from_conf(settings),
            role,
            installation: installation.to_owned(),
            kept: Mutex::default(),
        }
    }

    /// Opens a session for nobody in particular, to see whether the role can be assumed.
    ///
    /// # Errors
    /// As AWS refuses it.
    pub async fn try_once(&self) -> Result<(), Failure> {
        let assumed = self.assume(None).await;
        let output = assumed.map_err(|error| failure(Operation::AssumeRole, &error))?;
        if let Some(credentials) = credentials(&output) {
            self.keep(None, credentials);
        }
        Ok(())
    }

    async fn assume(
        &self,
        subject: Option<&Subject>,
    ) -> Result<AssumeRoleOutput, SdkError<AssumeRoleError, HttpResponse>> {
        self.sts
            .assume_role()
            .role_arn(&self.role.arn)
            .role_session_name(session_name(subject))
            .set_external_id(self.role.external_id.clone())
            .set_tags(Some(tags(subject, &self.installation)))
            .send()
            .await
    }

    async fn provide(&self) -> Result<Credentials, CredentialsError> {
        let subject = Subject::current();
        let kept = self.kept(subject.as_ref());
        if let Some(fresh) = kept.as_ref().filter(|kept| is_fresh(kept)) {
            return Ok(fresh.clone());
        }
        let renewed = match self.assume(subject.as_ref()).await {
            Ok(output) => credentials(&output)
                .ok_or_else(|| CredentialsError::unhandled("STS gave no credentials")),
            Err(SdkError::TimeoutError(_)) => {
                Err(CredentialsError::provider_timed_out(CREDENTIALS))
            }
            Err(error) => Err(CredentialsError::provider_error(error)),
        };
        match (renewed, kept.filter(is_good)) {
            (Ok(renewed), _) => {
                self.keep(subject, renewed.clone());
                Ok(renewed)
            }
            (Err(_), Some(good)) => Ok(good),
            (Err(error), None) => Err(error),
        }
    }

    fn kept(&self, subject: Option<&Subject>) -> Option<Credentials> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&subject.cloned()).cloned()
    }

    fn keep(&self, subject: Option<Subject>, credentials: Credentials) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.retain(|_, old| is_good(old));
        }
        kept.insert(subject, credentials);
    }
}

/// How long credentials are good still; none that never end.
fn left(credentials: &Credentials) -> Option<Duration> {
    let expiry = credentials.expiry()?;
    Some(expiry.duration_since(SystemTime::now()).unwrap_or_default())
}

fn is_good(credentials: &Credentials) -> bool {
    left(credentials).is_none_or(|left| !left.is_zero())
}

fn is_fresh(credentials: &Credentials) -> bool {
    left(credentials).is_none_or(|left| left > RENEWED_BEFORE)
}

fn credentials(output: &AssumeRoleOutput) -> Option<Credentials> {
    let given = output.credentials()?;
    let expiry = SystemTime::try_from(*given.expiration()).ok()?;
    Some(Credentials::new(
        given.access_key_id(),
        given.secret_access_key(),
        Some(given.session_token().to_owned()),
        Some(expiry),
        "IdentityPoolClass",
    ))
}

/// `<namespace>-<name>`, cut. Names of Kubernetes have no character that AWS refuses.
fn session_name(subject: Option<&Subject>) -> String {
    let full = subject.map_or_else(
        || OPERATOR.to_owned(),
        |Subject { namespace, name }| format!("{namespace}-{name}"),
    );
    full.chars().take(LONGEST_NAME).collect()
}

fn tags(subject: Option<&Subject>, installation: &str) -> Vec<Tag> {
    let mut pairs = vec![("installation", installation)];
    if let Some(Subject { namespace, name }) = subject {
        pairs.extend([("namespace", namespace.as_str()), ("name", name.as_str())]);
    }
    let tag = |(key, value): (&str, &str)| {
        let value: String = value.chars().take(LONGEST_VALUE).collect();
        // Both are set, which is all that it asks for.
        Tag::builder().key(key).value(value).build().ok()
    };
    pairs.into_iter().filter_map(tag).collect()
}

/// Gives the SDK the sessions, by the object that a call is made for.
#[derive(Clone, Debug)]
pub(super) struct Provider(pub(super) std::sync::Arc<Sessions>);

impl ProvideCredentials for Provider {
    fn provide_credentials<'a>(
        &'a self,
    ) -> aws_credential_types::provider::future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        aws_credential_types::provider::future::ProvideCredentials::new(self.0.provide())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_bears_the_name_of_its_object_as_far_as_aws_takes_it() {
        let subject = |name: &str| Subject::new("web", name);
        assert_eq!(session_name(Some(&subject("shop"))), "web-shop");
        let long = session_name(Some(&subject(&"x".repeat(192))));
        assert_eq!(long.len(), LONGEST_NAME);
        assert_eq!(session_name(None), OPERATOR);
    }

    #[test]
    fn a_session_is_tagged_with_its_object_and_the_installation() {
        let tags = tags(Some(&Subject::new("web", "shop")), "cluster");
        let pairs: Vec<_> = tags.iter().map(|tag| (tag.key(), tag.value())).collect();
        assert_eq!(
            pairs,
            [
                ("installation", "cluster"),
                ("namespace", "web"),
                ("name", "shop")
            ]
        );
    }

    #[test]
    fn sessions_are_renewed_before_they_end_and_used_until_they_do() {
        let lasting = |seconds| {
            let expiry = SystemTime::now() + Duration::from_secs(seconds);
            Credentials::new("a", "b", None, Some(expiry), "test")
        };
        assert!(is_fresh(&lasting(3600)) && is_good(&lasting(3600)));
        assert!(!is_fresh(&lasting(60)) && is_good(&lasting(60)));
        assert!(!is_good(&lasting(0)));
    }

    #[test]
    fn the_external_id_is_not_shown() {
        let role = Role {
            arn: "arn:aws:iam::123456789012:role/x".into(),
            external_id: Some("canary".into()),
        };
        assert!(!format!("{role:?}").contains("canary"));
    }
}
