//! A client of raw TCP: sends what a test says, sees every byte that returns.
//!
//! It writes its own request and signature header, so that a mistake in how
//! the server reads them cannot cancel itself out.

use std::io;

use jiff::Timestamp;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::super::FakeCognito;

/// Who calls, from where and when.
#[derive(Clone)]
pub(super) struct Client {
    address: String,
    pub(super) access_key: String,
    pub(super) region: String,
    pub(super) signed_at: Option<Timestamp>,
}

/// A complete answer.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

/// An error as AWS writes it.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) message: String,
}

impl Client {
    pub(super) fn of(fake: &FakeCognito) -> Self {
        Self {
            address: fake.endpoint().trim_start_matches("http://").to_owned(),
            access_key: "AKIDTEST".to_owned(),
            region: "us-east-1".to_owned(),
            signed_at: None,
        }
    }

    pub(super) fn with_key(&self, access_key: &str) -> Self {
        let access_key = access_key.to_owned();
        Self {
            access_key,
            ..self.clone()
        }
    }

    pub(super) fn in_region(&self, region: &str) -> Self {
        let region = region.to_owned();
        Self {
            region,
            ..self.clone()
        }
    }

    pub(super) fn signed_at(&self, at: Timestamp) -> Self {
        let signed_at = Some(at);
        Self {
            signed_at,
            ..self.clone()
        }
    }

    /// Calls an operation as an SDK would.
    pub(super) async fn call(&self, operation: &str, input: &Value) -> Result<Value, Refusal> {
        let response = self.respond(operation, input).await;
        if operation == "GetCallerIdentity" {
            return read_xml(&response);
        }
        let body: Value = serde_json::from_str(&response.body).unwrap();
        if response.status == 200 {
            return Ok(body);
        }
        let text = |member: &str| body[member].as_str().unwrap_or("").to_owned();
        Err(Refusal {
            code: text("__type"),
            message: text("message"),
        })
    }

    pub(super) async fn respond(&self, operation: &str, input: &Value) -> Response {
        let bytes = self
            .exchange(&self.request(operation, input))
            .await
            .unwrap();
        Response::parse(&bytes)
    }

    /// Sends an operation and answers all bytes until the connection ends.
    pub(super) async fn raw(&self, operation: &str, input: &Value) -> io::Result<String> {
        let bytes = self.exchange(&self.request(operation, input)).await?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    /// Sends an operation and hangs up without waiting for an answer.
    pub(super) async fn send_and_leave(&self, operation: &str, input: &Value) {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream
            .write_all(&self.request(operation, input))
            .await
            .unwrap();
        // The request must have been read before the connection goes away.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    /// Pulls a lever of the control endpoint.
    pub(super) async fn control(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let (address, body) = (&self.address, body.to_string());
        let request = format!(
            "{method} /_fake/{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let bytes = self.exchange(request.as_bytes()).await.unwrap();
        let response = Response::parse(&bytes);
        (
            response.status,
            serde_json::from_str(&response.body).unwrap(),
        )
    }

    pub(super) async fn exchange(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(&self.address).await?;
        stream.write_all(request).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(answer)
    }

    fn request(&self, operation: &str, input: &Value) -> Vec<u8> {
        let (service, headers, body) = if operation == "GetCallerIdentity" {
            let headers = "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n";
            let body = format!("Action={operation}&Version=2011-06-15");
            ("sts", headers.to_owned(), body)
        } else {
            let headers = format!(
                "Content-Type: application/x-amz-json-1.1\r\n\
                 X-Amz-Target: AWSCognitoIdentityService.{operation}\r\n"
            );
            ("cognito-identity", headers, input.to_string())
        };
        let signature = match operation {
            "GetId" => String::new(),
            _ => self.signature(service),
        };
        self.http(&(headers + &signature), &body)
    }

    pub(super) fn http(&self, headers: &str, body: &str) -> Vec<u8> {
        let (address, length) = (&self.address, body.len());
        format!(
            "POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    fn signature(&self, service: &str) -> String {
        let at = self.signed_at.unwrap_or_else(Timestamp::now);
        let stamp = at.strftime("%Y%m%dT%H%M%SZ").to_string();
        let (key, day, region) = (&self.access_key, &stamp[..8], &self.region);
        format!(
            "X-Amz-Date: {stamp}\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential={key}/{day}/{region}/{service}/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={}\r\n",
            "0123456789abcdef".repeat(4)
        )
    }
}

impl Response {
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").expect("an answer with a head");
        Self {
            status: head[9..12].parse().unwrap(),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    pub(super) fn header(&self, name: &str) -> &str {
        let headers = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut found = headers.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map_or("", |(_, value)| value)
    }
}

fn read_xml(response: &Response) -> Result<Value, Refusal> {
    let element = |name: &str| {
        let (_, rest) = response.body.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0.to_owned())
    };
    if let (Some(code), Some(message)) = (element("Code"), element("Message")) {
        return Err(Refusal { code, message });
    }
    Ok(serde_json::json!({
        "Account": element("Account"), "Arn": element("Arn"), "UserId": element("UserId"),
    }))
}
