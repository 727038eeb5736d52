//! Owns sending a request to an HTTP/1 target until it begins to answer, and sending it again where that is safe.
//!
//! **Why no request fails because its target closed an idle connection.** A kept connection may be closed by the target at the very
//! moment a request is sent on it, and from here that looks the same as a target that took the request and died. So:
//!
//! * A request goes out on a kept connection only if it may be sent twice: its method is idempotent (RFC 9110, 9.2.2) *and* it is held
//!   whole in memory. If the connection closes before the answer's head is complete, nothing has been told to the client, and the same
//!   bytes go to the same target on a fresh connection.
//! * Any other request (a POST, a body still arriving) goes out on a fresh connection, which the target has just accepted and so has no
//!   reason to close. It is not kept afterwards, or a kept one is closed in exchange, so that there are never more than were once needed.
//! * A connection that is refused or cannot be opened has carried nothing: the request, whatever it is, goes to another target.
//! * If a fresh connection closes without an answer, the target has died with the request. Only a request that may be sent twice goes
//!   to another target; for any other the answer is 502, since it may have had its effect.
//!
//! Attempts are bounded by [`ATTEMPTS_MAX`]; targets that failed are left out of later choices. Only the target that was given the
//! request counts it.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::answer::Answer;
use crate::connect::connect;
use crate::decide::{Forwarding, decide_again};
use crate::http1::chunked::BadChunk;
use crate::http1::connection::{Connection, Next};
use crate::http1::deliver::Answered;
use crate::http1::fields::Framing;
use crate::http1::plan::Request;
use crate::http1::request::HeadSpace;
use crate::http1::response::{Afterwards, BadResponse, Delivery, ResponseHead};
use crate::http1::scan::{HeadScan, Scanned};
use crate::http1::upload::{Upload, UploadError};
use crate::limits::{ATTEMPTS_MAX, HEAD_SIZE_MAX};
use crate::plane::target::Target;

/// Why a target did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// No connection could be opened, so nothing has been sent.
    Unreachable(io::ErrorKind),
    /// The connection closed before the head of the answer was complete.
    Closed,
    BadAnswer,
    TimedOut,
    ClientGone,
    ClientTimedOut,
    BadBody,
}

/// What to do about an attempt that brought no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The kept connection was closed: the same again on a fresh one.
    Stale,
    /// Another target may have it.
    Elsewhere(Failure),
    /// It may not be sent again.
    Final(Failure),
}

/// A request on its way through one or more attempts.
struct Effort {
    forwarding: Forwarding,
    request: Request,
    upload: Upload,
    /// Kept connections may be used.
    reuse: bool,
    /// The present target has counted it.
    counted: bool,
    sent_at: Instant,
}

impl Connection {
    /// Sends a request to its target, and to others where that is safe, and gives the client the answer.
    pub(super) async fn exchange(&mut self, mut forwarding: Forwarding, request: Request, began: Instant) -> Next {
        let upload = match Upload::new(request.framing, self.input.filled()) {
            Ok(upload) => upload,
            Err(BadChunk) => return self.respond(&Answer::error(400), None).await,
        };
        let reuse = upload.may_repeat() && request.is_idempotent;
        let mirroring = forwarding.mirror.take();
        let original = mirroring.and_then(|copy| copy.copy_head(&self.outgoing, request, &self.worker));
        let mut effort = Effort { forwarding, request, upload, reuse, counted: false, sent_at: began };
        let mut refused = Vec::new();
        let mut failure = Failure::Closed;
        let mut sent = 0;
        while sent < ATTEMPTS_MAX {
            match self.attempt(&mut effort).await {
                Ok((stream, answered)) => {
                    let Effort { forwarding: Forwarding { place, .. }, upload, sent_at, .. } = effort;
                    let now = Instant::now();
                    place.target().count_answer(answered.status, now - sent_at);
                    if let Some(original) = original {
                        original.answered(answered.status, now - sent_at);
                    }
                    return self.deliver(stream, place, upload, request, answered, now).await;
                }
                Err(Fault::Stale) => {
                    sent += 1;
                    effort.upload.rewind();
                    effort.reuse = false;
                    continue;
                }
                Err(Fault::Final(reason)) => {
                    failure = reason;
                    break;
                }
                Err(Fault::Elsewhere(reason)) => {
                    // A target that refuses the connection does no work, takes no time, and is not tried again.
                    let is_refusal = matches!(reason, Failure::Unreachable(io::ErrorKind::ConnectionRefused));
                    sent += usize::from(!is_refusal);
                    failure = reason;
                }
            }
            refused.push(effort.forwarding.place.target().digest);
            if !self.turn_elsewhere(&mut effort, &refused) {
                break;
            }
        }
        let Effort { forwarding, upload, .. } = effort;
        drop(forwarding);
        self.fail(failure, request, upload).await
    }

