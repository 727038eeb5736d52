//! Owns the way of a request to an HTTP/1 target: the head, then the body as it comes from the client.
//!
//! A body that has already arrived whole is *held*: its bytes stay in the client's buffer until the target has begun to answer, so the
//! request can be sent again. Any other body is *streamed*: bytes leave the buffer as the target takes them, which is also what keeps
//! memory constant and slows the client down to the target's pace.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

use crate::buffer::Buffer;
use crate::http1::body::BodyScanner;
use crate::http1::chunked::BadChunk;
use crate::http1::fields::Framing;
use crate::limits::BUFFER_SIZE;

/// A request on its way to a target.
#[derive(Debug)]
pub(crate) struct Upload {
    head_sent: usize,
    /// Bytes at the front of the client's buffer that belong to the body and are to be sent, and how many have been.
    ready: usize,
    ready_sent: usize,
    scanner: BodyScanner,
    held: bool,
    released: bool,
    state: State,
    moved: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Sending,
    /// The next step is the client's.
    AwaitingClient,
    Sent,
    /// The target takes no more; it may answer nevertheless.
    Broken,
}

/// Why a request cannot be sent to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UploadError {
    ClientGone,
    BadBody,
}

impl Upload {
    /// Begins with the part of the body that has arrived.
    pub fn new(framing: Framing, arrived: &[u8]) -> Result<Self, BadChunk> {
        let mut scanner = BodyScanner::new(framing);
        let ready = scanner.advance(arrived)?;
        let held = scanner.is_done();
        Ok(Upload {
            head_sent: 0,
            ready,
            ready_sent: 0,
            scanner,
            held,
            released: false,
            state: State::Sending,
            moved: false,
        })
    }

    /// Whether the whole body had arrived before anything was sent.
    pub fn is_held(&self) -> bool {
        self.held
    }

    /// Whether everything can be sent once more.
    pub fn may_repeat(&self) -> bool {
        self.held && !self.released
    }

    /// Whether the target has been sent everything.
    pub fn is_sent(&self) -> bool {
        self.state == State::Sent
    }

    /// Whether no more will be sent.
    pub fn has_ended(&self) -> bool {
        matches!(self.state, State::Sent | State::Broken)
    }

    /// Whether the client is what it waits for.
    pub fn awaits_client(&self) -> bool {
        self.state == State::AwaitingClient
    }

    /// Whether anything has moved since this was last asked.
    pub fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }

    /// Starts over. Only what may be repeated can be sent again once any of it has been sent.
    pub fn rewind(&mut self) {
        assert!(self.may_repeat() || self.head_sent == 0, "a streamed body is gone once it has been sent");
        (self.head_sent, self.ready_sent, self.state) = (0, 0, State::Sending);
    }

    /// Lets go of a held body: the target has begun to answer.
    pub fn release(&mut self, input: &mut Buffer) {
        if self.held {
            input.consume(self.ready);
            (self.ready, self.ready_sent) = (0, 0);
            self.released = true;
            if self.state != State::Sent {
                // The rest will not be sent, so nothing else may be sent on that connection either.
                self.state = State::Broken;
            }
        }
    }

    /// Sends what can be sent; ready when the upload has ended.
    pub fn poll(
        &mut self,
        context: &mut Context<'_>,
        head: &[u8],
        input: &mut Buffer,
        client: &mut TcpStream,
        target: &mut TcpStream,
    ) -> Poll<Result<(), UploadError>> {
        loop {
            let unsent = [&head[self.head_sent..], &input.filled()[self.ready_sent..self.ready]];
            if unsent.iter().any(|part| !part.is_empty()) {
                self.state = State::Sending;
                match ready!(poll_write(target, context, unsent)) {
                    Ok(count) => self.sent(count, head.len(), input),
                    Err(_) => {
                        self.state = State::Broken;
                        return Poll::Ready(Ok(()));
                    }
                }
                continue;
            }
            if self.scanner.is_done() {
                self.state = State::Sent;
                return Poll::Ready(Ok(()));
            }
            if input.is_empty() {
                self.state = State::AwaitingClient;
                ready!(client.poll_read_ready(context)).map_err(|_| UploadError::ClientGone)?;
                input.make_room(BUFFER_SIZE);
                match ready!(input.poll_fill(client, context)) {
                    Ok(0) | Err(_) => return Poll::Ready(Err(UploadError::ClientGone)),
                    Ok(_) => {}
                }
            }
            self.ready = self.scanner.advance(input.filled()).map_err(|BadChunk| UploadError::BadBody)?;
        }
    }

    fn sent(&mut self, count: usize, head_length: usize, input: &mut Buffer) {
        self.moved = true;
        let of_head = count.min(head_length - self.head_sent);
        self.head_sent += of_head;
        if self.held {
            self.ready_sent += count - of_head;
        } else {
            input.consume(count - of_head);
            self.ready -= count - of_head;
        }
    }
}

/// Writes as much of the parts as the socket takes; 0 bytes are an error.
pub(crate) fn poll_write<const N: usize>(
    stream: &mut TcpStream,
    context: &mut Context<'_>,
    parts: [&[u8]; N],
) -> Poll<io::Result<usize>> {
    let mut filled = parts.iter().filter(|part| !part.is_empty());
    let written = match (filled.next(), filled.next()) {
        (Some(only), None) => ready!(Pin::new(stream).poll_write(context, only)),
        _ => ready!(Pin::new(stream).poll_write_vectored(context, &parts.map(IoSlice::new))),
    };
    Poll::Ready(written.and_then(|count| if count == 0 { Err(io::ErrorKind::WriteZero.into()) } else { Ok(count) }))
}
