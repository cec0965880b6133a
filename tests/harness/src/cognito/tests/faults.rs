//! Each fault does to a connection, and to the pools, what its name says.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::{FakeCognito, Fault, FaultKind, Outcome};
use super::client::Client;

const CREATE: &str = "CreateIdentityPool";

fn input() -> Value {
    json!({"IdentityPoolName": "shop", "AllowUnauthenticatedIdentities": false})
}

async fn struck_by(kind: FaultKind) -> (FakeCognito, Client) {
    let fake = FakeCognito::start().await;
    fake.inject(Fault::on(CREATE, kind));
    let client = Client::of(&fake);
    (fake, client)
}

fn outcome(fake: &FakeCognito) -> Outcome {
    fake.calls()[0].outcome.clone()
}

#[tokio::test]
async fn a_reply_lost_before_the_status_leaves_a_pool_and_not_a_byte() {
    let (fake, client) = struck_by(FaultKind::LoseReplyBeforeStatus).await;
    assert_eq!(client.raw(CREATE, &input()).await.unwrap(), "");
    assert_eq!(fake.pools().len(), 1);
    assert_eq!(outcome(&fake), Outcome::ReplyLost);

    let call = &fake.calls()[0];
    let made = call
        .pool_id
        .as_deref()
        .expect("the journal names the new pool");
    assert!(call.executed && fake.pool(made).is_some());
}

#[tokio::test]
async fn a_reply_lost_after_the_status_leaves_a_pool_and_a_head() {
    let (fake, client) = struck_by(FaultKind::LoseReplyAfterStatus).await;
    let answer = client.raw(CREATE, &input()).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.contains("content-length: ") && answer.ends_with("\r\n\r\n"),
        "{answer}"
    );
    assert_eq!(fake.pools().len(), 1);
    assert_eq!(outcome(&fake), Outcome::ReplyLost);
}

#[tokio::test]
async fn a_cut_body_ends_before_the_length_it_announced() {
    let (fake, client) = struck_by(FaultKind::CutBody).await;
    let response = client.respond(CREATE, &input()).await;
    let announced: usize = response.header("content-length").parse().unwrap();
    assert_eq!(response.body.len(), announced / 2);
    assert!(response.body.starts_with('{'));
    assert_eq!(fake.pools().len(), 1);
}

#[tokio::test]
async fn a_reset_before_execution_is_a_reset_and_makes_no_pool() {
    let (fake, client) = struck_by(FaultKind::ResetBefore).await;
    let error = client.raw(CREATE, &input()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(fake.pools().len(), 0);
    assert_eq!(outcome(&fake), Outcome::Dropped);
}

#[tokio::test]
async fn an_error_before_execution_makes_no_pool() {
    let code = "InternalErrorException".to_owned();
    let (fake, client) = struck_by(FaultKind::ErrorBefore { status: 500, code }).await;
    let response = client.respond(CREATE, &input()).await;
    assert_eq!(response.status, 500);
    assert_eq!(
        response.header("x-amzn-errortype"),
        "InternalErrorException:"
    );
    assert_eq!(fake.pools().len(), 0);
    assert!(!fake.calls()[0].executed);
}

#[tokio::test]
async fn an_error_after_execution_makes_a_pool_and_denies_it() {
    let code = String::new();
    let (fake, client) = struck_by(FaultKind::ErrorAfter { status: 503, code }).await;
    let response = client.respond(CREATE, &input()).await;
    assert_eq!(response.status, 503);
    assert_eq!(
        response.header("x-amzn-errortype"),
        "",
        "a proxy knows no error types"
    );
    assert_eq!(fake.pools().len(), 1);
    assert_eq!(outcome(&fake), Outcome::ExecutedButRefused(String::new()));
}

#[tokio::test]
async fn a_throttled_call_is_refused_with_status_400() {
    let (fake, client) = struck_by(FaultKind::Throttle).await;
    let response = client.respond(CREATE, &input()).await;
    assert_eq!(response.status, 400);
    assert_eq!(
        response.header("x-amzn-errortype"),
        "TooManyRequestsException:"
    );
    assert_eq!(fake.pools().len(), 0);
}

#[tokio::test]
async fn a_delayed_call_executes_after_its_client_has_gone() {
    let (fake, client) = struck_by(FaultKind::DelayBefore(Duration::from_millis(400))).await;
    client.send_and_leave(CREATE, &input()).await;
    assert_eq!((fake.pools().len(), outcome(&fake)), (0, Outcome::Pending));

    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!((fake.pools().len(), outcome(&fake)), (1, Outcome::Executed));
}

#[tokio::test]
async fn a_call_delayed_beyond_the_signature_window_is_refused() {
    let (fake, client) = struck_by(FaultKind::DelayBefore(Duration::from_millis(2100))).await;
    fake.configure(|settings| settings.signature_window = Duration::from_secs(1));
    let refusal = client.call(CREATE, &input()).await.unwrap_err();
    assert_eq!(refusal.code, "InvalidSignatureException");
    assert_eq!(fake.pools().len(), 0);
}

#[tokio::test]
async fn a_delayed_answer_comes_late_for_a_pool_made_at_once() {
    let (fake, client) = struck_by(FaultKind::DelayAfter(Duration::from_millis(600))).await;
    let start = Instant::now();
    let call = tokio::spawn(async move { client.call(CREATE, &input()).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(fake.pools().len(), 1);

    assert!(call.await.unwrap().is_ok());
    assert!(start.elapsed() >= Duration::from_millis(600));
}

#[tokio::test]
async fn after_a_fault_the_next_call_is_unharmed() {
    let (fake, client) = struck_by(FaultKind::LoseReplyBeforeStatus).await;
    assert_eq!(client.raw(CREATE, &input()).await.unwrap(), "");
    assert!(client.call(CREATE, &input()).await.is_ok());

    fake.inject(Fault::on(CREATE, FaultKind::Throttle).always());
    assert!(client.call(CREATE, &input()).await.is_err());
    fake.clear_faults();
    assert!(client.call(CREATE, &input()).await.is_ok());
    assert_eq!((fake.count(CREATE), fake.executed(CREATE)), (4, 3));
}

#[tokio::test]
async fn a_refused_call_that_loses_its_reply_executed_nothing() {
    let (fake, client) = struck_by(FaultKind::LoseReplyBeforeStatus).await;
    assert_eq!(client.raw(CREATE, &json!({})).await.unwrap(), "");
    assert_eq!(
        outcome(&fake),
        Outcome::Refused("ValidationException".to_owned())
    );
}
