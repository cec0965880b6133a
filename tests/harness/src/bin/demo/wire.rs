//! HTTP/1.1 with the fake, with no SDK and no library between: AWS's JSON 1.1, and the
//! levers under `/_fake/`.
//!
//! A call is shaped like a signed one; the fake reads who signs, for which region and
//! when, and does not verify the signature itself.

use jiff::Timestamp;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::failure::Failure;

const SCOPE: &str = "eu-west-1/cognito-identity/aws4_request";

/// What came back.
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The pool, or the error.
    pub(crate) body: Value,
}

/// Calls an operation of Cognito as any client would.
pub(crate) async fn call(endpoint: &str, operation: &str, body: &str) -> Result<Answer, Failure> {
    let now = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let (day, signature) = (&now[..8], "0".repeat(64));
    let headers = format!(
        "Content-Type: application/x-amz-json-1.1\r\n\
         X-Amz-Target: AWSCognitoIdentityService.{operation}\r\n\
         X-Amz-Date: {now}\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=DEMO/{day}/{SCOPE}, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={signature}\r\n"
    );
    exchange(endpoint, "POST /", &headers, body).await
}

/// Looks at something of the fake's.
pub(crate) async fn look(endpoint: &str, what: &str) -> Result<Answer, Failure> {
    exchange(endpoint, &format!("GET /_fake/{what}"), "", "").await
}

/// Pulls a lever of the fake's.
pub(crate) async fn pull(endpoint: &str, lever: &str, body: &str) -> Result<Answer, Failure> {
    exchange(endpoint, &format!("POST /_fake/{lever}"), "", body).await
}

async fn exchange(
    endpoint: &str,
    verb: &str,
    headers: &str,
    body: &str,
) -> Result<Answer, Failure> {
    let (address, length) = (endpoint.trim_start_matches("http://"), body.len());
    let request = format!(
        "{verb} HTTP/1.1\r\n\
         Host: {address}\r\n\
         Connection: close\r\n\
         Content-Length: {length}\r\n\
         {headers}\r\n\
         {body}"
    );
    let answer = converse(address, &request).await;
    let answer = answer.map_err(|error| Failure(format!("{endpoint} does not answer: {error}")))?;
    read(&answer).ok_or_else(|| Failure(format!("{endpoint} does not speak JSON: {answer}")))
}

async fn converse(address: &str, request: &str) -> std::io::Result<String> {
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
