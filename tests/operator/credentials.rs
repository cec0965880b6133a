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
    let config = Source::Good.config(&closed_port());
    let retries = aws_smithy_types::retry::RetryConfig::disabled();
    let settings = aws_sdk_sts::config::Builder::from(&config).retry_config(retries);
    let client = aws_sdk_sts::Client::from_conf(settings.build());
    client
        .get_caller_identity()
        .send()
        .await
        .expect_err("refused")
}

fn closed_port() -> String {
    let open = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = open.local_addr().expect("an address");
    format!("http://{address}")
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
        (closed_port(), "ConnectionRefused"),
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
