//! Owns the way of an answer from an HTTP/1 target to the client, body and all, and what becomes of both connections behind it.
//!
//! Bytes go from the target's buffer to the client and only then is more read: memory stays constant and the target is slowed down to
//! the client's pace. The target's place is given up, its connection kept and everything counted *before* the last bytes go to the
//! client, so that a client that has seen its whole answer finds it counted.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::buffer::Buffer;
use crate::http1::body::BodyScanner;
use crate::http1::chunked::{BadChunk, Piece};
use crate::http1::connection::{Connection, Next};
use crate::http1::exchange::Failure;
use crate::http1::fields::Framing;
use crate::http1::plan::Request;
use crate::http1::response::{Afterwards, Delivery, ResponseHead};
use crate::http1::upload::{Upload, poll_write};
use crate::limits::BUFFER_SIZE;
use crate::plane::target::InFlight;

/// A piece of a body up to this size is copied behind what is written before it.
const COPIED_MAX: usize = 2048;

/// What is remembered of an answer's head.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered {
    pub status: u16,
    framing: Framing,
    pub delivery: Delivery,
    pub afterwards: Afterwards,
    next_for_target: NextForTarget,
}

/// The target while it answers.
struct Leg {
    stream: TcpStream,
    place: InFlight,
    next: NextForTarget,
    since: Instant,
}

/// What becomes of a target's connection once it has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NextForTarget {
    Keep,
    /// It was asked to close.
    Part,
    Close,
}

/// An answer on its way to the client.
struct Download {
    scanner: BodyScanner,
    delivery: Delivery,
    /// Bytes of `answer` that have been written.
    prefix_sent: usize,
    /// Bytes at the front of `reply` that are to be written.
    ready: usize,
    /// Chunks have been begun.
    in_chunks: bool,
    is_complete: bool,
}

impl Answered {
    pub fn new(head: &ResponseHead<'_, '_>, request: Request, keep_alive: bool) -> Self {
        let delivery = match head.framing {
            Framing::None | Framing::Length(_) => Delivery::AsIs,
            Framing::Chunked if request.is_http10 => Delivery::Dechunk,
            Framing::Chunked => Delivery::AsIs,
            Framing::UntilClose if request.is_http10 => Delivery::UntilClose,
            Framing::UntilClose => Delivery::Enchunk,
        };
        let is_delimited = matches!(delivery, Delivery::AsIs | Delivery::Enchunk);
        let afterwards = match keep_alive && is_delimited {
            _ if head.is_upgrade() => Afterwards::Upgrade,
            true if request.is_http10 => Afterwards::KeepAliveHttp10,
            true => Afterwards::KeepAlive,
            false => Afterwards::Close,
        };
        let next_for_target = match request.is_idempotent || request.upgrade {
            false => NextForTarget::Part,
            true if head.keep_alive() && !head.is_upgrade() => NextForTarget::Keep,
            true => NextForTarget::Close,
        };
        Answered { status: head.status, framing: head.framing, delivery, afterwards, next_for_target }
    }
}

impl Connection {
    /// Gives the client an answer whose head is in `answer` and whose body begins in `reply`.
    pub(super) async fn deliver(
        &mut self,
        stream: TcpStream,
        place: InFlight,
        mut upload: Upload,
        request: Request,
        answered: Answered,
        now: Instant,
    ) -> Next {
        if answered.afterwards == Afterwards::Upgrade {
            return Box::pin(self.tunnel(stream, place)).await;
        }
        let mut download = Download::new(answered);
        if download.stage(&mut self.reply, &mut self.answer).is_err() {
            drop((stream, place));
            return self.fail(Failure::BadAnswer, request, upload).await;
        }
        self.watchdog.set(now + self.idle_timeout);
        let mut leg = Some(Leg { stream, place, next: answered.next_for_target, since: now });
        self.part_if_complete(&download, &upload, &mut leg);
        let delivered = poll_fn(|context| self.poll_deliver(context, &mut download, &mut upload, &mut leg)).await;
        self.answer.clear();
        self.reply.discard();
        match delivered {
            Err(Failure::ClientGone) => {
                self.listener.counters.count_client_gone();
                Next::Abort
            }
            Err(_) => Next::Abort,
            Ok(()) => match answered.afterwards {
                Afterwards::KeepAlive | Afterwards::KeepAliveHttp10 => Next::Continue,
                Afterwards::Close | Afterwards::Upgrade => Next::Linger,
            },
        }
    }

    fn poll_deliver(
        &mut self,
        context: &mut Context<'_>,
        download: &mut Download,
        upload: &mut Upload,
        leg: &mut Option<Leg>,
    ) -> Poll<Result<(), Failure>> {
        if let Some(leg) = leg {
            self.poll_upload(context, &mut leg.stream, upload)?;
        }
        if let Poll::Ready(delivered) = self.poll_download(context, download, upload, leg) {
            return Poll::Ready(delivered);
        }
        if upload.has_ended() && self.poll_client_gone(context).is_ready() {
            return Poll::Ready(Err(Failure::ClientGone));
        }
        self.watchdog.poll(context).map(|()| Err(Failure::TimedOut))
    }

