//! Reads a request body within its limits, and its digest along the way.

use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use seatrial_aws_wire::sigv4::BodyDigest;
use seatrial_aws_wire::{CommonError, ContentEncoding};
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use super::limits::Limits;

/// A body that arrived whole, as it was sent.
#[derive(Debug)]
pub(super) struct Body {
    bytes: Vec<u8>,
    encoding: ContentEncoding,
    /// The digest that is signed: of the bytes as they were sent.
    pub digest: BodyDigest,
}

impl Body {
    /// Undoes the encoding of the body; decoded, it has to keep to the same limit as encoded.
    pub(super) fn decode(self, limits: &Limits) -> Result<Vec<u8>, CommonError> {
        self.encoding.decode(self.bytes, limits.body_bytes)
    }
}

/// Reads the body, or says why it is refused. One that announces to be too long, or an encoding that cannot be undone, is refused unread.
pub(super) async fn read(headers: &HeaderMap, body: Incoming, limits: &Limits) -> Result<Body, CommonError> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limits.body_bytes as u64) {
        return Err(too_large(limits));
    }
    let encoding = ContentEncoding::announced(headers)?;
    match timeout(limits.body_timeout, collect(body, encoding, limits)).await {
        Ok(result) => result,
        Err(_) => Err(CommonError::RequestTimeout(format!(
            "The request body did not arrive within {} seconds.",
            limits.body_timeout.as_secs_f32()
        ))),
    }
}

async fn collect(mut body: Incoming, encoding: ContentEncoding, limits: &Limits) -> Result<Body, CommonError> {
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
    Ok(Body { bytes, encoding, digest: BodyDigest::from_bytes(digest.finalize().into()) })
}

fn too_large(limits: &Limits) -> CommonError {
    CommonError::RequestTooLarge(format!("The request body is larger than {} bytes.", limits.body_bytes))
}
