//! Reads a request body within its limits, and its digest along the way.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use seatrial_aws_wire::CommonError;
use seatrial_aws_wire::sigv4::BodyDigest;
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use super::limits::Limits;

/// A body that arrived whole.
#[derive(Debug)]
pub(super) struct Body {
    pub bytes: Vec<u8>,
    pub digest: BodyDigest,
}

/// Reads the body, or says why it is refused. A body that announces to be too long is refused unread.
pub(super) async fn read(headers: &HeaderMap, body: Incoming, limits: &Limits) -> Result<Body, CommonError> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limits.body_bytes as u64) {
        return Err(too_large(limits));
    }
    if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        let text = "This engine does not read encoded bodies; send the request without Content-Encoding.";
        return Err(CommonError::MalformedInput(text.to_owned()));
    }
    match timeout(limits.body_timeout, collect(body, limits)).await {
        Ok(result) => result,
        Err(_) => Err(CommonError::RequestTimeout(format!(
            "The request body did not arrive within {} seconds.",
            limits.body_timeout.as_secs_f32()
        ))),
    }
}

async fn collect(mut body: Incoming, limits: &Limits) -> Result<Body, CommonError> {
    let mut bytes = Vec::new();
    let mut digest = Sha256::new();
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| CommonError::MalformedInput(format!("The request body broke off: {error}")))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > limits.body_bytes {
            return Err(too_large(limits));
        }
        digest.update(&data);
        bytes.extend_from_slice(&data);
    }
    Ok(Body { bytes, digest: BodyDigest::from_bytes(digest.finalize().into()) })
}

fn too_large(limits: &Limits) -> CommonError {
    CommonError::RequestTooLarge(format!("The request body is larger than {} bytes.", limits.body_bytes))
}