    /// Sends a request to the target it has a place at.
    async fn attempt(&mut self, effort: &mut Effort) -> Result<(TcpStream, Answered), Fault> {
        let target = Arc::clone(effort.forwarding.place.target());
        let (mut stream, reused) = match self.reach(&target, effort.request, effort.reuse).await {
            Ok(reached) => reached,
            Err(error) => {
                target.count_connection_error();
                target.hint_refused();
                return Err(Fault::Elsewhere(Failure::Unreachable(error.kind())));
            }
        };
        if !std::mem::replace(&mut effort.counted, true) {
            target.count_request();
        }
        let Effort { upload, forwarding, request, .. } = effort;
        match self.send(&mut stream, upload, forwarding, *request).await {
            Ok(answered) => Ok((stream, answered)),
            // Only an idempotent request is sent on a kept connection.
            Err(Failure::Closed) if reused && upload.may_repeat() => Err(Fault::Stale),
            Err(Failure::Closed) => {
                target.hint_refused();
                let may_repeat = request.is_idempotent && upload.may_repeat();
                Err(if may_repeat { Fault::Elsewhere(Failure::Closed) } else { Fault::Final(Failure::Closed) })
            }
            Err(failure) => Err(Fault::Final(failure)),
        }
    }

    /// Finds a place at a target that has not failed yet; tells whether there is one.
    fn turn_elsewhere(&self, effort: &mut Effort, refused: &[u64]) -> bool {
        let place = decide_again(&self.listener, &effort.forwarding.group, refused, self.worker.clock.now());
        let Some(place) = place else { return false };
        effort.forwarding.place = place;
        effort.upload.rewind();
        effort.reuse = effort.upload.may_repeat() && effort.request.is_idempotent;
        (effort.counted, effort.sent_at) = (false, Instant::now());
        true
    }

    /// Takes a kept connection or opens a fresh one; tells whether it was kept.
    async fn reach(&mut self, target: &Arc<Target>, request: Request, reuse: bool) -> io::Result<(TcpStream, bool)> {
        let idle = target.idle(self.worker.index);
        if reuse {
            if let Some(stream) = idle.take() {
                return Ok((stream, true));
            }
        } else if request.is_idempotent {
            idle.shed();
        }
        self.watchdog.extend(self.worker.limits.connect_time);
        let mut connecting = pin!(connect(target.key.target.socket()));
        let stream = poll_fn(|context| match connecting.as_mut().poll(context) {
            Poll::Pending if self.watchdog.poll(context).is_ready() => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            polled => polled,
        });
        let stream = stream.await?;
        self.watchdog.extend(self.idle_timeout);
        Ok((stream, false))
    }

    /// Sends the request and waits for the answer's head, which is then ready to be delivered.
    async fn send(
        &mut self,
        target: &mut TcpStream,
        upload: &mut Upload,
        forwarding: &Forwarding,
        request: Request,
    ) -> Result<Answered, Failure> {
        self.reply.discard();
        loop {
            let mut scan = HeadScan::default();
            let length = poll_fn(|context| self.poll_head(context, target, upload, &mut scan)).await?;
            let answered = self.read_head(length, upload, forwarding, request)?;
            upload.release(&mut self.input);
            self.reply.consume(length);
            match answered {
                Some(answered) => return Ok(answered),
                None => self.write_answer().await.map_err(|_| Failure::ClientGone)?,
            }
        }
    }

