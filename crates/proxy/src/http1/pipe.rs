//! Owns a pipe of body pieces between an HTTP/1 client's connection and hyper: at most [`BRIDGE_PIECES_MAX`] under way, so that a slow
//! target slows the client down.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body, Frame};

use crate::http2::body::{BodyError, BoxError};
use crate::limits::BRIDGE_PIECES_MAX;
use crate::plane::target::lock;

#[derive(Debug, Default)]
struct Pipe {
    pieces: VecDeque<Bytes>,
    end: Option<End>,
    is_abandoned: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Complete,
    Truncated,
}

/// The end that pieces are put into. Dropped before [`PipeWriter::finish`], it makes the body end in an error.
#[derive(Debug)]
pub(super) struct PipeWriter(Arc<Mutex<Pipe>>);

/// The body made of the pieces.
#[derive(Debug)]
pub(super) struct PipeBody(Arc<Mutex<Pipe>>);

/// Nobody reads the body any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Abandoned;

pub(super) fn pipe() -> (PipeWriter, PipeBody) {
    let pipe = Arc::new(Mutex::new(Pipe::default()));
    (PipeWriter(Arc::clone(&pipe)), PipeBody(pipe))
}

impl PipeWriter {
    /// Is ready when there is room for a piece.
    pub fn poll_room(&self, context: &mut Context<'_>) -> Poll<Result<(), Abandoned>> {
        let mut pipe = lock(&self.0);
        if pipe.is_abandoned {
            return Poll::Ready(Err(Abandoned));
        }
        if pipe.pieces.len() < BRIDGE_PIECES_MAX {
            return Poll::Ready(Ok(()));
        }
        pipe.writer = Some(context.waker().clone());
        Poll::Pending
    }

    pub fn put(&self, piece: Bytes) {
        let mut pipe = lock(&self.0);
        pipe.pieces.push_back(piece);
        wake(&mut pipe.reader);
    }

    /// Ends the body.
    pub fn finish(&self) {
        self.end(End::Complete);
    }

    fn end(&self, end: End) {
        let mut pipe = lock(&self.0);
        pipe.end.get_or_insert(end);
        wake(&mut pipe.reader);
    }
}

impl Drop for PipeWriter {
    fn drop(&mut self) {
        self.end(End::Truncated);
    }
}

impl Body for PipeBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut pipe = lock(&self.0);
        if let Some(piece) = pipe.pieces.pop_front() {
            wake(&mut pipe.writer);
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        match pipe.end {
            Some(End::Complete) => Poll::Ready(None),
            Some(End::Truncated) => Poll::Ready(Some(Err(BodyError::Truncated.into()))),
            None => {
                pipe.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for PipeBody {
    fn drop(&mut self) {
        let mut pipe = lock(&self.0);
        pipe.is_abandoned = true;
        wake(&mut pipe.writer);
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}
