//! Owns a client's connection: receives heads, hands each request to what answers it, and decides what becomes of the connection.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::futures::OwnedNotified;
use tokio::time::Instant;

use crate::answer::Answer;
use crate::buffer::Buffer;
use crate::http1::plan::{Origin, Plan, plan};
use crate::http1::request::Refusal;
use crate::http1::scan::{HeadScan, Scanned};
use crate::http2;
use crate::limits::{BUFFER_SIZE, HEAD_SIZE_MAX};
use crate::plane::listener::Listener;
use crate::watchdog::Watchdog;
use crate::worker::shared::Worker;

/// What an HTTP/2 client with prior knowledge begins with: a head no HTTP/1 client sends.
const HTTP2_PREFACE_HEAD: &[u8] = b"PRI * HTTP/2.0\r\n\r\n";

/// A connection to a client.
pub(crate) struct Connection {
    pub(super) client: TcpStream,
    pub(super) address: IpAddr,
    pub(super) address_text: String,
    pub(super) listener: Arc<Listener>,
    pub(super) worker: Arc<Worker>,
    /// From the client.
    pub(super) input: Buffer,
    /// The head for the target; kept until the target answers, in case it has to be sent again.
    pub(super) outgoing: Vec<u8>,
    /// From the target.
    pub(super) reply: Buffer,
    /// For the client, ahead of what is in `reply`.
    pub(super) answer: Vec<u8>,
    pub(super) watchdog: Watchdog,
    /// The listener's, as of the present request.
    pub(super) idle_timeout: Duration,
    opened: Instant,
    closed: Pin<Box<OwnedNotified>>,
}

/// What becomes of a connection after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Continue,
    /// Everything has been said; the client may still be sending.
    Linger,
    /// Nothing more can be said.
    Abort,
}

enum Received {
    Head(usize),
    Refused(u16),
    Closed,
}

impl Connection {
    pub fn new(client: TcpStream, peer: SocketAddr, listener: Arc<Listener>, worker: Arc<Worker>) -> Self {
        let address = peer.ip().to_canonical();
        let idle_timeout = listener.routes.load().times.idle_timeout;
        let closed = Box::pin(Arc::clone(listener.closed()).notified_owned());
        Connection {
            client,
            address,
            address_text: address.to_string(),
            listener,
            worker,
            input: Buffer::default(),
            outgoing: Vec::new(),
            reply: Buffer::default(),
            answer: Vec::new(),
            watchdog: Watchdog::new(Instant::now() + idle_timeout),
            idle_timeout,
            opened: Instant::now(),
            closed,
        }
    }

    /// Serves requests until the connection ends.
    pub async fn serve(mut self) {
        loop {
            let length = match self.receive_head().await {
                Received::Head(length) => length,
                Received::Refused(status) => {
                    self.listener.counters.count_request();
                    self.respond(&Answer::error(status), None).await;
                    return self.linger().await;
                }
                Received::Closed => return,
            };
            if &self.input.filled()[..length] == HTTP2_PREFACE_HEAD {
                return Box::pin(self.serve_http2()).await;
            }
            match self.serve_request(length).await {
                Next::Continue => {}
                Next::Linger => return self.linger().await,
                Next::Abort => return,
            }
        }
    }

    async fn serve_request(&mut self, length: usize) -> Next {
        let began = Instant::now();
        self.listener.counters.count_request();
        let origin = Origin {
            listener: &self.listener,
            worker: &self.worker,
            address: self.address,
            address_text: &self.address_text,
        };
        let plan = plan(&self.input.filled()[..length], origin, began, &mut self.outgoing);
        self.input.consume(length);
        // A request may wait long for its answer; without a body it needs no buffer meanwhile.
        self.input.release();
        let times = self.listener.routes.load().times;
        let plan = if began.duration_since(self.opened) >= times.keep_alive { plan.closing() } else { plan };
        self.idle_timeout = times.idle_timeout;
        self.watchdog.set(began + self.idle_timeout);
        match plan {
            Plan::Refuse(refusal) => self.respond(&Answer::error(refusal.status()), None).await,
            Plan::Answer(answer, request) => self.respond(&answer, Some(request)).await,
            Plan::Forward(forwarding, request) => self.exchange(forwarding, request, began).await,
            Plan::Bridge(forwarding, request, bridged) => {
                Box::pin(self.bridge(forwarding, request, *bridged, began)).await
            }
        }
    }

    /// Hands the connection to the HTTP/2 server, with what has been read of it.
    async fn serve_http2(self) {
        let client = http2::server::Client {
            address: self.address,
            address_text: self.address_text,
            opened: self.opened,
            listener: self.listener,
            worker: self.worker,
        };
        http2::server::serve(client, self.client, self.input.filled().to_vec()).await;
    }

    /// Receives the head of the next request.
    async fn receive_head(&mut self) -> Received {
        // Registers this task to be woken when the listener closes; it stays registered.
        poll_fn(|context| {
            let _ = self.closed.as_mut().poll(context);
            Poll::Ready(())
        })
        .await;
        let mut scan = HeadScan::default();
        let mut is_partial = false;
        loop {
            if !self.input.is_empty() {
                match scan.advance(self.input.filled()) {
                    Scanned::Complete(length) => return Received::Head(length),
                    Scanned::Malformed => return Received::Refused(Refusal::BadRequest.status()),
                    Scanned::Partial if self.input.len() >= HEAD_SIZE_MAX => {
                        return Received::Refused(Refusal::HeadTooLarge.status());
                    }
                    // Nothing begins like that, least of all TLS: no need to wait for the rest.
                    Scanned::Partial if !can_begin_head(self.input.filled()[0]) => {
                        return Received::Refused(Refusal::BadRequest.status());
                    }
                    Scanned::Partial => {}
                }
                if !is_partial {
                    is_partial = true;
                    self.watchdog.extend(self.worker.limits.head_time);
                }
            }
            if let Err(received) = poll_fn(|context| self.poll_receive(context)).await {
                return received;
            }
        }
    }

    /// Reads more of a head.
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Received>> {
        if self.input.is_empty() {
            if self.listener.is_closing() {
                return Poll::Ready(Err(Received::Closed));
            }
            self.input.release();
        }
        match self.poll_fill(context, HEAD_SIZE_MAX) {
            Poll::Ready(Ok(count)) if count > 0 => Poll::Ready(Ok(())),
            Poll::Ready(Ok(_) | Err(_)) => Poll::Ready(Err(Received::Closed)),
            Poll::Pending if self.watchdog.poll(context).is_pending() => Poll::Pending,
            Poll::Pending if self.input.is_empty() => Poll::Ready(Err(Received::Closed)),
            Poll::Pending => Poll::Ready(Err(Received::Refused(408))),
        }
    }

    /// Reads from the client once there is something, so that no memory is held while there is nothing.
    pub(super) fn poll_fill(&mut self, context: &mut Context<'_>, limit: usize) -> Poll<io::Result<usize>> {
        ready!(self.client.poll_read_ready(context))?;
        if !self.input.make_room(limit) {
            return Poll::Pending;
        }
        self.input.poll_fill(&mut self.client, context)
    }

    /// Is ready when the client has left. What it sends meanwhile is kept, as far as a buffer goes.
    pub(super) fn poll_client_gone(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.input.len() < BUFFER_SIZE {
            match ready!(self.poll_fill(context, BUFFER_SIZE)) {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(_) => {}
            }
        }
        Poll::Pending
    }
}

fn can_begin_head(byte: u8) -> bool {
    byte.is_ascii_graphic() || byte == b'\r' || byte == b'\n'
}
