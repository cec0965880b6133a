//! A pool as AWS's wire protocol reports it: JSON 1.1 over HTTP, no SDK between.
//!
//! The request is shaped like a signed one; the fake reads who signs, for which
//! region and when, and does not verify the signature itself.

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::failure::Failure;

/// The operation, as the protocol names it.
pub(crate) const TARGET: &str = "AWSCognitoIdentityService.DescribeIdentityPool";

const SCOPE: &str = "eu-west-1/cognito-identity/aws4_request";

/// What came back.
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The pool, or the error.
    pub(crate) body: Value,
}

/// The body of a question for one pool.
pub(crate) fn body(id: &str) -> String {
    json!({ "IdentityPoolId": id }).to_string()
}

/// Asks `DescribeIdentityPool` as any client would.
pub(crate) async fn describe(endpoint: &str, id: &str) -> Result<Answer, Failure> {
    let address = endpoint.trim_start_matches("http://");
    let answer = exchange(address, &request(address, &body(id))).await;
    let answer = answer.map_err(|error| Failure(format!("{endpoint} does not answer: {error}")))?;
    read(&answer).ok_or_else(|| Failure(format!("{endpoint} does not speak JSON: {answer}")))
}

fn request(address: &str, body: &str) -> String {
    let now = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let (day, length) = (&now[..8], body.len());
    format!(
        "POST / HTTP/1.1\r\n\
         Host: {address}\r\n\
         Connection: close\r\n\
         Content-Type: application/x-amz-json-1.1\r\n\
         Content-Length: {length}\r\n\
         X-Amz-Target: {TARGET}\r\n\
         X-Amz-Date: {now}\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=DEMO/{day}/{SCOPE}, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={:064}\r\n\
         \r\n\
         {body}",
        0
    )
}

async fn exchange(address: &str, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

fn read(answer: &str) -> Option<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some(Answer {
        status: head.split(' ').nth(1)?.parse().ok()?,
        body: serde_json::from_str(body).ok()?,
    })
}
