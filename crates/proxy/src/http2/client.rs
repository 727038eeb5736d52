//! Owns sending one request to one target through hyper, and telling what went wrong in terms of whether it may be sent again.
//!
//! An HTTP/2 target gets one connection from each worker, shared by its requests. A request on it may be repeated when the target has
//! said it did not look at it (`REFUSED_STREAM`, or a `GOAWAY` that leaves it out) or hyper gives it back unsent; that is how HTTP/2 servers
//! close connections without losing requests. An HTTP/1 target of an HTTP/2 client gets a fresh connection for each request: rare, and
//! always safe.

use std::error::Error;
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};

use crate::connect::connect_within;
use crate::http2::body::Sending;
use crate::limits::{HTTP2_CONNECTION_WINDOW, HTTP2_STREAM_WINDOW};
use crate::plane::target::{Target, lock};

type Sender = http2::SendRequest<Sending>;

/// One worker's HTTP/2 connection to one target.
#[derive(Debug, Default)]
pub(crate) struct Http2Slot {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// Counts connections, so that one that failed is not taken for its successor.
    number: u64,
    sender: Option<Sender>,
}

/// Why a target did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// No connection could be opened.
    #[error("could not connect to the target")]
    Unreachable(#[source] io::Error),
    /// The request was not looked at: it may be sent again whatever it is, also to the same target.
    #[error("the target did not take the request")]
    NotProcessed(#[source] hyper::Error),
    /// The connection broke with the request on it.
    #[error("the target's connection broke")]
    Broken(#[source] hyper::Error),
}

impl Http2Slot {
    /// Gives the connection up; it ends once its requests have.
    pub fn clear(&self) {
        let sender = lock(&self.kept).sender.take();
        drop(sender);
    }

    /// Gives one connection up, unless there is another by now.
    fn give_up(&self, number: u64) {
        let mut kept = lock(&self.kept);
        if kept.number == number {
            kept.sender = None;
        }
    }

    fn present(&self) -> Option<(u64, Sender)> {
        let kept = lock(&self.kept);
        let sender = kept.sender.as_ref().filter(|sender| !sender.is_closed())?;
        Some((kept.number, sender.clone()))
    }

    fn keep(&self, sender: Sender) -> u64 {
        let mut kept = lock(&self.kept);
        kept.number += 1;
        kept.sender = Some(sender);
        kept.number
    }

    async fn sender(&self, target: &Target, connect_time: Duration) -> Result<(u64, Sender), SendError> {
        if let Some(present) = self.present() {
            return Ok(present);
        }
        let stream = connect_within(target.key.target.socket(), connect_time).await.map_err(SendError::Unreachable)?;
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .initial_stream_window_size(HTTP2_STREAM_WINDOW)
            .initial_connection_window_size(HTTP2_CONNECTION_WINDOW);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(SendError::Broken)?;
        tokio::spawn(async move {
            // How it ended is told to the requests that were on it.
            let _ = connection.await;
        });
        let number = self.keep(sender.clone());
        if target.is_draining() {
            self.give_up(number);
        }
        Ok((number, sender))
    }
}

/// Sends a request in absolute form to an HTTP/2 target.
pub(crate) async fn send_http2(
    target: &Target,
    worker: usize,
    request: Request<Sending>,
    connect_time: Duration,
) -> Result<Response<Incoming>, SendError> {
    let slot = target.http2(worker);
    let (number, mut sender) = slot.sender(target, connect_time).await?;
    if let Err(error) = sender.ready().await {
        slot.give_up(number);
        return Err(SendError::NotProcessed(error));
    }
    match sender.try_send_request(request).await {
        Ok(response) => Ok(response),
        Err(mut failed) => {
            let unsent = failed.take_message().is_some();
            let error = failed.into_error();
            if leaves(&error) {
                slot.give_up(number);
            }
            Err(if unsent || is_unprocessed(&error) {
                SendError::NotProcessed(error)
            } else {
                SendError::Broken(error)
            })
        }
    }
}

/// Sends a request in origin form to an HTTP/1 target.
pub(crate) async fn send_http1(
    target: &Target,
    request: Request<Sending>,
    connect_time: Duration,
) -> Result<Response<Incoming>, SendError> {
    let stream = connect_within(target.key.target.socket(), connect_time).await.map_err(SendError::Unreachable)?;
    let (mut sender, connection) =
        http1::Builder::new().handshake(TokioIo::new(stream)).await.map_err(SendError::Broken)?;
    tokio::spawn(async move {
        // How it ended is told to the request that was on it.
        let _ = connection.await;
    });
    sender.send_request(request).await.map_err(SendError::Broken)
}

/// Whether the target said that it has not looked at the request.
fn is_unprocessed(error: &hyper::Error) -> bool {
    http2_error(error).is_some_and(|error| {
        let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
        let left_out = error.is_go_away() && error.is_remote() && error.reason() == Some(h2::Reason::NO_ERROR);
        refused || left_out
    })
}

/// Whether the connection takes no further requests.
fn leaves(error: &hyper::Error) -> bool {
    http2_error(error).is_none_or(|error| error.is_go_away() || error.is_io())
}

fn http2_error(error: &hyper::Error) -> Option<&h2::Error> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(found) = cause.downcast_ref::<h2::Error>() {
            return Some(found);
        }
        source = cause.source();
    }
    None
}
