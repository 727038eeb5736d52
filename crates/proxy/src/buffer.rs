//! Owns the byte buffers of connections: filled at the end, consumed at the front, kept by each worker for reuse.
//!
//! An idle connection holds none, so ten thousand of them cost little more than their sockets.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

use crate::limits::{BUFFER_SIZE, BUFFERS_KEPT};

thread_local! {
    static KEPT: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer; without memory until it is first filled, and again when released.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    /// All of it is initialised; `start..end` is filled.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    pub fn filled(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Drops bytes from the front.
    pub fn consume(&mut self, count: usize) {
        self.start += count;
        assert!(self.start <= self.end, "no more is consumed than was filled");
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Gives the memory back if nothing is in it.
    pub fn release(&mut self) {
        if self.is_empty() && self.bytes.capacity() > 0 {
            let bytes = std::mem::take(&mut self.bytes);
            KEPT.with_borrow_mut(|kept| {
                if kept.len() < BUFFERS_KEPT && bytes.len() == BUFFER_SIZE {
                    kept.push(bytes);
                }
            });
        }
    }

    /// Drops what is in it and gives the memory back.
    pub fn discard(&mut self) {
        (self.start, self.end) = (0, 0);
        self.release();
    }

    /// Reads what is there; 0 is the end of the stream. The buffer must have room (see [`Buffer::make_room`]).
    ///
    /// Where nothing is there after all, as is usual with a connection just opened, an empty buffer gives its memory back.
    pub fn poll_fill(&mut self, stream: &mut TcpStream, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut spare = ReadBuf::new(&mut self.bytes[self.end..]);
        match Pin::new(stream).poll_read(context, &mut spare) {
            Poll::Ready(Ok(())) => {
                let count = spare.filled().len();
                self.end += count;
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                self.release();
                Poll::Pending
            }
        }
    }

    /// Sees to it that there is room at the end, growing up to `limit` bytes in all; tells whether there is.
    pub fn make_room(&mut self, limit: usize) -> bool {
        if self.bytes.is_empty() {
            self.bytes = KEPT.with_borrow_mut(Vec::pop).unwrap_or_else(|| vec![0; BUFFER_SIZE]);
        }
        if self.end < self.bytes.len() {
            return true;
        }
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            return true;
        }
        if self.bytes.len() < limit {
            self.bytes.resize((self.bytes.len() * 2).min(limit), 0);
            return true;
        }
        false
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.discard();
    }
}
