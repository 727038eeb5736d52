//! Owns sending a copy in hyper's form: where the client or the target speaks HTTP/2.

use http::Response;
use http::request::Parts;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use seatrial_model::load_balancing::ProtocolVersion;
use tokio::time::{Instant, timeout_at};

use crate::http2::body::Repeatable;
use crate::http2::client::{SendError, send_http1, send_http2};
use crate::http2::forward::request;
use crate::limits::COPY_BODY_MAX;
use crate::mirror::{Errand, Outcome};

/// Sends a request without a body; `None` if no answer comes in time.
pub(super) async fn send(errand: &Errand, protocol: ProtocolVersion, parts: &Parts) -> Option<Outcome> {
    let began = Instant::now();
    let response = match timeout_at(errand.deadline, send_once(errand, protocol, parts)).await.ok()? {
        // The target has not looked at it, as when it closes a connection: once more, on a fresh one.
        Err(SendError::NotProcessed(_)) => {
            timeout_at(errand.deadline, send_once(errand, protocol, parts)).await.ok()?.ok()?
        }
        answered => answered.ok()?,
    };
    let outcome = Outcome { status: response.status().as_u16(), latency: began.elapsed() };
    // How the body ends is not compared; a stream that is dropped is reset.
    let _ = timeout_at(errand.deadline, drain(response.into_body())).await;
    Some(outcome)
}

async fn send_once(errand: &Errand, protocol: ProtocolVersion, parts: &Parts) -> Result<Response<Incoming>, SendError> {
    let (target, worker) = (errand.place.target(), &errand.worker);
    let body = Repeatable::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    let request = request(protocol, parts, body.send());
    match protocol {
        ProtocolVersion::Http1 => send_http1(target, request, worker.limits.connect_time).await,
        ProtocolVersion::Http2 | ProtocolVersion::Grpc => {
            send_http2(target, worker.index, request, worker.limits.connect_time).await
        }
    }
}

async fn drain(mut body: Incoming) {
    let mut left = COPY_BODY_MAX;
    while let Some(Ok(frame)) = body.frame().await {
        match left.checked_sub(frame.data_ref().map_or(0, bytes::Bytes::len)) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}
