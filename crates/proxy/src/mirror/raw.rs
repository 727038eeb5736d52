//! Owns sending a copy to an HTTP/1 target and reading its answer to the end, or as far as a connection is worth it.
//!
//! It uses the target's kept connections as requests do, and a copy, being safe, is sent once more when such a connection turns out to
//! be closed.

use std::future::poll_fn;
use std::task::ready;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::buffer::Buffer;
use crate::connect::connect;
use crate::http1::body::BodyScanner;
use crate::http1::fields::Framing;
use crate::http1::request::HeadSpace;
use crate::http1::response::{Asked, ResponseHead};
use crate::http1::scan::{HeadScan, Scanned};
use crate::limits::{BUFFER_SIZE, COPY_BODY_MAX, HEAD_SIZE_MAX};
use crate::mirror::{Errand, Outcome};

/// The connection closed, or what came on it is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unanswered;

/// A connection to a target.
struct Leg {
    stream: TcpStream,
    reply: Buffer,
}

/// What is known of an answer once its head has come.
struct Head {
    status: u16,
    framing: Framing,
    keep_alive: bool,
}

/// Sends a request that is nothing but its head; `None` if no answer comes in time.
pub(super) async fn send(errand: &Errand, head: &[u8], asked: Asked) -> Option<Outcome> {
    let target = errand.place.target();
    let idle = target.idle(errand.worker.index);
    let began = Instant::now();
    let mut kept = idle.take();
    let (mut leg, answer) = loop {
        let (stream, is_fresh) = match kept.take() {
            Some(stream) => (stream, false),
            None => (timeout_at(errand.deadline, connect(target.key.target.socket())).await.ok()?.ok()?, true),
        };
        let mut leg = Leg { stream, reply: Buffer::default() };
        match timeout_at(errand.deadline, leg.ask(head, asked)).await.ok()? {
            Ok(answer) => break (leg, answer),
            Err(Unanswered) if is_fresh => return None,
            Err(Unanswered) => {}
        }
    };
    let outcome = Outcome { status: answer.status, latency: began.elapsed() };
    let is_whole = timeout_at(errand.deadline, leg.drain(answer.framing)).await == Ok(Ok(()));
    if is_whole && answer.keep_alive && leg.reply.is_empty() {
        idle.put(leg.stream, Instant::now());
        if target.is_draining() {
            target.close_idle();
        }
    }
    Some(outcome)
}

impl Leg {
    async fn ask(&mut self, head: &[u8], asked: Asked) -> Result<Head, Unanswered> {
        self.stream.write_all(head).await.map_err(|_| Unanswered)?;
        loop {
            let length = self.receive_head().await?;
            let (head, is_interim) = {
                let mut space = HeadSpace::new();
                let bytes = &self.reply.filled()[..length];
                let head = ResponseHead::parse(bytes, &mut space, asked).map_err(|_| Unanswered)?;
                let keep_alive = head.keep_alive() && !head.is_upgrade();
                (Head { status: head.status, framing: head.framing, keep_alive }, head.is_interim())
            };
            self.reply.consume(length);
            if !is_interim {
                return Ok(head);
            }
        }
    }

    async fn receive_head(&mut self) -> Result<usize, Unanswered> {
        let mut scan = HeadScan::default();
        loop {
            if !self.reply.is_empty() {
                match scan.advance(self.reply.filled()) {
                    Scanned::Complete(length) => return Ok(length),
                    Scanned::Malformed => return Err(Unanswered),
                    Scanned::Partial => {}
                }
            }
            self.fill(HEAD_SIZE_MAX).await?;
        }
    }

    /// Reads a body to its end and drops it; one that is too long is left.
    async fn drain(&mut self, framing: Framing) -> Result<(), Unanswered> {
        let mut scanner = BodyScanner::new(framing);
        let mut left = COPY_BODY_MAX;
        loop {
            let count = scanner.advance(self.reply.filled()).map_err(|_| Unanswered)?;
            self.reply.consume(count);
            if scanner.is_done() {
                return Ok(());
            }
            left = left.checked_sub(count).ok_or(Unanswered)?;
            self.fill(BUFFER_SIZE).await?;
        }
    }

    async fn fill(&mut self, limit: usize) -> Result<(), Unanswered> {
        let Leg { stream, reply } = self;
        let read = poll_fn(|context| {
            ready!(stream.poll_read_ready(context))?;
            if !reply.make_room(limit) {
                return std::task::Poll::Ready(Ok(0));
            }
            reply.poll_fill(stream, context)
        });
        match read.await {
            Ok(0) | Err(_) => Err(Unanswered),
            Ok(_) => Ok(()),
        }
    }
}
