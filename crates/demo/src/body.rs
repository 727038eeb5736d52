//! The bodies of answers: one type for all, so that an ordinary answer needs no
//! allocation.

use std::fmt::Write;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

/// First word of the last line of `/stream`, which is `end chunks=N bytes=B`:
/// N lines and B bytes came before it. A reader that checks all three knows
/// that it has the whole answer.
pub const STREAM_END: &str = "end";

/// Size of one piece of `/bytes`.
const PIECE: usize = 64 * 1024;

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum DemoBody {
    /// A body known at once; empty after it was sent.
    Whole(Bytes),
    /// The request's own body.
    Echo(Incoming),
    /// This many bytes more.
    Bytes(u64),
    /// Lines, one at a time.
    Lines(Lines),
}

impl DemoBody {
    pub(crate) fn empty() -> Self {
        DemoBody::Whole(Bytes::new())
    }
}

impl Body for DemoBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            DemoBody::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            DemoBody::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            DemoBody::Echo(incoming) => Pin::new(incoming).poll_frame(context),
            DemoBody::Bytes(0) => Poll::Ready(None),
            DemoBody::Bytes(left) => {
                static PIECE_OF_BYTES: [u8; PIECE] = [b'x'; PIECE];
                let size = (*left).min(PIECE as u64);
                *left -= size;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&PIECE_OF_BYTES[..size as usize])))))
            }
            DemoBody::Lines(lines) => lines.poll_line(context).map(|line| line.map(|line| Ok(Frame::data(line)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            DemoBody::Whole(bytes) => bytes.is_empty(),
            DemoBody::Echo(incoming) => incoming.is_end_stream(),
            DemoBody::Bytes(left) => *left == 0,
            DemoBody::Lines(lines) => lines.ended,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            DemoBody::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            DemoBody::Echo(incoming) => incoming.size_hint(),
            DemoBody::Bytes(left) => SizeHint::with_exact(*left),
            DemoBody::Lines(_) => SizeHint::default(),
        }
    }
}

/// The lines of `/stream`: `chunk K/N VERSION` at an interval, then the end line.
#[derive(Debug)]
pub(crate) struct Lines {
    version: String,
    chunks: u64,
    interval: Duration,
    sent: u64,
    bytes: u64,
    ended: bool,
    pause: Pin<Box<Sleep>>,
}

impl Lines {
    pub(crate) fn new(version: &str, chunks: u64, interval: Duration) -> Self {
        Lines {
            version: version.to_owned(),
            chunks,
            interval,
            sent: 0,
            bytes: 0,
            ended: false,
            pause: Box::pin(tokio::time::sleep(Duration::ZERO)),
        }
    }

    fn poll_line(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let mut line = String::new();
        if self.sent == self.chunks {
            self.ended = true;
            let written = writeln!(line, "{STREAM_END} chunks={} bytes={}", self.chunks, self.bytes);
            written.expect("writing to a string cannot fail");
            return Poll::Ready(Some(Bytes::from(line)));
        }
        if self.sent > 0 && !self.interval.is_zero() {
            ready!(self.pause.as_mut().poll(context));
        }
        self.sent += 1;
        let written = writeln!(line, "chunk {}/{} {}", self.sent, self.chunks, self.version);
        written.expect("writing to a string cannot fail");
        self.bytes += line.len() as u64;
        self.pause.as_mut().reset(Instant::now() + self.interval);
        Poll::Ready(Some(Bytes::from(line)))
    }
}
