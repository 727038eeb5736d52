//! Owns forwarding a request in hyper's form: which target, how often, and what the client is told.
//!
//! The rules for sending a request again are those of `http1::exchange`, plus one: what the target says it has not looked at may always be
//! sent again, as far as its body has been remembered.

use std::sync::Arc;

use http::header::{HeaderValue, SET_COOKIE};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, Uri, Version};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use seatrial_model::load_balancing::ProtocolVersion;
use tokio::time::Instant;

use crate::answer::Answer;
use crate::decide::{Forwarding, decide_again};
use crate::http2::body::{AnyBody, Guarded, Repeatable, Sending};
use crate::http2::client::{SendError, send_http1, send_http2};
use crate::http2::facts::{authority, prepare_for, remove_hop_fields};
use crate::limits::ATTEMPTS_MAX;
use crate::plane::listener::Listener;
use crate::worker::shared::Worker;

/// Sends a request to its target, and to others where that is safe. The forwarding fields have been added.
pub(crate) async fn forward(
    listener: Arc<Listener>,
    worker: Arc<Worker>,
    mut forwarding: Forwarding,
    mut parts: Parts,
    body: AnyBody,
    began: Instant,
) -> Result<Response<AnyBody>, Answer> {
    let protocol = forwarding.group.protocol;
    let host = authority(&parts).to_owned();
    prepare_for(protocol, &mut parts.headers);
    let Some(uri) = target_uri(protocol, &parts, &host, &listener) else { return Err(Answer::error(400)) };
    if protocol == ProtocolVersion::Http1 {
        let host = HeaderValue::from_str(if host.is_empty() { &listener.host } else { &host });
        parts.headers.insert(http::header::HOST, host.map_err(|_| Answer::error(400))?);
    }
    parts.uri = uri;
    let mirroring = forwarding.mirror.take().filter(|_| body.is_end_stream());
    let mut original = mirroring.and_then(|copy| copy.copy_parts(&parts, &worker));
    let body = Repeatable::new(body);
    let idle_timeout = listener.routes.load().times.idle_timeout;
    let mut refused = Vec::new();
    let mut sent_at = began;
    let mut status = 502;
    let mut sent = 0;
    while sent < ATTEMPTS_MAX {
        let target = Arc::clone(forwarding.place.target());
        let request = request(protocol, &parts, body.send());
        let sending = async {
            match protocol {
                ProtocolVersion::Http1 => send_http1(&target, request, worker.limits.connect_time).await,
                ProtocolVersion::Http2 | ProtocolVersion::Grpc => {
                    send_http2(&target, worker.index, request, worker.limits.connect_time).await
                }
            }
        };
        match body.while_moving(idle_timeout, sending).await {
            Some(Ok(response)) => {
                target.count_request();
                let (status, latency) = (response.status().as_u16(), Instant::now() - sent_at);
                target.count_answer(status, latency);
                original.take().into_iter().for_each(|original| original.answered(status, latency));
                return Ok(answer(response, forwarding, idle_timeout));
            }
            Some(Err(SendError::NotProcessed(_))) if body.may_repeat() => {
                sent += 1;
                continue;
            }
            Some(Err(SendError::Unreachable(error))) => {
                sent += usize::from(error.kind() != std::io::ErrorKind::ConnectionRefused);
                target.count_connection_error();
                target.hint_refused();
                status = if error.kind() == std::io::ErrorKind::TimedOut { 504 } else { 502 };
            }
            Some(Err(SendError::NotProcessed(_) | SendError::Broken(_))) => {
                sent += 1;
                target.count_request();
                target.hint_refused();
                if !parts.method.is_idempotent() || !body.may_repeat() {
                    break;
                }
            }
            None => {
                target.count_request();
                status = 504;
                break;
            }
        }
        refused.push(target.digest);
        let Some(place) = decide_again(&listener, &forwarding.group, &refused, worker.clock.now()) else { break };
        forwarding.place = place;
        sent_at = Instant::now();
    }
    Err(Answer::error(status))
}

fn answer(
    response: Response<Incoming>,
    forwarding: Forwarding,
    idle_timeout: std::time::Duration,
) -> Response<AnyBody> {
    let Forwarding { place, stickiness, .. } = forwarding;
    let target = place.target().digest;
    let (mut parts, body) = response.into_parts();
    remove_hop_fields(&mut parts.headers);
    for cookie in stickiness.set_cookies(target) {
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            parts.headers.append(SET_COOKIE, cookie);
        }
    }
    Response::from_parts(parts, Guarded::new(body, place, idle_timeout).boxed_unsync())
}

/// Makes a request for a target out of the parts prepared for it.
pub(crate) fn request(protocol: ProtocolVersion, parts: &Parts, body: Sending) -> Request<Sending> {
    let mut request = Request::new(body);
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = parts.uri.clone();
    *request.headers_mut() = parts.headers.clone();
    *request.version_mut() = match protocol {
        ProtocolVersion::Http1 => Version::HTTP_11,
        ProtocolVersion::Http2 | ProtocolVersion::Grpc => Version::HTTP_2,
    };
    request
}

/// Origin form for HTTP/1, absolute form (which becomes pseudo-header fields) for HTTP/2.
fn target_uri(protocol: ProtocolVersion, parts: &Parts, host: &str, listener: &Listener) -> Option<Uri> {
    let path = parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let mut uri = http::uri::Parts::default();
    uri.path_and_query = Some(path);
    match protocol {
        ProtocolVersion::Http1 => {}
        ProtocolVersion::Http2 | ProtocolVersion::Grpc => {
            let host = if host.is_empty() { &listener.host } else { host };
            uri.scheme = Some(Scheme::HTTP);
            uri.authority = Some(host.parse::<Authority>().ok()?);
        }
    }
    Uri::from_parts(uri).ok()
}