    fn poll_download(
        &mut self,
        context: &mut Context<'_>,
        download: &mut Download,
        upload: &Upload,
        leg: &mut Option<Leg>,
    ) -> Poll<Result<(), Failure>> {
        loop {
            let unsent = [&self.answer[download.prefix_sent..], &self.reply.filled()[..download.ready]];
            if unsent.iter().any(|part| !part.is_empty()) {
                match ready!(poll_write(&mut self.client, context, unsent)) {
                    Ok(count) => download.written(count, &self.answer, &mut self.reply),
                    Err(_) => return Poll::Ready(Err(Failure::ClientGone)),
                }
                continue;
            }
            let Some(target) = leg.as_mut().filter(|_| !download.is_complete) else { return Poll::Ready(Ok(())) };
            self.answer.clear();
            download.prefix_sent = 0;
            if !self.reply.is_empty() {
                // What is left is framing and then more data.
                download.stage(&mut self.reply, &mut self.answer).map_err(|BadChunk| Failure::BadAnswer)?;
                self.part_if_complete(download, upload, leg);
                continue;
            }
            if ready!(target.stream.poll_read_ready(context)).is_err() {
                return Poll::Ready(Err(Failure::Closed));
            }
            self.reply.make_room(BUFFER_SIZE);
            match ready!(self.reply.poll_fill(&mut target.stream, context)) {
                Ok(0) => download.end(&mut self.answer)?,
                Ok(_) => download.stage(&mut self.reply, &mut self.answer).map_err(|BadChunk| Failure::BadAnswer)?,
                Err(_) => return Poll::Ready(Err(Failure::Closed)),
            }
            self.watchdog.extend(self.idle_timeout);
            self.part_if_complete(download, upload, leg);
        }
    }

    /// Lets the target go once it has answered and been sent everything.
    fn part_if_complete(&mut self, download: &Download, upload: &Upload, leg: &mut Option<Leg>) {
        if !download.is_complete || !upload.is_sent() {
            return;
        }
        let Some(Leg { stream, place, next, since }) = leg.take() else { return };
        // What follows an answer nobody asked for; such a connection cannot be trusted.
        let has_surplus = self.reply.len() > download.ready;
        let target = place.target();
        let idle = target.idle(self.worker.index);
        match next {
            NextForTarget::Keep if !has_surplus => idle.put(stream, since),
            NextForTarget::Part => idle.part(stream, since),
            NextForTarget::Keep | NextForTarget::Close => {}
        }
        if target.is_draining() {
            target.close_idle();
        }
    }
}

impl Download {
    fn new(answered: Answered) -> Self {
        let scanner = BodyScanner::new(answered.framing);
        let delivery = answered.delivery;
        Download { scanner, delivery, prefix_sent: 0, ready: 0, in_chunks: false, is_complete: false }
    }

    /// Prepares what has been read for writing: `prefix` first, then the first `ready` bytes of `reply`.
    fn stage(&mut self, reply: &mut Buffer, prefix: &mut Vec<u8>) -> Result<(), BadChunk> {
        match (self.delivery, &mut self.scanner) {
            (Delivery::Dechunk, BodyScanner::Chunked(chunks)) => {
                while let Some(piece) = chunks.next(reply.filled())? {
                    match piece {
                        Piece::Framing(length) => reply.consume(length),
                        Piece::Data(length) => {
                            self.ready = length;
                            break;
                        }
                    }
                }
            }
            (Delivery::AsIs | Delivery::Enchunk | Delivery::UntilClose | Delivery::Dechunk, scanner) => {
                self.ready = scanner.advance(reply.filled())?;
            }
        }
        if self.delivery == Delivery::Enchunk && self.ready > 0 {
            prefix.extend_from_slice(if self.in_chunks { b"\r\n" } else { b"" });
            prefix.extend_from_slice(format!("{:x}\r\n", self.ready).as_bytes());
            self.in_chunks = true;
        }
        self.is_complete = self.scanner.is_done();
        if self.ready > 0 && self.ready <= COPIED_MAX {
            // Cheaper than a write of two parts.
            prefix.extend_from_slice(&reply.filled()[..self.ready]);
            reply.consume(self.ready);
            self.ready = 0;
        }
        Ok(())
    }

    /// The target has closed its connection.
    fn end(&mut self, prefix: &mut Vec<u8>) -> Result<(), Failure> {
        match self.delivery {
            Delivery::AsIs | Delivery::Dechunk => return Err(Failure::Closed),
            Delivery::Enchunk if self.in_chunks => prefix.extend_from_slice(b"\r\n0\r\n\r\n"),
            Delivery::Enchunk => prefix.extend_from_slice(b"0\r\n\r\n"),
            Delivery::UntilClose => {}
        }
        self.is_complete = true;
        Ok(())
    }

    fn written(&mut self, count: usize, prefix: &[u8], reply: &mut Buffer) {
        let of_prefix = count.min(prefix.len() - self.prefix_sent);
        self.prefix_sent += of_prefix;
        reply.consume(count - of_prefix);
        self.ready -= count - of_prefix;
    }
}
