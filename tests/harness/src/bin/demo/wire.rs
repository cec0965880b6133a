//! A pool as AWS's wire protocol reports it: JSON 1.1 over HTTP, no SDK between.

use harness::cognito::FakeCognito;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::stage::Failure;

/// Asks `DescribeIdentityPool` as any client would.
pub(crate) async fn describe(fake: &FakeCognito, id: &str) -> Result<Value, Failure> {
    let endpoint = fake.endpoint();
    let address = endpoint.trim_start_matches("http://");
    let body = json!({ "IdentityPoolId": id }).to_string();
    let now = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let (day, _) = now.split_at(8);
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: application/x-amz-json-1.1\r\n\
         X-Amz-Target: AWSCognitoIdentityService.DescribeIdentityPool\r\nX-Amz-Date: {now}\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=DEMO/{day}/eu-west-1/cognito-identity/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature={:064}\r\nContent-Length: {}\r\n\r\n{body}",
        0,
        body.len()
    );
    let answer = exchange(address, &request)
        .await
        .map_err(|error| Failure(format!("the fake Cognito does not answer: {error}")))?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    serde_json::from_str(body)
        .map_err(|error| Failure(format!("no JSON from the fake ({error}): {answer}")))
}

async fn exchange(address: &str, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
