//! The two protocols: JSON 1.1 for Cognito, Query and XML for STS.
//!
//! Turns an HTTP request into the name of an operation, an input and a
//! signature, each of which may be broken without hiding the others; and an
//! answer into status, headers and bytes.

use std::borrow::Cow;
use std::fmt::Write as _;

use hyper::HeaderMap;
use hyper::body::Bytes;
use hyper::http::HeaderValue;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::error::ApiError;
use super::operations::{Answer, Service};
use super::pools::Object;
use super::signature::{self, Signed};

const TARGET: &str = "AWSCognitoIdentityService.";
const JSON: &str = "application/x-amz-json-1.1";

/// A request as far as it can be read.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) service: Service,
    pub(super) operation: String,
    pub(super) input: Result<Object, ApiError>,
    pub(super) signed: Result<Signed, ApiError>,
    body: Bytes,
}

impl Request {
    pub(super) fn read(headers: &HeaderMap, body: Bytes) -> Self {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let is_form = header("content-type")
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let (service, operation, input) = if is_form {
            (Service::Sts, form_action(&body), Ok(form(&body)))
        } else {
            let target = header("x-amz-target").unwrap_or("");
            let operation = target.strip_prefix(TARGET).unwrap_or(target);
            (
                Service::CognitoIdentity,
                operation.to_owned(),
                json_object(&body),
            )
        };
        Self {
            service,
            operation,
            input,
            signed: signature::read(headers),
            body,
        }
    }

    /// The body as text, for faults that look for some.
    pub(super) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}

/// A complete answer.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Reply {
    /// Writes an answer in the protocol of its service.
    pub(super) fn write(request: &Request, answer: &Answer, date: Timestamp) -> Self {
        let id = Uuid::new_v4().to_string();
        let mut headers = HeaderMap::new();
        set(&mut headers, "date", &http_date(date));
        set(&mut headers, "x-amzn-requestid", &id);
        let (status, kind, body) = match (request.service, answer) {
            (_, Err(error)) if error.code.is_empty() => (error.status, "text/html", String::new()),
            (Service::CognitoIdentity, Ok(value)) => (200, JSON, value.to_string()),
            (Service::CognitoIdentity, Err(error)) => {
                set(
                    &mut headers,
                    "x-amzn-errortype",
                    &format!("{}:", error.code),
                );
                set(&mut headers, "x-amzn-errormessage", &error.message);
                (error.status, JSON, json_error(error))
            }
            (Service::Sts, Ok(value)) => (200, "text/xml", xml_answer(request, value, &id)),
            (Service::Sts, Err(error)) => (sts_status(error), "text/xml", xml_error(error, &id)),
        };
        set(&mut headers, "content-type", kind);
        Self {
            status,
            headers,
            body: body.into(),
        }
    }
}

fn json_object(body: &[u8]) -> Result<Object, ApiError> {
    serde_json::from_slice(body)
        .map_err(|error| ApiError::serialization(format!("The body is no JSON object: {error}")))
}

fn json_error(error: &ApiError) -> String {
    serde_json::json!({"__type": error.code, "message": error.message}).to_string()
}

fn form_action(body: &[u8]) -> String {
    let body = String::from_utf8_lossy(body);
    let mut pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    let action = pairs.find(|(name, _)| *name == "Action");
    action.map_or(String::new(), |(_, action)| action.to_owned())
}

/// The fields of a form, without what every request has.
fn form(body: &[u8]) -> Object {
    let pairs = form_urlencoded::parse(body);
    let pairs = pairs.filter(|(name, _)| !["Action", "Version"].contains(&name.as_ref()));
    pairs
        .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
        .collect()
}

/// The members of an answer, structures in structures.
fn members(value: &Value) -> String {
    let mut text = String::new();
    for (member, value) in value.as_object().into_iter().flatten() {
        let inner = match value {
            Value::Object(_) => members(value),
            other => escaped(other.as_str().unwrap_or("")),
        };
        // Writing to a String cannot fail.
        let _ = write!(text, "<{member}>{inner}</{member}>");
    }
    text
}

fn xml_answer(request: &Request, value: &Value, id: &str) -> String {
    let name = &request.operation;
    let members = members(value);
    format!(
        "<{name}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
         <{name}Result>{members}</{name}Result>\
         <ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{name}Response>"
    )
}

fn xml_error(error: &ApiError, id: &str) -> String {
    let side = if error.status < 500 {
        "Sender"
    } else {
        "Receiver"
    };
    format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>\
         <Type>{side}</Type><Code>{}</Code><Message>{}</Message></Error>\
         <RequestId>{id}</RequestId></ErrorResponse>",
        sts_code(error),
        escaped(&error.message)
    )
}

/// STS has its own names for what the JSON services call `…Exception`.
fn sts_code(error: &ApiError) -> &str {
    match error.code.as_ref() {
        "AccessDeniedException" => "AccessDenied",
        "ExpiredTokenException" => "ExpiredToken",
        "IncompleteSignatureException" => "IncompleteSignature",
        "InvalidSignatureException" => "SignatureDoesNotMatch",
        "MissingAuthenticationTokenException" => "MissingAuthenticationToken",
        "TooManyRequestsException" => "Throttling",
        "UnknownOperationException" => "InvalidAction",
        "UnrecognizedClientException" => "InvalidClientTokenId",
        other => other,
    }
}

/// STS answers refused credentials with 403.
fn sts_status(error: &ApiError) -> u16 {
    match sts_code(error) {
        "AccessDenied"
        | "ExpiredToken"
        | "InvalidClientTokenId"
        | "MissingAuthenticationToken"
        | "SignatureDoesNotMatch" => 403,
        _ => error.status,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Sets a header, unless the value cannot stand in one: a message may quote
/// any character of the request.
fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_is_an_imf_fixdate() {
        let at = Timestamp::from_second(784_111_777).unwrap();
        assert_eq!(http_date(at), "Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn an_error_is_named_in_header_and_body() {
        let request = Request::read(&HeaderMap::new(), Bytes::new());
        let error = ApiError::pool_not_found("eu-west-1:0");
        let reply = Reply::write(&request, &Err(error), Timestamp::UNIX_EPOCH);

        assert_eq!(reply.status, 400);
        assert_eq!(
            reply.headers["x-amzn-errortype"],
            "ResourceNotFoundException:"
        );
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(body["__type"], "ResourceNotFoundException");
        assert_eq!(body["message"], "IdentityPool 'eu-west-1:0' not found.");
    }
}
