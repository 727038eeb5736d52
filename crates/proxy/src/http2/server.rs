//! Owns clients that speak HTTP/2 with prior knowledge, on the same port as HTTP/1.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::answer::Answer;
use crate::decide::{Decision, decide};
use crate::http2::body::{AnyBody, BoxError};
use crate::http2::facts::{Hop, PartsFacts, add_forwarding_fields};
use crate::http2::forward::forward;
use crate::limits::{HEAD_SIZE_MAX, HTTP2_CONNECTION_WINDOW, HTTP2_STREAM_WINDOW, HTTP2_STREAMS_MAX};
use crate::plane::listener::Listener;
use crate::stickiness::cookie_of;
use crate::worker::shared::Worker;

/// A client and where it connected to.
pub(crate) struct Client {
    pub address: IpAddr,
    pub address_text: String,
    /// When the connection was.
    pub opened: Instant,
    pub listener: Arc<Listener>,
    pub worker: Arc<Worker>,
}

/// Serves a connection until it ends, its listener closes, or it is idle for too long or too old. `read` is what has been read of it.
pub(crate) async fn serve(client: Client, stream: TcpStream, read: Vec<u8>) {
    let listener = Arc::clone(&client.listener);
    let opened = client.opened;
    let client = Arc::new(client);
    let streams = Arc::new(AtomicUsize::new(0));
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .initial_stream_window_size(HTTP2_STREAM_WINDOW)
        .initial_connection_window_size(HTTP2_CONNECTION_WINDOW)
        .max_header_list_size(HEAD_SIZE_MAX as u32);
    let counted = Arc::clone(&streams);
    let service = service_fn(move |request| {
        let open = OpenStream::count(&counted);
        let client = Arc::clone(&client);
        async move { Ok::<_, Infallible>(answer(client, request, open).await) }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(Resumed { read, at: 0, stream }), service));
    let mut ended = pin!(Arc::clone(listener.ended()).notified_owned());
    let mut idle_since = Instant::now();
    let mut is_ending = listener.is_ending();
    if is_ending {
        connection.as_mut().graceful_shutdown();
    }
    loop {
        let times = listener.routes.load().times;
        tokio::select! {
            _ = connection.as_mut() => return,
            () = ended.as_mut(), if !is_ending => {
                connection.as_mut().graceful_shutdown();
                is_ending = true;
            }
            () = tokio::time::sleep_until(opened + times.keep_alive), if !is_ending => {
                connection.as_mut().graceful_shutdown();
                is_ending = true;
            }
            () = tokio::time::sleep_until(idle_since + times.idle_timeout) => {
                if streams.load(Ordering::Relaxed) > 0 {
                    idle_since = Instant::now();
                } else if is_ending {
                    return;
                } else {
                    connection.as_mut().graceful_shutdown();
                    (is_ending, idle_since) = (true, Instant::now());
                }
            }
        }
    }
}

async fn answer(client: Arc<Client>, request: Request<Incoming>, open: OpenStream) -> Response<Open<AnyBody>> {
    let began = Instant::now();
    let counters = &client.listener.counters;
    counters.count_request();
    let waiting = Waiting { client: &client, answered: false };
    let (mut parts, body) = request.into_parts();
    let now = client.worker.clock.timestamp(began);
    let decision = if parts.method == Method::CONNECT {
        Decision::Answer(Answer::error(405))
    } else {
        let facts = PartsFacts { parts: &parts, source: client.address };
        let cookies = |name: &str| {
            let fields = parts.headers.get_all(http::header::COOKIE).iter();
            cookie_of(fields.map(HeaderValue::as_bytes), name)
        };
        decide(&client.listener, &facts, &cookies, now)
    };
    let answered = match decision {
        Decision::Answer(answer) => Err(answer),
        Decision::Forward(forwarding) => {
            let port = client.listener.address.port();
            let seconds = (now.as_millis() / 1000) as u32;
            add_forwarding_fields(&mut parts.headers, &Hop { client_address: &client.address_text, port, seconds });
            let (listener, worker) = (Arc::clone(&client.listener), Arc::clone(&client.worker));
            forward(listener, worker, forwarding, parts, body.map_err(BoxError::from).boxed_unsync(), began).await
        }
    };
    waiting.answered();
    let response = answered.unwrap_or_else(|answer| {
        counters.count_answer(answer.status);
        own_answer(&answer, &client)
    });
    response.map(|body| Open { body, _open: open })
}

fn own_answer(answer: &Answer, client: &Client) -> Response<AnyBody> {
    let body = Full::new(answer.body.to_string().into()).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    for (name, value) in answer.fields(client.worker.clock.now()) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// A request not yet answered; dropped as such when the client resets its stream.
struct Waiting<'a> {
    client: &'a Client,
    answered: bool,
}

impl Waiting<'_> {
    fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.client.listener.counters.count_client_gone();
        }
    }
}

/// Counts a stream as open until its answer's body has ended.
struct OpenStream(Arc<AtomicUsize>);

impl OpenStream {
    fn count(streams: &Arc<AtomicUsize>) -> Self {
        streams.fetch_add(1, Ordering::Relaxed);
        OpenStream(Arc::clone(streams))
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Open<B> {
    body: B,
    _open: OpenStream,
}

impl<B: Body + Unpin> Body for Open<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection whose first bytes have been read already.
struct Resumed {
    read: Vec<u8>,
    at: usize,
    stream: TcpStream,
}

impl AsyncRead for Resumed {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.at < self.read.len() {
            let count = into.remaining().min(self.read.len() - self.at);
            into.put_slice(&self.read[self.at..self.at + count]);
            self.at += count;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Resumed {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
