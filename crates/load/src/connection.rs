//! Opens connections and sends single requests on them, with nothing in between
//! that could retry.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::time::timeout_at;

use crate::failure::{Failure, FailureKind};
use crate::plan::{LoadPlan, Protocol};
use crate::request::Content;

/// Opens connections to the target.
#[derive(Debug)]
pub(crate) struct Dialer {
    addresses: Vec<SocketAddr>,
    connect_timeout: Duration,
    protocol: Protocol,
}

impl Dialer {
    pub(crate) fn new(plan: &LoadPlan, addresses: Vec<SocketAddr>) -> Self {
        Dialer { addresses, connect_timeout: plan.connect_timeout, protocol: plan.protocol }
    }

    /// Opens a TCP connection to the first address that takes it, within the
    /// connect timeout and before the deadline.
    pub(crate) async fn dial(&self, deadline: Instant) -> Result<TcpStream, Failure> {
        let limit = deadline.min(Instant::now() + self.connect_timeout);
        match timeout_at(limit.into(), TcpStream::connect(self.addresses.as_slice())).await {
            Ok(Ok(stream)) => {
                // Without it small requests would wait for acknowledgements; nothing else depends on it.
                let _ = stream.set_nodelay(true);
                Ok(stream)
            }
            Ok(Err(error)) => Err(Failure::connecting(&error)),
            Err(_elapsed) => Err(Failure::new(FailureKind::ConnectTimeout, "no connection in time")),
        }
    }

    /// Opens a connection that speaks the plan's protocol.
    pub(crate) async fn open(&self, deadline: Instant) -> Result<Sender, Failure> {
        let stream = TokioIo::new(self.dial(deadline).await?);
        let failed = |error: hyper::Error| Failure::before_head(&error, Reuse::New, Duration::ZERO);
        // Neither handshake waits for the server: they only prepare what is sent first.
        match self.protocol {
            Protocol::Http1 => {
                let (sender, connection) = http1::handshake(stream).await.map_err(failed)?;
                // The connection's errors reach whoever waits for an answer on it.
                tokio::spawn(connection);
                Ok(Sender::Http1(sender))
            }
            Protocol::Http2 => {
                let handshake = http2::handshake(TokioExecutor::new(), stream);
                let (sender, connection) = handshake.await.map_err(failed)?;
                tokio::spawn(connection);
                Ok(Sender::Http2(sender))
            }
        }
    }
}

/// Whether a connection was used before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// It was opened for this request.
    New,
    /// It was used before and then idle for this long.
    KeptAlive(Duration),
    /// It is used by several requests at a time.
    Shared,
}

/// The sending end of an open connection.
#[derive(Debug)]
pub(crate) enum Sender {
    Http1(http1::SendRequest<Content>),
    Http2(http2::SendRequest<Content>),
}

impl Sender {
    /// Sends the request, once, and waits for the head of its answer.
    pub(crate) async fn send(&mut self, request: Request<Content>) -> hyper::Result<Response<Incoming>> {
        match self {
            Sender::Http1(sender) => sender.send_request(request).await,
            Sender::Http2(sender) => sender.send_request(request).await,
        }
    }

    /// Waits until another request could be sent; an error means that the
    /// connection is of no more use.
    pub(crate) async fn ready(&mut self) -> hyper::Result<()> {
        match self {
            Sender::Http1(sender) => sender.ready().await,
            Sender::Http2(sender) => sender.ready().await,
        }
    }

    /// Tells whether the connection is known to be closed.
    pub(crate) fn is_closed(&self) -> bool {
        match self {
            Sender::Http1(sender) => sender.is_closed(),
            Sender::Http2(sender) => sender.is_closed(),
        }
    }
}
