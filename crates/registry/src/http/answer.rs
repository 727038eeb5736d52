//! Answers and their bodies.

use std::io;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use http::{Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use seatrial_model::image::Digest;
use serde_json::Value;

/// The body of an answer: a text, or a blob as it is read.
pub type AnswerBody = UnsyncBoxBody<Bytes, io::Error>;

pub(super) const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

pub(super) fn full(bytes: impl Into<Bytes>) -> AnswerBody {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response<AnswerBody> {
    let mut response = Response::new(full(Bytes::new()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(0));
    response
}

pub(super) fn json(status: StatusCode, body: &Value) -> Response<AnswerBody> {
    let mut response = Response::new(full(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The answer that something is there now, under a digest.
pub(super) fn created(location: &str, digest: &Digest) -> Response<AnswerBody> {
    let mut response = empty(StatusCode::CREATED);
    set(&mut response, LOCATION, location);
    set(&mut response, CONTENT_DIGEST, digest.as_str());
    response
}

/// Sets a header to a text made of parsed names, which are all plain ASCII.
pub(super) fn set(response: &mut Response<AnswerBody>, name: HeaderName, value: &str) {
    response.headers_mut().insert(name, HeaderValue::from_str(value).expect("parsed names are visible ASCII"));
}
