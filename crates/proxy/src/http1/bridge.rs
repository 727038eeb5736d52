//! Owns requests of HTTP/1 clients to HTTP/2 targets: the request becomes hyper's, the answer becomes HTTP/1 again.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, Uri};
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use tokio::time::Instant;

use crate::answer::{Answer, reason};
use crate::decide::Forwarding;
use crate::http1::body::BodyScanner;
use crate::http1::chunked::{BadChunk, Piece};
use crate::http1::connection::{Connection, Next};
use crate::http1::exchange::Failure;
use crate::http1::fields::{Field, Framing};
use crate::http1::forward_head::put;
use crate::http1::pipe::{Abandoned, PipeWriter, pipe};
use crate::http1::plan::Request;
use crate::http1::request::{HeadSpace, RequestHead};
use crate::http1::response::Asked;
use crate::http1::upload::poll_write;
use crate::http2::body::AnyBody;
use crate::http2::forward::forward;
use crate::limits::BUFFER_SIZE;

/// A request in hyper's form, without its body.
pub(crate) struct Bridged(Parts);

/// The way of the body from the client into the pipe.
struct Pump {
    scanner: BodyScanner,
    /// Gone once the body has ended or nobody wants the rest.
    writer: Option<PipeWriter>,
    moved: bool,
}

/// How the answer's body is delimited for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    None,
    Length,
    Chunked,
    UntilClose,
}

impl Bridged {
    /// Reads the head that was written for the target; `None` if hyper would not take it.
    pub fn read(written: &[u8], head: &RequestHead<'_, '_>) -> Option<Self> {
        let mut space = HeadSpace::new();
        let written = RequestHead::parse(written, &mut space, head.source).ok()?;
        let (mut parts, ()) = http::Request::new(()).into_parts();
        parts.method = http::Method::from_bytes(head.method.as_bytes()).ok()?;
        parts.uri = head.target.parse::<Uri>().ok()?;
        for (header, field) in written.headers.iter().zip(written.fields) {
            if *field != Field::Expect {
                let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
                parts.headers.append(name, HeaderValue::from_bytes(header.value).ok()?);
            }
        }
        for (header, field) in head.headers.iter().zip(head.fields) {
            if *field == Field::Te {
                parts.headers.append(http::header::TE, HeaderValue::from_bytes(header.value).ok()?);
            }
        }
        Some(Bridged(parts))
    }
}

impl Connection {
    /// Sends a request through hyper and gives the client the answer.
    pub(super) async fn bridge(
        &mut self,
        forwarding: Forwarding,
        request: Request,
        bridged: Bridged,
        began: Instant,
    ) -> Next {
        let (mut pump, body) = Pump::new(request.framing);
        if request.expects_continue && self.input.is_empty() {
            self.answer.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            if self.write_answer().await.is_err() {
                return Next::Abort;
            }
        }
        let (listener, worker) = (Arc::clone(&self.listener), Arc::clone(&self.worker));
        let mut forwarded = Box::pin(forward(listener, worker, forwarding, bridged.0, body, began));
        let outcome = poll_fn(|context| {
            self.poll_pump(context, &mut pump)?;
            if let Poll::Ready(outcome) = forwarded.as_mut().poll(context) {
                return Poll::Ready(Ok(outcome));
            }
            if pump.has_ended() && self.poll_client_gone(context).is_ready() {
                return Poll::Ready(Err(Failure::ClientGone));
            }
            // Waiting for the target is timed there; here only the client is.
            if !pump.has_ended() && self.watchdog.poll(context).is_ready() {
                return Poll::Ready(Err(Failure::ClientTimedOut));
            }
            Poll::Pending
        });
        let outcome = outcome.await;
        drop(forwarded);
        self.watchdog.extend(self.idle_timeout);
        let request =
            Request { keep_alive: request.keep_alive && pump.is_complete(), framing: Framing::None, ..request };
        match outcome {
            Ok(Ok(response)) => self.deliver_bridged(response, pump, request).await,
            Ok(Err(answer)) => self.respond(&answer, pump.is_complete().then_some(request)).await,
            Err(Failure::ClientGone) => {
                self.listener.counters.count_client_gone();
                Next::Abort
            }
            Err(Failure::ClientTimedOut) => self.respond(&Answer::error(408), None).await,
            Err(_) => self.respond(&Answer::error(400), None).await,
        }
    }

