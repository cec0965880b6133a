//! Calls that never leave: no credentials to sign them with, no connection to send
//! them over. None of them may pass for a call that might have taken effect.

use std::future::pending;

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_credential_types::{Credentials, provider};
use harness::cognito::FakeCognito;
use identity_pool_operator::aws::cognito::CognitoClient;
use identity_pool_operator::aws::error::is_hopeless;
use identity_pool_operator::aws::identity::{CallerIdentity, caller_identity};
use identity_pool_operator::aws::port::Cognito;
use identity_pool_operator::pool::call::{Call, Failure, FailureKind};
use identity_pool_operator::pool::settings::{Settings, Tags};
use jiff::Timestamp;

use crate::rig::{ACCOUNT, REGION};
use crate::start::{NOBODY, metadata_service};

/// Where the credentials of a test come from.
#[derive(Clone, Copy, Debug)]
enum Source {
    Good,
    Missing,
    Misconfigured,
    Refusing,
    Slow,
    /// Asks a service that does not take connections.
    Unreachable,
    /// Reads a file that is not there.
    Unreadable,
    /// Needs another source first, which has none.
    Nested,
    Hanging,
}

impl ProvideCredentials for Source {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.provide())
    }
}

impl Source {
    async fn provide(self) -> provider::Result {
        match self {
            Self::Good => Ok(Credentials::new("AKIATEST", "secret", None, None, "test")),
            Self::Missing => Err(CredentialsError::not_loaded("nothing is set")),
            Self::Misconfigured => Err(CredentialsError::invalid_configuration("no such profile")),
            Self::Refusing => Err(CredentialsError::provider_error("may not be assumed")),
            Self::Slow => Err(CredentialsError::provider_timed_out(
                std::time::Duration::from_secs(1),
            )),
            Self::Unreachable => Err(CredentialsError::provider_error(unreachable_sts().await)),
            Self::Unreadable => Err(CredentialsError::provider_error(std::io::Error::from(
                std::io::ErrorKind::NotFound,
            ))),
            Self::Nested => Err(CredentialsError::provider_error(
                CredentialsError::not_loaded("nothing is set"),
            )),
            Self::Hanging => pending().await,
        }
    }

    fn config(self, endpoint: &str) -> aws_types::SdkConfig {
        aws_types::SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(aws_sdk_cognitoidentity::config::Region::new(REGION))
            .endpoint_url(endpoint)
            .credentials_provider(SharedCredentialsProvider::new(self))
            .build()
    }
}

/// What a provider gets that itself asks AWS.
async fn unreachable_sts() -> impl std::error::Error + Send + Sync {
    let config = Source::Good.config(&format!("http://{NOBODY}"));
    let retries = aws_smithy_types::retry::RetryConfig::disabled();
    let settings = aws_sdk_sts::config::Builder::from(&config).retry_config(retries);
    let client = aws_sdk_sts::Client::from_conf(settings.build());
    client
        .get_caller_identity()
        .send()
        .await
        .expect_err("refused")
}

async fn create(config: &aws_types::SdkConfig) -> Failure {
    let caller = CallerIdentity {
        account_id: ACCOUNT.to_owned(),
        arn: String::new(),
        partition: "aws".to_owned(),
        clock_offset: None,
    };
    let call = Call::CreateIdentityPool {
        settings: Settings::default(),
        tags: Tags::new(),
        signed_at: Timestamp::now(),
    };
    let client = CognitoClient::new(config, REGION, &caller);
    client.call(call).await.expect_err("it cannot be sent")
}

