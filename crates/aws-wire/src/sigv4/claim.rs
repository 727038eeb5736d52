//! A claim to have signed a request: parsed from its head, not yet proven.

use std::time::Duration;

use http::header::{DATE, HOST, HeaderName};
use http::{HeaderMap, HeaderValue};
use seatrial_model::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::UNSIGNED_PAYLOAD;
use super::canonical::RequestHead;
use super::error::AuthError;
use super::key::BodyDigest;
use super::parameters::{self, Parameters, Placement};
use super::scope::{AccessKeyId, CredentialScope, iso_basic, parse_iso_basic};
use super::verify::EXPIRES_MAX;

pub(super) const X_AMZ_DATE: &str = "x-amz-date";
pub(super) const X_AMZ_SECURITY_TOKEN: &str = "x-amz-security-token";
pub(super) const X_AMZ_CONTENT_SHA256: &str = "x-amz-content-sha256";

/// Headers that change what a request means or when it is valid: present but unsigned, they could be swapped.
const SIGNED_WHEN_PRESENT: [&str; 3] = [crate::protocol::TARGET, X_AMZ_DATE, X_AMZ_SECURITY_TOKEN];

/// More signed headers than any request within the front's header limit can have.
const SIGNED_HEADERS_MAX: usize = 100;

/// Who claims to have signed a request, when and for what.
#[derive(Debug)]
pub struct Claim {
    pub(super) access_key_id: AccessKeyId,
    pub(super) scope: CredentialScope,
    pub(super) placement: Placement,
    pub(super) signed_headers: Vec<HeaderName>,
    pub(super) signature: [u8; 32],
    pub(super) signed_at: Timestamp,
    /// For how long after `signed_at` a pre-signed request is valid.
    pub(super) expires: Option<Duration>,
    pub(super) session_token: Option<Vec<u8>>,
    pub(super) payload: Payload,
}

/// What the signature says about the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    /// The signature covers the digest of the body.
    Body,
    /// The signature covers the digest that the request states, which must be the body's.
    Stated(BodyDigest),
    /// The signature leaves the body out.
    Unsigned,
}

impl Claim {
    /// Reads the claim from the head of a request and refuses what is malformed or leaves out a header that matters.
    pub fn parse(head: &RequestHead<'_>) -> Result<Self, AuthError> {
        let parameters = parameters::read(head)?;
        let (access_key_id, scope) = CredentialScope::parse(&parameters.credential)?;
        let signed_headers = parse_signed_headers(&parameters.signed_headers)?;
        require_signed(head.headers, &signed_headers)?;
        let signed_at = parse_date(head.headers, &parameters)?;
        scope.require_date(&iso_basic(signed_at))?;
        Ok(Claim {
            access_key_id,
            scope,
            placement: parameters.placement,
            signed_headers,
            signature: parse_signature(&parameters.signature)?,
            signed_at,
            expires: parse_expires(&parameters)?,
            payload: parse_payload(head.headers, parameters.content_digest.as_deref())?,
            session_token: match parameters.session_token {
                Some(token) => Some(token.into_bytes()),
                None => head.headers.get(X_AMZ_SECURITY_TOKEN).map(|token| token.as_bytes().to_vec()),
            },
        })
    }

    /// Returns the key the request claims to be signed with.
    pub fn access_key_id(&self) -> &AccessKeyId {
        &self.access_key_id
    }

    pub fn scope(&self) -> &CredentialScope {
        &self.scope
    }
}

fn parse_signed_headers(text: &str) -> Result<Vec<HeaderName>, AuthError> {
    let names: Vec<&str> = text.split(';').collect();
    let sorted = names.windows(2).all(|pair| pair[0] < pair[1]);
    let lower = !text.bytes().any(|b| b.is_ascii_uppercase());
    if !sorted || !lower || names.len() > SIGNED_HEADERS_MAX {
        return Err(AuthError::Incomplete("SignedHeaders must be lower-case, sorted and unique.".to_owned()));
    }
    names
        .into_iter()
        .map(|name| HeaderName::from_bytes(name.as_bytes()))
        .collect::<Result<_, _>>()
        .map_err(|_| AuthError::Incomplete("SignedHeaders has a name that is no header name.".to_owned()))
}

fn require_signed(headers: &HeaderMap, signed: &[HeaderName]) -> Result<(), AuthError> {
    if !signed.contains(&HOST) {
        return Err(AuthError::HostNotSigned);
    }
    for name in SIGNED_WHEN_PRESENT {
        if headers.contains_key(name) && !signed.iter().any(|signed| signed == name) {
            return Err(AuthError::HeaderNotSigned(name));
        }
    }
    Ok(())
}

fn parse_date(headers: &HeaderMap, parameters: &Parameters) -> Result<Timestamp, AuthError> {
    let malformed = || AuthError::Incomplete("The date of the signature must be YYYYMMDDTHHMMSSZ.".to_owned());
    if parameters.placement == Placement::Query {
        let date = parameters
            .date
            .as_deref()
            .ok_or_else(|| AuthError::Incomplete("Query requires 'X-Amz-Date' parameter.".to_owned()))?;
        return parse_iso_basic(date).ok_or_else(malformed);
    }
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    if let Some(date) = headers.get(X_AMZ_DATE) {
        return text(date).and_then(|date| parse_iso_basic(&date)).ok_or_else(malformed);
    }
    let Some(date) = headers.get(DATE) else {
        return Err(AuthError::Incomplete(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.".to_owned(),
        ));
    };
    text(date).and_then(|date| parse_iso_basic(&date).or_else(|| parse_http_date(&date))).ok_or_else(malformed)
}

/// Reads `Sun, 30 Aug 2015 12:36:00 GMT`.
fn parse_http_date(text: &str) -> Option<Timestamp> {
    let instant = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    Some(Timestamp::from_millis(instant.unix_timestamp().checked_mul(1000)?))
}

fn parse_signature(text: &str) -> Result<[u8; 32], AuthError> {
    let mut signature = [0; 32];
    hex::decode_to_slice(text, &mut signature)
        .map_err(|_| AuthError::Incomplete("Signature must have 64 hexadecimal digits.".to_owned()))?;
    Ok(signature)
}

fn parse_expires(parameters: &Parameters) -> Result<Option<Duration>, AuthError> {
    if parameters.placement == Placement::Header {
        return Ok(None);
    }
    let seconds = parameters.expires.as_deref().and_then(|text| text.parse::<u64>().ok());
    match seconds.map(Duration::from_secs) {
        Some(expires) if (Duration::from_secs(1)..=EXPIRES_MAX).contains(&expires) => Ok(Some(expires)),
        Some(_) | None => Err(AuthError::Incomplete(format!(
            "Query requires 'X-Amz-Expires' to be 1 to {} seconds.",
            EXPIRES_MAX.as_secs()
        ))),
    }
}

fn parse_payload(headers: &HeaderMap, parameter: Option<&str>) -> Result<Payload, AuthError> {
    let stated = match headers.get(X_AMZ_CONTENT_SHA256) {
        Some(value) => Some(value.to_str().unwrap_or_default()),
        None => parameter,
    };
    match stated {
        None => Ok(Payload::Body),
        Some(UNSIGNED_PAYLOAD) => Ok(Payload::Unsigned),
        Some(text) => BodyDigest::parse(text).map(Payload::Stated).ok_or_else(|| {
            AuthError::Incomplete(format!(
                "x-amz-content-sha256 must be the SHA-256 digest of the body in lower-case hexadecimal digits, or \
                 {UNSIGNED_PAYLOAD}."
            ))
        }),
    }
}
