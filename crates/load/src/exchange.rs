//! One request and its whole answer.

use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout_at;

use crate::connection::{Reuse, Sender};
use crate::failure::{Failure, FailureKind};
use crate::request::Content;

/// The head of an answer.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
}

/// Sends the request and reads its answer to the end, by the deadline.
pub(crate) async fn whole(
    sender: &mut Sender,
    request: Request<Content>,
    reuse: Reuse,
    deadline: Instant,
) -> Result<Head, Failure> {
    let began = Instant::now();
    let (head, mut body) = head(sender, request, reuse, deadline).await?;
    let mut received = 0;
    while let Some(data) = piece(&mut body, deadline, began, received).await? {
        received += data.len() as u64;
    }
    Ok(head)
}

/// Sends the request and reads the head of its answer, by the deadline.
pub(crate) async fn head(
    sender: &mut Sender,
    request: Request<Content>,
    reuse: Reuse,
    deadline: Instant,
) -> Result<(Head, Incoming), Failure> {
    let began = Instant::now();
    match timeout_at(deadline.into(), sender.send(request)).await {
        Ok(Ok(answer)) => {
            let (parts, body) = answer.into_parts();
            Ok((Head { status: parts.status, headers: parts.headers }, body))
        }
        Ok(Err(error)) => Err(Failure::before_head(&error, reuse, began.elapsed())),
        Err(_elapsed) => {
            let detail = format!("no answer {} ms after the request was written", began.elapsed().as_millis());
            Err(Failure::new(FailureKind::Timeout, detail))
        }
    }
}

/// Reads the next piece of a body, by the deadline; none at its proper end.
pub(crate) async fn piece(
    body: &mut Incoming,
    deadline: Instant,
    began: Instant,
    received: u64,
) -> Result<Option<Bytes>, Failure> {
    loop {
        match timeout_at(deadline.into(), body.frame()).await {
            Ok(None) => return Ok(None),
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => return Ok(Some(data)),
                Err(_trailers) => {}
            },
            Ok(Some(Err(error))) => return Err(Failure::in_body(&error, received)),
            Err(_elapsed) => {
                let waited = began.elapsed().as_millis();
                let detail = format!("answer not complete after {waited} ms and {received} bytes of the body");
                return Err(Failure::new(FailureKind::Timeout, detail));
            }
        }
    }
}
