//! The AWS adapter on the wire: one request per call, the right kind for every
//! failure, the signing time that was asked for.

use std::time::Duration;

use aws_sdk_cognitoidentity::config::Credentials;
use harness::cognito::{FakeCognito, Fault, FaultKind};
use identity_pool_operator::aws::cognito::CognitoClient;
use identity_pool_operator::aws::identity::{CallerIdentity, caller_identity};
use identity_pool_operator::aws::port::Cognito;
use identity_pool_operator::pool::call::{Answer, Call, FailureKind};
use identity_pool_operator::pool::settings::{
    AppId, Observed, PoolId, Settings, Tags, UserPoolClient,
};
use jiff::{SignedDuration, Timestamp};

use crate::rig::{ACCOUNT, REGION};

fn config(endpoint: &str, key: &str) -> aws_types::SdkConfig {
    let credentials = Credentials::new(key, "secret", None, None, "test");
    aws_types::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_sdk_cognitoidentity::config::Region::new(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(
            aws_sdk_cognitoidentity::config::SharedCredentialsProvider::new(credentials),
        )
        .build()
}

pub(crate) fn client(endpoint: &str) -> CognitoClient {
    let caller = CallerIdentity {
        account_id: ACCOUNT.to_owned(),
        arn: String::new(),
        partition: "aws".to_owned(),
        clock_offset: None,
    };
    CognitoClient::new(&config(endpoint, "AKIATEST"), REGION, &caller)
}

pub(crate) fn create(name: &str) -> Call {
    Call::CreateIdentityPool {
        settings: Settings {
            identity_pool_name: name.to_owned(),
            ..Settings::default()
        },
        tags: Tags::from([(
            "cognito-identity.dev/owner".to_owned(),
            format!("test/{name}"),
        )]),
        signed_at: Timestamp::now(),
    }
}

fn pool(answer: Answer) -> Observed {
    match answer {
        Answer::Pool(observed) => observed,
        other => panic!("no pool: {other:?}"),
    }
}

fn error(status: u16, code: &str) -> FaultKind {
    FaultKind::ErrorBefore {
        status,
        code: code.to_owned(),
    }
}

#[tokio::test]
async fn every_fault_has_its_kind_and_no_call_is_repeated() {
    let after = FaultKind::ErrorAfter {
        status: 500,
        code: "InternalErrorException".to_owned(),
    };
    let table = [
        (FaultKind::LoseReplyBeforeStatus, FailureKind::Unanswered),
        (FaultKind::LoseReplyAfterStatus, FailureKind::Unanswered),
        (FaultKind::CutBody, FailureKind::Unanswered),
        (FaultKind::ResetBefore, FailureKind::Unanswered),
        (after, FailureKind::Unanswered),
        (
            error(500, "InternalErrorException"),
            FailureKind::Unanswered,
        ),
        (error(503, ""), FailureKind::Unanswered),
        (error(504, ""), FailureKind::Unanswered),
        (error(400, "RequestTimeout"), FailureKind::Unanswered),
        (error(400, "NobodyKnowsException"), FailureKind::Unanswered),
        (FaultKind::Throttle, FailureKind::Throttled),
        (error(400, "ThrottlingException"), FailureKind::Throttled),
        (error(400, "LimitExceededException"), FailureKind::Quota),
        (error(400, "ValidationException"), FailureKind::Invalid),
        (
            error(400, "InvalidParameterException"),
            FailureKind::Invalid,
        ),
        (error(400, "NotAuthorizedException"), FailureKind::Denied),
        (error(400, "AccessDeniedException"), FailureKind::Denied),
        (
            error(400, "ExpiredTokenException"),
            FailureKind::Credentials,
        ),
        (
            error(403, "UnrecognizedClientException"),
            FailureKind::Credentials,
        ),
        (
            error(400, "ConcurrentModificationException"),
            FailureKind::Concurrent,
        ),
    ];
    let fake = FakeCognito::start().await;
    let client = client(&fake.endpoint());
    let made = pool(client.call(create("there")).await.expect("created"));
    for (kind, wanted) in table {
        for call in [
            create("new"),
            Call::DescribeIdentityPool {
                id: made.id.clone(),
            },
        ] {
            let operation = call.operation().as_str();
            fake.reset_journal();
            fake.inject(Fault::on(operation, kind.clone()));
            let failure = client.call(call).await.expect_err("it fails");
            assert_eq!(failure.kind, wanted, "{operation} {kind:?}: {failure:?}");
            assert_eq!(fake.calls().len(), 1, "{operation} {kind:?} was repeated");
            for pool in fake.pools() {
                let id = pool["IdentityPoolId"].as_str().unwrap_or_default();
                if id != made.id.as_str() {
                    fake.remove(id);
                }
            }
        }
    }
}

#[tokio::test]
async fn what_never_left_this_process_is_known_not_to_have() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = closed.local_addr().expect("an address");
    drop(closed);
    let failure = client(&format!("http://{address}"))
        .call(create("x"))
        .await
        .expect_err("refused");
    assert_eq!(
        (failure.kind, failure.code.as_str()),
        (FailureKind::NotSent, "ConnectionRefused")
    );
    let nowhere = client("http://no-such-host.invalid:80")
        .call(create("x"))
        .await;
    let failure = nowhere.expect_err("no such name");
    assert_eq!(failure.kind, FailureKind::NotSent, "{failure:?}");
}

