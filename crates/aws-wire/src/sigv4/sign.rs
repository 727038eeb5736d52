//! Signing requests as an SDK does.

use std::time::Duration;

use http::HeaderValue;
use http::header::{AUTHORIZATION, HeaderName};
use seatrial_model::Timestamp;

use super::canonical::{RequestHead, canonical_request, encode, joined};
use super::claim::{X_AMZ_CONTENT_SHA256, X_AMZ_DATE, X_AMZ_SECURITY_TOKEN};
use super::key::{BodyDigest, signature};
use super::scope::{AccessKeyId, CredentialScope, iso_basic};
use super::verify::Credential;
use super::{ALGORITHM, UNSIGNED_PAYLOAD};

/// Headers that intermediaries may change and that SDKs therefore leave unsigned.
const UNSIGNED_HEADERS: [&str; 7] =
    ["authorization", "connection", "expect", "te", "transfer-encoding", "user-agent", "x-amzn-trace-id"];

/// Signs requests with one credential, for one service in one Region.
#[derive(Clone, Debug)]
pub struct Signer<'a> {
    pub access_key_id: &'a AccessKeyId,
    pub credential: &'a Credential,
    pub region: &'a str,
    /// The service's signing name.
    pub service: &'a str,
}

/// The headers that make a request a signed one.
pub type SignatureHeaders = Vec<(HeaderName, HeaderValue)>;

impl Signer<'_> {
    /// Returns the headers to add to a request. The request must have its `host` header already.
    ///
    /// Signs every header that intermediaries leave alone. A `x-amz-content-sha256` header of the request stands for the body.
    pub fn sign(&self, head: &RequestHead<'_>, body: BodyDigest, at: Timestamp) -> SignatureHeaders {
        let mut added = vec![(HeaderName::from_static(X_AMZ_DATE), printable(&iso_basic(at)))];
        if let Some(token) = &self.credential.session_token {
            added.push((HeaderName::from_static(X_AMZ_SECURITY_TOKEN), printable(token)));
        }
        let mut headers = head.headers.clone();
        for (name, value) in &added {
            headers.insert(name.clone(), value.clone());
        }
        let mut signed: Vec<HeaderName> = headers.keys().filter(|name| is_signed(name)).cloned().collect();
        signed.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        let payload = match headers.get(X_AMZ_CONTENT_SHA256).map(|value| value.to_str().unwrap_or_default()) {
            Some(stated) => stated.to_owned(),
            None => body.to_string(),
        };
        let scope = CredentialScope::new(at, self.region, self.service);
        let canonical = canonical_request(&RequestHead { headers: &headers, ..*head }, &signed, None, &payload);
        let signature = hex::encode(signature(&self.credential.secret, &scope, &iso_basic(at), &canonical));
        let (key, names) = (self.access_key_id, joined(&signed));
        let authorization =
            format!("{ALGORITHM} Credential={key}/{scope}, SignedHeaders={names}, Signature={signature}");
        added.push((AUTHORIZATION, printable(&authorization)));
        added
    }

    /// Returns the query that makes a request valid for `expires` without any header but those it has now.
    ///
    /// `body` is the digest of the body that will be sent; `None` leaves the body out of the signature.
    pub fn presign(
        &self,
        head: &RequestHead<'_>,
        body: Option<BodyDigest>,
        expires: Duration,
        at: Timestamp,
    ) -> String {
        let scope = CredentialScope::new(at, self.region, self.service);
        let mut signed: Vec<HeaderName> = head.headers.keys().filter(|name| is_signed(name)).cloned().collect();
        signed.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        let mut parameters = vec![
            ("X-Amz-Algorithm", ALGORITHM.to_owned()),
            ("X-Amz-Credential", format!("{}/{scope}", self.access_key_id)),
            ("X-Amz-Date", iso_basic(at)),
            ("X-Amz-SignedHeaders", joined(&signed)),
            ("X-Amz-Expires", expires.as_secs().to_string()),
        ];
        if let Some(token) = &self.credential.session_token {
            parameters.push(("X-Amz-Security-Token", token.clone()));
        }
        let payload = match body {
            Some(digest) => digest.to_string(),
            None => {
                parameters.push(("X-Amz-Content-Sha256", UNSIGNED_PAYLOAD.to_owned()));
                UNSIGNED_PAYLOAD.to_owned()
            }
        };
        let mut query = head.query.to_owned();
        for (name, value) in parameters {
            let separator = if query.is_empty() { "" } else { "&" };
            query.push_str(&format!("{separator}{name}={}", encode(value.as_bytes())));
        }
        let canonical = canonical_request(&RequestHead { query: &query, ..*head }, &signed, None, &payload);
        let signature = hex::encode(signature(&self.credential.secret, &scope, &iso_basic(at), &canonical));
        format!("{query}&X-Amz-Signature={signature}")
    }
}

fn is_signed(name: &HeaderName) -> bool {
    !UNSIGNED_HEADERS.contains(&name.as_str())
}

fn printable(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}
