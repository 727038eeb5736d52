//! Owns the bodies of messages that pass through hyper.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use tokio::time::{Instant, Sleep};

use crate::limits::REPLAY_SIZE_MAX;
use crate::plane::target::{InFlight, lock};

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// Any body.
pub(crate) type AnyBody = UnsyncBoxBody<Bytes, BoxError>;

/// Why a body ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the body was not fully remembered and cannot be sent again")]
    NotRepeatable,
    #[error("no part of the body came in time")]
    Stalled,
    #[error("the client did not send its body to the end")]
    Truncated,
}

/// A request's body that can be sent again as long as it is small: what has been sent is remembered.
#[derive(Clone)]
pub(crate) struct Repeatable {
    source: Arc<Mutex<Source>>,
}

struct Source {
    body: AnyBody,
    /// All frames read so far, unless they have become too many.
    frames: Vec<Piece>,
    size: usize,
    overflowed: bool,
    has_ended: bool,
    moved_at: Instant,
}

#[derive(Clone)]
enum Piece {
    Data(Bytes),
    Trailers(HeaderMap),
}

/// One sending of a [`Repeatable`].
pub(crate) struct Sending {
    source: Arc<Mutex<Source>>,
    position: usize,
}

impl Repeatable {
    pub fn new(body: AnyBody) -> Self {
        let (frames, moved_at) = (Vec::new(), Instant::now());
        let source = Source { body, frames, size: 0, overflowed: false, has_ended: false, moved_at };
        Repeatable { source: Arc::new(Mutex::new(source)) }
    }

    /// Begins to send the body from its first byte.
    pub fn send(&self) -> Sending {
        Sending { source: Arc::clone(&self.source), position: 0 }
    }

    /// Whether another sending would have everything.
    pub fn may_repeat(&self) -> bool {
        !lock(&self.source).overflowed
    }

    /// Waits for `answer`, but no longer than `idle_timeout` after the body last moved; `None` when that has passed.
    pub async fn while_moving<T>(&self, idle_timeout: Duration, answer: impl Future<Output = T>) -> Option<T> {
        let mut answer = std::pin::pin!(answer);
        let mut moved_at = Instant::now();
        loop {
            tokio::select! {
                answer = answer.as_mut() => return Some(answer),
                () = tokio::time::sleep_until(moved_at + idle_timeout) => {
                    let latest = lock(&self.source).moved_at;
                    if latest <= moved_at {
                        return None;
                    }
                    moved_at = latest;
                }
            }
        }
    }
}

impl Source {
    fn remember(&mut self, frame: &Frame<Bytes>) {
        let piece = match (frame.data_ref(), frame.trailers_ref()) {
            (Some(data), _) => Piece::Data(data.clone()),
            (None, Some(trailers)) => Piece::Trailers(trailers.clone()),
            (None, None) => return,
        };
        self.size += frame.data_ref().map_or(0, Bytes::len);
        if self.size > REPLAY_SIZE_MAX {
            self.overflowed = true;
            self.frames = Vec::new();
        } else if !self.overflowed {
            self.frames.push(piece);
        }
    }
}

impl Body for Sending {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let source = Arc::clone(&self.source);
        let mut source = lock(&source);
        if let Some(piece) = source.frames.get(self.position).cloned() {
            self.position += 1;
            return Poll::Ready(Some(Ok(match piece {
                Piece::Data(data) => Frame::data(data),
                Piece::Trailers(trailers) => Frame::trailers(trailers),
            })));
        }
        if source.overflowed && self.position == 0 {
            return Poll::Ready(Some(Err(BodyError::NotRepeatable.into())));
        }
        if source.has_ended {
            return Poll::Ready(None);
        }
        let frame = ready!(Pin::new(&mut source.body).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                source.remember(frame);
                source.moved_at = Instant::now();
                self.position += 1;
            }
            Some(Err(_)) => {}
            None => source.has_ended = true,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        let source = lock(&self.source);
        self.position >= source.frames.len() && (source.has_ended || source.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let source = lock(&self.source);
        if self.position == 0 && source.frames.is_empty() { source.body.size_hint() } else { SizeHint::default() }
    }
}

/// An answer's body that keeps the request's place at its target until the end, and ends itself when nothing comes for too long.
pub(crate) struct Guarded<B> {
    body: B,
    place: Option<InFlight>,
    idle_timeout: Duration,
    deadline: Pin<Box<Sleep>>,
}

impl<B> Guarded<B> {
    pub fn new(body: B, place: InFlight, idle_timeout: Duration) -> Self {
        let deadline = Box::pin(tokio::time::sleep(idle_timeout));
        Guarded { body, place: Some(place), idle_timeout, deadline }
    }
}

impl<B> Body for Guarded<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                let deadline = Instant::now() + self.idle_timeout;
                self.deadline.as_mut().reset(deadline);
                if self.body.is_end_stream() {
                    self.place = None;
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(ended) => {
                self.place = None;
                Poll::Ready(ended.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => {
                ready!(self.deadline.as_mut().poll(context));
                self.place = None;
                Poll::Ready(Some(Err(BodyError::Stalled.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, Full, StreamBody};

    use super::*;

    fn body(pieces: &[&'static [u8]]) -> AnyBody {
        let frames: Vec<_> = pieces.iter().map(|piece| Ok(Frame::data(Bytes::from_static(piece)))).collect();
        StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync()
    }

    async fn read(sending: Sending) -> Result<Bytes, BoxError> {
        sending.collect().await.map(|collected| collected.to_bytes())
    }

    #[tokio::test]
    async fn a_small_body_can_be_sent_again_even_if_the_first_sending_stopped_midway() {
        let repeatable = Repeatable::new(body(&[b"one", b"two", b"three"]));
        let mut first = repeatable.send();
        assert!(first.frame().await.expect("a frame").is_ok());
        drop(first);
        assert!(repeatable.may_repeat());
        assert_eq!(read(repeatable.send()).await.expect("the body"), "onetwothree");
        assert_eq!(read(repeatable.send()).await.expect("the body"), "onetwothree");
    }

    #[tokio::test]
    async fn a_large_body_is_sent_once() {
        let repeatable = Repeatable::new(body(&[&[0; REPLAY_SIZE_MAX], &[1; 10]]));
        assert_eq!(read(repeatable.send()).await.expect("the body").len(), REPLAY_SIZE_MAX + 10);
        assert!(!repeatable.may_repeat());
        assert!(read(repeatable.send()).await.is_err());
    }

    #[tokio::test]
    async fn a_body_known_to_be_empty_says_so() {
        let empty = Full::new(Bytes::new()).map_err(|never| match never {}).boxed_unsync();
        assert!(Repeatable::new(empty).send().is_end_stream());
    }
}