#[tokio::test]
async fn a_silent_server_does_not_hang_a_call() {
    let fake = FakeCognito::start().await;
    fake.inject(Fault::on(
        "DescribeIdentityPool",
        FaultKind::DelayAfter(Duration::from_secs(60)),
    ));
    let begun = std::time::Instant::now();
    let id = PoolId::new("eu-west-1:00000000-0000-4000-8000-000000000001");
    let failure = client(&fake.endpoint())
        .call(Call::DescribeIdentityPool { id })
        .await;
    assert_eq!(failure.expect_err("late").kind, FailureKind::Unanswered);
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn the_signing_time_is_the_one_asked_for_even_after_a_skewed_answer() {
    let fake = FakeCognito::start().await;
    let client = client(&fake.endpoint());
    assert_eq!(client.clock_offset(), None);
    fake.configure(|settings| settings.date_offset = SignedDuration::from_mins(10));
    let list = Call::ListIdentityPools { next_token: None };
    let refused = client.call(list).await.expect_err("signed 10 minutes ago");
    assert_eq!(refused.kind, FailureKind::SignatureTooOld);
    let offset = client.clock_offset().expect("heard");
    assert!(
        (offset - SignedDuration::from_mins(10)).abs() < SignedDuration::from_secs(2),
        "{offset}"
    );
    fake.configure(|settings| settings.date_offset = SignedDuration::ZERO);
    let signed_at = Timestamp::now() - SignedDuration::from_secs(100);
    let call = match create("dated") {
        Call::CreateIdentityPool { settings, tags, .. } => Call::CreateIdentityPool {
            settings,
            tags,
            signed_at,
        },
        other => other,
    };
    client.call(call).await.expect("created");
    let sent = fake
        .calls()
        .pop()
        .expect("a call")
        .signed_at
        .expect("signed");
    assert_eq!(sent.as_second(), signed_at.as_second());
}

#[tokio::test]
async fn a_late_copy_is_refused_by_its_signature() {
    let fake = FakeCognito::start().await;
    let signed_at = Timestamp::now() - SignedDuration::from_secs(400);
    let id = PoolId::new("eu-west-1:00000000-0000-4000-8000-000000000001");
    let failure = client(&fake.endpoint())
        .call(Call::DeleteIdentityPool { id, signed_at })
        .await;
    assert_eq!(
        failure.expect_err("too old").kind,
        FailureKind::SignatureTooOld
    );
}

#[tokio::test]
async fn every_field_goes_there_and_comes_back_set_and_emptied() {
    let fake = FakeCognito::start().await;
    let client = client(&fake.endpoint());
    let full = Settings {
        identity_pool_name: "full".to_owned(),
        allow_unauthenticated_identities: true,
        allow_classic_flow: true,
        supported_login_providers: [("graph.facebook.com".to_owned(), AppId::new("1"))].into(),
        developer_provider_name: Some("login.example".to_owned()),
        open_id_connect_provider_arns: [
            "arn:aws:iam::123456789012:oidc-provider/a.example".to_owned()
        ]
        .into(),
        saml_provider_arns: ["arn:aws:iam::123456789012:saml-provider/corp".to_owned()].into(),
        cognito_identity_providers: [UserPoolClient {
            provider_name: "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Abc".to_owned(),
            client_id: "abc".to_owned(),
            server_side_token_check: true,
        }]
        .into(),
    };
    let tags = Tags::from([("team".to_owned(), "web".to_owned())]);
    let (settings, signed_at) = (full.clone(), Timestamp::now());
    let call = Call::CreateIdentityPool {
        settings,
        tags: tags.clone(),
        signed_at,
    };
    let made = pool(client.call(call).await.expect("created"));
    assert_eq!((&made.settings, &made.tags), (&full, &tags));
    let emptied = Settings {
        identity_pool_name: "empty".to_owned(),
        developer_provider_name: full.developer_provider_name.clone(),
        ..Settings::default()
    };
    let id = made.id.clone();
    let call = Call::UpdateIdentityPool {
        id: id.clone(),
        settings: emptied.clone(),
        tags: Tags::new(),
    };
    client.call(call).await.expect("updated");
    let seen = pool(
        client
            .call(Call::DescribeIdentityPool { id })
            .await
            .expect("described"),
    );
    assert_eq!((seen.settings, seen.tags), (emptied, Tags::new()));
    let update = fake
        .calls()
        .into_iter()
        .find(|call| call.operation == "UpdateIdentityPool");
    let body = update.expect("a call").request;
    for field in [
        "SupportedLoginProviders",
        "OpenIdConnectProviderARNs",
        "SamlProviderARNs",
        "CognitoIdentityProviders",
        "IdentityPoolTags",
        "AllowClassicFlow",
        "AllowUnauthenticatedIdentities",
    ] {
        assert!(body.get(field).is_some(), "{field} is not in {body}");
    }
}

#[tokio::test]
async fn tag_calls_name_the_pool_by_its_arn() {
    let fake = FakeCognito::start().await;
    let client = client(&fake.endpoint());
    let id = pool(client.call(create("tagged")).await.expect("created")).id;
    let tags = Tags::from([("a".to_owned(), "1".to_owned())]);
    client
        .call(Call::TagResource {
            id: id.clone(),
            tags,
        })
        .await
        .expect("tagged");
    client
        .call(Call::UntagResource {
            id: id.clone(),
            keys: vec!["a".to_owned()],
        })
        .await
        .expect("untagged");
    let arn = format!("arn:aws:cognito-identity:{REGION}:{ACCOUNT}:identitypool/{id}");
    assert!(
        fake.calls()
            .iter()
            .skip(1)
            .all(|call| call.request["ResourceArn"] == arn.as_str())
    );
}

#[tokio::test]
async fn sts_says_who_we_are_and_what_time_it_is_before_the_first_creation() {
    let fake = FakeCognito::start().await;
    fake.configure(|settings| settings.date_offset = SignedDuration::from_secs(90));
    let config = config(&fake.endpoint(), "AKIATEST");
    let caller = caller_identity(&config).await.expect("answered");
    assert_eq!(
        (caller.account_id.as_str(), caller.partition.as_str()),
        (ACCOUNT, "aws")
    );
    let offset = CognitoClient::new(&config, REGION, &caller)
        .clock_offset()
        .expect("heard");
    assert!(
        (offset - SignedDuration::from_secs(90)).abs() < SignedDuration::from_secs(2),
        "{offset}"
    );
}