#[tokio::test]
async fn without_credentials_nothing_is_sent_and_start_up_knows_whether_to_wait() {
    let table = [
        (
            Source::Missing,
            FailureKind::Credentials,
            "CredentialsNotLoaded",
            true,
        ),
        (
            Source::Misconfigured,
            FailureKind::Credentials,
            "InvalidConfiguration",
            true,
        ),
        (
            Source::Refusing,
            FailureKind::Credentials,
            "ProviderError",
            false,
        ),
        (
            Source::Slow,
            FailureKind::NotSent,
            "CredentialsTimeout",
            false,
        ),
        (
            Source::Unreachable,
            FailureKind::NotSent,
            "CredentialsUnreachable",
            false,
        ),
        (
            Source::Unreadable,
            FailureKind::Credentials,
            "CredentialsUnreadable",
            true,
        ),
        (
            Source::Nested,
            FailureKind::Credentials,
            "CredentialsNotLoaded",
            true,
        ),
        (
            Source::Hanging,
            FailureKind::NotSent,
            "CredentialsTimeout",
            false,
        ),
    ];
    let fake = FakeCognito::start().await;
    let endpoint = fake.endpoint();
    for (source, kind, code, hopeless) in table {
        let config = source.config(&endpoint);
        let (made, asked) = tokio::join!(create(&config), caller_identity(&config));
        for failure in [made, asked.expect_err("nobody can be asked")] {
            let seen = (failure.kind, failure.code.as_str());
            assert_eq!(seen, (kind, code), "{source:?}: {failure:?}");
            assert_eq!(is_hopeless(&failure), hopeless, "{source:?}");
        }
    }
    assert!(fake.calls().is_empty());
}

#[tokio::test]
async fn without_a_connection_nothing_is_sent() {
    let fake = FakeCognito::start().await;
    let no_tls = fake.endpoint().replace("http:", "https:");
    let table = [
        (format!("http://{NOBODY}"), "ConnectionRefused"),
        ("http://no-such-host.invalid".to_owned(), "NameNotResolved"),
        (no_tls, "NotConnected"),
    ];
    for (endpoint, code) in table {
        let failure = create(&Source::Good.config(&endpoint)).await;
        let seen = (failure.kind, failure.code.as_str());
        assert_eq!(seen, (FailureKind::NotSent, code), "{failure:?}");
    }
    assert!(fake.calls().is_empty());
}

#[tokio::test]
async fn credentials_that_aws_refuses_are_beyond_waiting_for() {
    use harness::cognito::{Fault, FaultKind};
    let fake = FakeCognito::start().await;
    fake.inject(Fault::on(
        "GetCallerIdentity",
        FaultKind::ErrorBefore {
            status: 403,
            code: "InvalidClientTokenId".to_owned(),
        },
    ));
    let config = Source::Good.config(&fake.endpoint());
    let failure = caller_identity(&config).await.expect_err("refused");
    assert_eq!(failure.kind, FailureKind::Credentials, "{failure:?}");
    assert!(is_hopeless(&failure));
}

#[tokio::test]
async fn an_instance_that_gives_no_credentials_is_told_from_one_in_trouble() {
    use aws_config::imds::{Client, credentials::ImdsCredentialsProvider};
    let token = "200 OK\r\nX-aws-ec2-metadata-token-ttl-seconds: 600";
    let (refused, trouble) = ("InstanceMetadataRefused", "ProviderError");
    let table = [
        ("403 Forbidden", "", refused, true),
        ("404 Not Found", "", refused, true),
        (token, "403 Forbidden", refused, true),
        (token, "404 Not Found", "CredentialsNotLoaded", true),
        (token, "503 Service Unavailable", trouble, false),
        ("503 Service Unavailable", "", trouble, false),
    ];
    for (token, role, code, hopeless) in table {
        let metadata = Client::builder().endpoint(metadata_service(token, role).await);
        let metadata = metadata.expect("a URL").max_attempts(1).build();
        let source = ImdsCredentialsProvider::builder().imds_client(metadata);
        let config = Source::Good
            .config(&format!("http://{NOBODY}"))
            .into_builder();
        let config = config.credentials_provider(SharedCredentialsProvider::new(source.build()));
        let failure = caller_identity(&config.build()).await;
        let failure = failure.expect_err("there are no credentials");
        let seen = (failure.code.as_str(), is_hopeless(&failure));
        assert_eq!(seen, (code, hopeless), "{failure:?}");
        assert!(!failure.message.contains('{'), "{}", failure.message);
    }
}