    fn poll_head(
        &mut self,
        context: &mut Context<'_>,
        target: &mut TcpStream,
        upload: &mut Upload,
        scan: &mut HeadScan,
    ) -> Poll<Result<usize, Failure>> {
        self.poll_upload(context, target, upload)?;
        loop {
            if !self.reply.is_empty() {
                match scan.advance(self.reply.filled()) {
                    Scanned::Complete(length) => return Poll::Ready(Ok(length)),
                    Scanned::Malformed => return Poll::Ready(Err(Failure::BadAnswer)),
                    Scanned::Partial => {}
                }
            }
            if target.poll_read_ready(context).is_pending() {
                break;
            }
            if !self.reply.make_room(HEAD_SIZE_MAX) {
                return Poll::Ready(Err(Failure::BadAnswer));
            }
            match self.reply.poll_fill(target, context) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Err(Failure::Closed)),
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => break,
            }
        }
        if upload.has_ended() && self.poll_client_gone(context).is_ready() {
            return Poll::Ready(Err(Failure::ClientGone));
        }
        if self.watchdog.poll(context).is_ready() {
            let failure = if upload.awaits_client() { Failure::ClientTimedOut } else { Failure::TimedOut };
            return Poll::Ready(Err(failure));
        }
        Poll::Pending
    }

    /// Goes on sending the request.
    pub(super) fn poll_upload(
        &mut self,
        context: &mut Context<'_>,
        target: &mut TcpStream,
        upload: &mut Upload,
    ) -> Result<(), Failure> {
        if upload.has_ended() {
            return Ok(());
        }
        let polled = upload.poll(context, &self.outgoing, &mut self.input, &mut self.client, target);
        if upload.take_moved() && !upload.is_held() {
            self.watchdog.extend(self.idle_timeout);
        }
        match polled {
            Poll::Ready(Err(UploadError::ClientGone)) => Err(Failure::ClientGone),
            Poll::Ready(Err(UploadError::BadBody)) => Err(Failure::BadBody),
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
        }
    }

    /// Reads the head at the front of `reply` and writes the client's into `answer`; an interim one gives `None`.
    fn read_head(
        &mut self,
        length: usize,
        upload: &Upload,
        forwarding: &Forwarding,
        request: Request,
    ) -> Result<Option<Answered>, Failure> {
        let mut space = HeadSpace::new();
        let bytes = &self.reply.filled()[..length];
        let head = ResponseHead::parse(bytes, &mut space, request.asked).map_err(|BadResponse| Failure::BadAnswer)?;
        self.answer.clear();
        if head.is_interim() {
            if !request.is_http10 {
                head.write(Delivery::AsIs, Afterwards::KeepAlive, b"", &mut self.answer);
            }
            return Ok(None);
        }
        if head.is_upgrade() && !request.upgrade {
            return Err(Failure::BadAnswer);
        }
        let body_is_here = upload.is_sent() || upload.is_held();
        let keep_alive = request.keep_alive && body_is_here && !self.listener.is_ending();
        let answered = Answered::new(&head, request, keep_alive);
        let target = forwarding.place.target().digest;
        let cookies: String =
            forwarding.stickiness.set_cookies(target).map(|cookie| format!("Set-Cookie: {cookie}\r\n")).collect();
        head.write(answered.delivery, answered.afterwards, cookies.as_bytes(), &mut self.answer);
        Ok(Some(answered))
    }

    /// Tells the client why there is no answer.
    pub(super) async fn fail(&mut self, failure: Failure, request: Request, mut upload: Upload) -> Next {
        self.reply.discard();
        let status = match failure {
            Failure::ClientGone => {
                self.listener.counters.count_client_gone();
                return Next::Abort;
            }
            Failure::ClientTimedOut => 408,
            Failure::BadBody => 400,
            Failure::TimedOut | Failure::Unreachable(io::ErrorKind::TimedOut) => 504,
            Failure::Unreachable(_) | Failure::Closed | Failure::BadAnswer => 502,
        };
        self.watchdog.extend(self.idle_timeout);
        // Where a body is half read, the next request cannot be found.
        let body_is_here = upload.is_held() || upload.is_sent();
        upload.release(&mut self.input);
        let request = body_is_here.then_some(Request { framing: Framing::None, ..request });
        self.respond(&Answer::error(status), request).await
    }
}
