//! Owns giving the balancer's own answers, and closing a connection so that the answer is read.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Poll, ready};

use tokio::io::AsyncWrite;
use tokio::time::Instant;

use crate::answer::{Answer, reason};
use crate::http1::connection::{Connection, Next};
use crate::http1::forward_head::put;
use crate::http1::plan::Request;
use crate::http1::response::Asked;
use crate::http1::upload::{Upload, poll_write};
use crate::limits::{BUFFER_SIZE, LINGER_BYTES_MAX, LINGER_TIME};

impl Connection {
    /// Gives an answer of the balancer's own. Without a request the connection cannot be used any further.
    pub(super) async fn respond(&mut self, answer: &Answer, request: Option<Request>) -> Next {
        self.listener.counters.count_answer(answer.status);
        let keeps =
            request.is_some_and(|request| request.keep_alive && self.skip_body(request)) && !self.listener.is_ending();
        self.answer.clear();
        let status = answer.status.to_string();
        put(&mut self.answer, &[b"HTTP/1.1 ", status.as_bytes(), b" ", reason(answer.status).as_bytes(), b"\r\n"]);
        for (name, value) in answer.fields(self.worker.clock.now()) {
            put(&mut self.answer, &[name.as_bytes(), b": ", value.as_bytes(), b"\r\n"]);
        }
        match request {
            Some(request) if keeps && request.is_http10 => self.answer.extend_from_slice(b"Connection: keep-alive\r\n"),
            Some(_) if keeps => {}
            Some(_) | None => self.answer.extend_from_slice(b"Connection: close\r\n"),
        }
        self.answer.extend_from_slice(b"\r\n");
        if request.is_none_or(|request| request.asked != Asked::Head) {
            self.answer.extend_from_slice(answer.body.as_bytes());
        }
        match self.write_answer().await {
            Ok(()) if keeps => Next::Continue,
            Ok(()) => Next::Linger,
            Err(_) => Next::Abort,
        }
    }

    /// Drops the body of a request that is not forwarded, if it has arrived; tells whether it has.
    fn skip_body(&mut self, request: Request) -> bool {
        match Upload::new(request.framing, self.input.filled()) {
            Ok(mut upload) if upload.is_held() => {
                upload.release(&mut self.input);
                true
            }
            Ok(_) | Err(_) => false,
        }
    }

    /// Writes what is in `answer` and empties it.
    pub(super) async fn write_answer(&mut self) -> io::Result<()> {
        let mut sent = 0;
        let written = poll_fn(|context| {
            while sent < self.answer.len() {
                match poll_write(&mut self.client, context, [&self.answer[sent..]]) {
                    Poll::Ready(count) => sent += count?,
                    Poll::Pending if self.watchdog.poll(context).is_ready() => {
                        return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                    }
                    Poll::Pending => return Poll::Pending,
                }
            }
            Poll::Ready(Ok(()))
        });
        let written = written.await;
        self.answer.clear();
        written
    }

    /// Closes so that the client can still read the answer: a connection closed with unread bytes is reset, and the answer lost with it.
    pub(super) async fn linger(mut self) {
        self.watchdog.set(Instant::now() + LINGER_TIME);
        let mut dropped = 0;
        poll_fn(|context| {
            if ready!(Pin::new(&mut self.client).poll_shutdown(context)).is_err() {
                return Poll::Ready(());
            }
            while dropped < LINGER_BYTES_MAX {
                self.input.discard();
                match self.poll_fill(context, BUFFER_SIZE) {
                    Poll::Ready(Ok(count)) if count > 0 => dropped += count,
                    Poll::Ready(Ok(_) | Err(_)) => return Poll::Ready(()),
                    Poll::Pending => return self.watchdog.poll(context),
                }
            }
            Poll::Ready(())
        })
        .await;
    }
}
