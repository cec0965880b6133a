//! Signatures, clocks and headers: what lies before any operation.

use std::time::Duration;

use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::FakeCognito;
use super::client::{Client, Response};

const LIST: &str = "ListIdentityPools";

fn page() -> Value {
    json!({"MaxResults": 60})
}

async fn started() -> (FakeCognito, Client) {
    let fake = FakeCognito::start().await;
    let client = Client::of(&fake);
    (fake, client)
}

async fn code_at(client: &Client, age: i64) -> String {
    let at = Timestamp::now() - SignedDuration::from_secs(age);
    match client.signed_at(at).call(LIST, &page()).await {
        Ok(_) => String::new(),
        Err(refusal) => refusal.code,
    }
}

async fn code_with(client: &Client, authorization: &str) -> String {
    let headers = format!(
        "Content-Type: application/x-amz-json-1.1\r\nX-Amz-Date: 20260101T000000Z\r\n\
         X-Amz-Target: AWSCognitoIdentityService.{LIST}\r\n{authorization}"
    );
    let bytes = client
        .exchange(&client.http(&headers, "{\"MaxResults\":1}"))
        .await
        .unwrap();
    let response = Response::parse(&bytes);
    assert_eq!(response.status, 400);
    response
        .header("x-amzn-errortype")
        .trim_end_matches(':')
        .to_owned()
}

#[tokio::test]
async fn a_signature_is_good_for_five_minutes_either_way() {
    let (_fake, client) = started().await;
    assert_eq!(code_at(&client, 295).await, "");
    assert_eq!(code_at(&client, -295).await, "");
    assert_eq!(code_at(&client, 305).await, "InvalidSignatureException");
    assert_eq!(code_at(&client, -305).await, "InvalidSignatureException");
}

#[tokio::test]
async fn a_skewed_aws_clock_shows_in_the_date_and_moves_the_window() {
    let (fake, client) = started().await;
    fake.configure(|settings| settings.date_offset = SignedDuration::from_mins(4));
    let response = client.respond(LIST, &page()).await;
    let date = rfc2822::parse(response.header("date")).unwrap().timestamp();
    let skew = date.duration_since(Timestamp::now());
    assert!(
        (skew - SignedDuration::from_mins(4)).abs() < SignedDuration::from_secs(5),
        "{skew}"
    );

    assert_eq!(code_at(&client, 0).await, "");
    assert_eq!(code_at(&client, 90).await, "InvalidSignatureException");
    assert_eq!(code_at(&client, -500).await, "");
}

#[tokio::test]
async fn a_missing_or_malformed_signature_is_told_apart() {
    let (_fake, client) = started().await;
    assert_eq!(
        code_with(&client, "").await,
        "MissingAuthenticationTokenException"
    );
    for authorization in [
        "Authorization: Bearer token\r\n",
        "Authorization: AWS4-HMAC-SHA256 \
         Credential=K/20260101/us-east-1/cognito-identity/aws4_request\r\n",
        "Authorization: AWS4-HMAC-SHA256 Credential=K/20260101/us-east-1, \
         SignedHeaders=host;x-amz-date, Signature=00\r\n",
    ] {
        let code = code_with(&client, authorization).await;
        assert_eq!(code, "IncompleteSignatureException", "{authorization}");
    }
}

#[tokio::test]
async fn a_signature_for_another_service_or_day_is_invalid() {
    let (_fake, client) = started().await;
    for scope in [
        "20260101/us-east-1/s3",
        "20260102/us-east-1/cognito-identity",
    ] {
        let authorization = format!(
            "Authorization: AWS4-HMAC-SHA256 Credential=K/{scope}/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature={}\r\n",
            "0".repeat(64)
        );
        let code = code_with(&client, &authorization).await;
        assert_eq!(code, "InvalidSignatureException", "{scope}");
    }
}

#[tokio::test]
async fn an_unknown_operation_is_named_so() {
    let (fake, client) = started().await;
    let refusal = client
        .call("DropIdentityPools", &json!({}))
        .await
        .unwrap_err();
    assert_eq!(refusal.code, "UnknownOperationException");
    assert_eq!(fake.count("DropIdentityPools"), 1);
}

#[tokio::test]
async fn every_answer_carries_a_request_id_and_the_json_type() {
    let (_fake, client) = started().await;
    let good = client.respond(LIST, &page()).await;
    let bad = client.respond(LIST, &json!({})).await;
    for response in [&good, &bad] {
        assert_eq!(response.header("x-amzn-requestid").len(), 36);
        assert_eq!(
            response.header("content-type"),
            "application/x-amz-json-1.1"
        );
    }
    assert_ne!(
        good.header("x-amzn-requestid"),
        bad.header("x-amzn-requestid")
    );
    assert!(bad.header("x-amzn-errormessage").contains("maxResults"));
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_a_serialization_error() {
    let (fake, client) = started().await;
    let refusal = client.call(LIST, &json!([1, 2])).await.unwrap_err();
    assert_eq!(refusal.code, "SerializationException");
    assert_eq!(fake.calls()[0].request, Value::Null);
}

#[tokio::test]
async fn the_journal_tells_who_called_what_and_when_it_was_signed() {
    let (fake, client) = started().await;
    fake.configure(|settings| {
        settings
            .accounts
            .insert("KEYB".to_owned(), "210987654321".to_owned());
    });
    let at = Timestamp::from_second(Timestamp::now().as_second() - 60).unwrap();
    let caller = client.with_key("KEYB").in_region("eu-west-1").signed_at(at);
    let input = json!({"IdentityPoolId": "eu-west-1:0"});
    caller
        .call("DescribeIdentityPool", &input)
        .await
        .unwrap_err();

    let call = &fake.calls()[0];
    let seen = (
        call.account.as_str(),
        call.region.as_str(),
        call.access_key.as_str(),
    );
    assert_eq!(seen, ("210987654321", "eu-west-1", "KEYB"));
    assert_eq!(
        (call.signed_at, call.pool_id.as_deref()),
        (Some(at), Some("eu-west-1:0"))
    );
    assert_eq!(call.request, input);
}

#[tokio::test]
async fn the_port_is_free_again_once_the_fake_is_dropped() {
    let (fake, client) = started().await;
    drop(fake);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(client.raw(LIST, &page()).await.is_err());
}