    async fn deliver_bridged(&mut self, response: Response<AnyBody>, mut pump: Pump, request: Request) -> Next {
        let (parts, mut body) = response.into_parts();
        let status = parts.status.as_u16();
        let has_body = request.asked != Asked::Head && !matches!(status, 100..200 | 204 | 304);
        let shape = match parts.headers.contains_key(http::header::CONTENT_LENGTH) {
            _ if !has_body => Shape::None,
            true => Shape::Length,
            false if request.is_http10 => Shape::UntilClose,
            false => Shape::Chunked,
        };
        let keeps = request.keep_alive && shape != Shape::UntilClose && !self.listener.is_ending();
        self.write_bridged_head(status, &parts.headers, shape, keeps, request.is_http10);
        let (mut sent, mut has_ended) = (0, false);
        let delivered = poll_fn(|context| {
            loop {
                self.poll_pump(context, &mut pump)?;
                if sent < self.answer.len() {
                    match poll_write(&mut self.client, context, [&self.answer[sent..]]) {
                        Poll::Ready(Ok(count)) => sent += count,
                        Poll::Ready(Err(_)) => return Poll::Ready(Err(Failure::ClientGone)),
                        Poll::Pending => return self.watchdog.poll(context).map(|()| Err(Failure::TimedOut)),
                    }
                    continue;
                }
                if has_ended {
                    return Poll::Ready(Ok(()));
                }
                self.answer.clear();
                sent = 0;
                match Pin::new(&mut body).poll_frame(context) {
                    Poll::Ready(None) => {
                        has_ended = true;
                        end_chunks(shape, None, &mut self.answer);
                    }
                    Poll::Ready(Some(Ok(frame))) => {
                        self.watchdog.extend(self.idle_timeout);
                        if let Some(trailers) = frame.trailers_ref() {
                            has_ended = true;
                            end_chunks(shape, Some(trailers), &mut self.answer);
                        } else if let Ok(data) = frame.into_data() {
                            put_data(shape, &data, &mut self.answer);
                        }
                    }
                    Poll::Ready(Some(Err(_))) => return Poll::Ready(Err(Failure::Closed)),
                    Poll::Pending if pump.has_ended() && self.poll_client_gone(context).is_ready() => {
                        return Poll::Ready(Err(Failure::ClientGone));
                    }
                    Poll::Pending => return Poll::Pending,
                }
            }
        });
        let delivered = delivered.await;
        drop(body);
        self.answer.clear();
        match delivered {
            Ok(()) if keeps => Next::Continue,
            Ok(()) => Next::Linger,
            Err(Failure::ClientGone) => {
                self.listener.counters.count_client_gone();
                Next::Abort
            }
            Err(_) => Next::Abort,
        }
    }

    fn write_bridged_head(&mut self, status: u16, headers: &HeaderMap, shape: Shape, keeps: bool, is_http10: bool) {
        let out = &mut self.answer;
        out.clear();
        put(out, &[b"HTTP/1.1 ", status.to_string().as_bytes(), b" ", reason(status).as_bytes(), b"\r\n"]);
        for (name, value) in headers {
            put(out, &[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"]);
        }
        if shape == Shape::Chunked {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
        }
        let connection: &[u8] = match keeps {
            true if is_http10 => b"Connection: keep-alive\r\n",
            true => b"",
            false => b"Connection: close\r\n",
        };
        put(out, &[connection, b"\r\n"]);
    }

    /// Moves what the client has sent of its body.
    fn poll_pump(&mut self, context: &mut Context<'_>, pump: &mut Pump) -> Result<(), Failure> {
        let polled = self.poll_pump_once(context, pump);
        if std::mem::take(&mut pump.moved) {
            self.watchdog.extend(self.idle_timeout);
        }
        match polled {
            Poll::Ready(Err(failure)) => Err(failure),
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
        }
    }

    fn poll_pump_once(&mut self, context: &mut Context<'_>, pump: &mut Pump) -> Poll<Result<(), Failure>> {
        while let Some(writer) = &pump.writer {
            if pump.scanner.is_done() {
                writer.finish();
                pump.writer = None;
                break;
            }
            if let Err(Abandoned) = ready!(writer.poll_room(context)) {
                pump.writer = None;
                break;
            }
            if self.input.is_empty() {
                match ready!(self.poll_fill(context, BUFFER_SIZE)) {
                    Ok(0) | Err(_) => return Poll::Ready(Err(Failure::ClientGone)),
                    Ok(_) => {}
                }
            }
            match pump.scanner.next(self.input.filled()).map_err(|BadChunk| Failure::BadBody)? {
                Some(Piece::Data(length)) => {
                    writer.put(Bytes::copy_from_slice(&self.input.filled()[..length]));
                    self.input.consume(length);
                }
                Some(Piece::Framing(length)) => self.input.consume(length),
                None => {}
            }
            pump.moved = true;
        }
        Poll::Ready(Ok(()))
    }
}

impl Pump {
    fn new(framing: Framing) -> (Self, AnyBody) {
        let scanner = BodyScanner::new(framing);
        if scanner.is_done() {
            let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
            return (Pump { scanner, writer: None, moved: false }, body);
        }
        let (writer, body) = pipe();
        (Pump { scanner, writer: Some(writer), moved: false }, body.boxed_unsync())
    }

    fn has_ended(&self) -> bool {
        self.writer.is_none()
    }

    fn is_complete(&self) -> bool {
        self.scanner.is_done()
    }
}

fn put_data(shape: Shape, data: &[u8], out: &mut Vec<u8>) {
    match shape {
        Shape::None => {}
        Shape::Chunked if data.is_empty() => {}
        Shape::Chunked => put(out, &[format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"]),
        Shape::Length | Shape::UntilClose => out.extend_from_slice(data),
    }
}

fn end_chunks(shape: Shape, trailers: Option<&HeaderMap>, out: &mut Vec<u8>) {
    if shape != Shape::Chunked {
        return;
    }
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers.into_iter().flatten() {
        put(out, &[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"]);
    }
    out.extend_from_slice(b"\r\n");
}
