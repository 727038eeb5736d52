//! The credential of AWS's published test vectors, and requests signed with it.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::sync::LazyLock;

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, Method};
use seatrial_aws_wire::sigv4::{
    AccessKeyId, AuthError, BodyDigest, Claim, Credential, RequestHead, SecretAccessKey, Signer,
};
use seatrial_model::Timestamp;

/// 2015-08-30 12:36:00 UTC.
pub const SIGNED_AT: Timestamp = Timestamp::from_millis(1_440_938_160_000);

static ACCESS_KEY_ID: LazyLock<AccessKeyId> = LazyLock::new(access_key_id);
static CREDENTIAL: LazyLock<Credential> = LazyLock::new(credential);

pub fn access_key_id() -> AccessKeyId {
    AccessKeyId::parse("AKIDEXAMPLE").expect("an access key id")
}

pub fn credential() -> Credential {
    Credential { secret: SecretAccessKey::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), session_token: None }
}

pub fn signer<'a>(region: &'a str, service: &'a str) -> Signer<'a> {
    Signer { access_key_id: &ACCESS_KEY_ID, credential: &CREDENTIAL, region, service }
}

pub fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a header value"));
    }
    headers
}

/// A request that owns its parts, so that tests can change one of them after signing.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Request {
    pub fn head(&self) -> RequestHead<'_> {
        RequestHead { method: &self.method, path: &self.path, query: &self.query, headers: &self.headers }
    }

    pub fn sign(&mut self, signer: &Signer<'_>) {
        for (name, value) in signer.sign(&self.head(), BodyDigest::of(&self.body), SIGNED_AT) {
            self.headers.insert(name, value);
        }
    }

    /// Verifies as a server does whose clock shows [`SIGNED_AT`].
    pub fn verify(&self) -> Result<(), AuthError> {
        self.verify_at(SIGNED_AT)
    }

    pub fn verify_at(&self, now: Timestamp) -> Result<(), AuthError> {
        let claim = Claim::parse(&self.head())?;
        if *claim.access_key_id() != access_key_id() {
            return Err(AuthError::UnknownKey);
        }
        claim.check_time(now)?;
        claim.verify(&self.head(), &credential(), BodyDigest::of(&self.body))
    }

    pub fn set(&mut self, name: &'static str, value: &str) {
        self.headers.insert(name, value.parse().expect("a header value"));
    }

    /// Replaces a part of the `Authorization` header.
    pub fn replace_in_authorization(&mut self, from: &str, to: &str) {
        let text = self.headers["authorization"].to_str().expect("ASCII").to_owned();
        assert!(text.contains(from), "{from} is not in {text}");
        self.set("authorization", &text.replace(from, to));
    }
}

/// An ECS request signed at [`SIGNED_AT`].
pub fn ecs_request() -> Request {
    let mut request = Request {
        method: Method::POST,
        path: "/".to_owned(),
        query: String::new(),
        headers: headers(&[
            ("host", "127.0.0.1:4600"),
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", "AmazonEC2ContainerServiceV20141113.ListClusters"),
            ("user-agent", "test"),
        ]),
        body: b"{}".to_vec(),
    };
    request.sign(&signer("us-east-1", "ecs"));
    request
}
