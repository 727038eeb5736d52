//! The body of an answer while it is sent: its connection is busy until all of it has been taken.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::AnswerBody;
use super::room::Seat;

/// A body that keeps the seat of its connection.
pub(super) struct Sending {
    body: AnswerBody,
    seat: Arc<Seat>,
}

impl Sending {
    pub(super) fn new(body: AnswerBody, seat: Arc<Seat>) -> Self {
        Sending { body, seat }
    }
}

impl Body for Sending {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.seat.set_idle();
    }
}
