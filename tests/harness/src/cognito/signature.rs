//! Reads who calls from the shape of a Signature Version 4.
//!
//! The cryptography is not verified: the fake knows no secrets. Everything
//! else that AWS derives from the header is: scope, service, signed headers
//! and the window around `X-Amz-Date` that makes a late copy of a request
//! worthless. The operator's create protocol rests on that window.

use std::time::Duration;

use hyper::HeaderMap;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::error::ApiError;

const STAMP: &str = "%Y%m%dT%H%M%SZ";

/// What a well-formed signature says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signed {
    pub(super) access_key: String,
    pub(super) region: String,
    pub(super) service: String,
    pub(super) at: Timestamp,
    scope_date: String,
}

/// Parses the `Authorization` and `X-Amz-Date` headers.
pub(super) fn read(headers: &HeaderMap) -> Result<Signed, ApiError> {
    let Some(authorization) = text(headers, "authorization") else {
        return Err(ApiError::new(
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        ));
    };
    let parts = authorization
        .strip_prefix("AWS4-HMAC-SHA256 ")
        .ok_or_else(|| incomplete("the algorithm is not AWS4-HMAC-SHA256"))?;
    let credential = part(parts, "Credential")?;
    let signed_headers = part(parts, "SignedHeaders")?;
    let signature = part(parts, "Signature")?;

    if signature.len() != 64 || !signature.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(incomplete("Signature is not 64 hexadecimal digits"));
    }
    for needed in ["host", "x-amz-date"] {
        if !signed_headers.split(';').any(|name| name == needed) {
            return Err(incomplete(&format!("'{needed}' is not a signed header")));
        }
    }
    let at = text(headers, "x-amz-date")
        .and_then(parse_stamp)
        .ok_or_else(|| incomplete("X-Amz-Date is missing or malformed"))?;
    scope(credential, at)
}

/// Refuses a signature for another service, day or time than AWS's.
pub(super) fn check(
    signed: &Signed,
    service: &str,
    aws_now: Timestamp,
    window: Duration,
) -> Result<(), ApiError> {
    if signed.service != service {
        return Err(invalid(format!(
            "Credential should be scoped to correct service: '{service}'."
        )));
    }
    let day = stamp(signed.at)[..8].to_owned();
    if signed.scope_date != day {
        return Err(invalid(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from \
             HTTP: '{}' != '{day}'.",
            signed.scope_date
        )));
    }
    let window = SignedDuration::try_from(window).unwrap_or(SignedDuration::MAX);
    let age = aws_now.duration_since(signed.at);
    if age > window {
        return Err(invalid(format!(
            "Signature expired: {} is now earlier than the oldest accepted time; it is {} here.",
            stamp(signed.at),
            stamp(aws_now)
        )));
    }
    if age < -window {
        return Err(invalid(format!(
            "Signature not yet current: {} is still later than the newest accepted time; it is {} \
             here.",
            stamp(signed.at),
            stamp(aws_now)
        )));
    }
    Ok(())
}

/// The form in which `X-Amz-Date` writes a time.
pub(super) fn stamp(at: Timestamp) -> String {
    at.strftime(STAMP).to_string()
}

fn parse_stamp(text: &str) -> Option<Timestamp> {
    let civil = DateTime::strptime(STAMP, text).ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn scope(credential: &str, at: Timestamp) -> Result<Signed, ApiError> {
    let fields: Vec<&str> = credential.split('/').collect();
    let [access_key, date, region, service, "aws4_request"] = fields[..] else {
        return Err(incomplete(
            "Credential must have exactly 5 slash-delimited elements and end in aws4_request",
        ));
    };
    if [access_key, date, region, service].contains(&"") {
        return Err(incomplete("Credential has an empty element"));
    }
    Ok(Signed {
        access_key: access_key.to_owned(),
        region: region.to_owned(),
        service: service.to_owned(),
        at,
        scope_date: date.to_owned(),
    })
}

fn part<'a>(parts: &'a str, name: &str) -> Result<&'a str, ApiError> {
    parts
        .split(',')
        .filter_map(|part| part.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
        .ok_or_else(|| incomplete(&format!("Authorization header requires '{name}' parameter")))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn incomplete(why: &str) -> ApiError {
    ApiError::new("IncompleteSignatureException", why)
}

fn invalid(why: String) -> ApiError {
    ApiError::new("InvalidSignatureException", why)
}
