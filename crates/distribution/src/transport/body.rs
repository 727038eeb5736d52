//! Bodies: files that are sent as they are read, and small answers read whole.

use std::convert::Infallible;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::call::{Part, Payload};
use crate::progress::Advance;

/// How much of a file is read at a time: enough that changing threads costs nothing, and little enough that a slow line takes it before
/// it counts as still.
const READ_BYTES: usize = 256 * 1024;

pub(super) type RequestBody = UnsyncBoxBody<Bytes, io::Error>;

/// What happens to the body of a request while it is sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Sending {
    moved: Arc<AtomicU64>,
    is_sent: Arc<AtomicBool>,
    failure: Arc<Mutex<Option<io::Error>>>,
}

impl Sending {
    /// Returns a number that changes as bytes are taken.
    pub fn moved(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    /// Tells whether all of it is on its way: what is left to wait for is the answer.
    pub fn is_sent(&self) -> bool {
        self.is_sent.load(Ordering::Relaxed)
    }

    /// Returns why the file could not be read, if that is what ended the request.
    pub fn take_failure(&self) -> Option<io::Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note_move(&self, is_last: bool) {
        self.moved.fetch_add(1, Ordering::Relaxed);
        self.is_sent.fetch_or(is_last, Ordering::Relaxed);
    }

    fn fail(&self, error: io::Error) -> io::Error {
        let told = io::Error::new(error.kind(), error.to_string());
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        told
    }
}

/// Makes the body of a request, and tells its length.
pub(super) fn make(payload: &Payload, sending: &Sending) -> (RequestBody, u64) {
    let never = |never: Infallible| match never {};
    let length = match payload {
        Payload::Empty => 0,
        Payload::Bytes(bytes) => bytes.len() as u64,
        Payload::File(part) => part.size.saturating_sub(part.first),
    };
    if length == 0 || matches!(payload, Payload::Bytes(_)) {
        sending.note_move(true);
    }
    let body = match payload {
        Payload::Empty => Empty::new().map_err(never).boxed_unsync(),
        Payload::Bytes(bytes) => Full::new(bytes.clone()).map_err(never).boxed_unsync(),
        Payload::File(part) => stream_file(part.clone(), sending.clone()),
    };
    (body, length)
}

/// Reads a file as the connection takes it. A file that is shorter than it should be is an error; what is beyond is not sent.
fn stream_file(part: Part, sending: Sending) -> RequestBody {
    let first = part.first;
    let pieces = stream::try_unfold((None, first), move |(file, at)| {
        let (part, sending) = (part.clone(), sending.clone());
        async move {
            part.progress.advance(Advance { blob: &part.digest, done: at, total: part.size });
            if at >= part.size {
                return Ok(None);
            }
            let size = part.size;
            let length = usize::try_from(size - at).unwrap_or(READ_BYTES).min(READ_BYTES);
            let read = spawn_blocking(move || {
                let file = match file {
                    Some(file) => file,
                    None => (part.open)()?,
                };
                let mut bytes = vec![0; length];
                file.read_exact_at(&mut bytes, at)?;
                Ok((file, bytes))
            });
            let read = read.await.map_err(io::Error::other).and_then(|read| read);
            let (file, bytes) = read.map_err(|error| sending.fail(error))?;
            let next = at + length as u64;
            sending.note_move(next == size);
            Ok(Some((Frame::data(Bytes::from(bytes)), (Some(file), next))))
        }
    });
    StreamBody::new(pieces).boxed_unsync()
}

/// Why an answer is not read to its end.
#[derive(Debug)]
pub(crate) enum ReadError {
    TooLarge,
    TimedOut,
    Broken(hyper::Error),
}

/// Waits for the next bytes of an answer; `None` at its end.
pub(crate) async fn next(body: &mut Incoming, still_max: Duration) -> Result<Option<Bytes>, ReadError> {
    loop {
        let frame = timeout(still_max, body.frame()).await.map_err(|_| ReadError::TimedOut)?;
        let Some(frame) = frame else { return Ok(None) };
        // Trailers are of no interest.
        if let Ok(data) = frame.map_err(ReadError::Broken)?.into_data() {
            return Ok(Some(data));
        }
    }
}

/// Reads an answer that should be small. It is given no more time in all than nothing may move: it fits into a few packets.
pub(crate) async fn read_small(mut body: Incoming, limit: usize, still_max: Duration) -> Result<Vec<u8>, ReadError> {
    let all = async {
        let mut bytes = Vec::new();
        while let Some(data) = next(&mut body, still_max).await? {
            if bytes.len() + data.len() > limit {
                return Err(ReadError::TooLarge);
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes)
    };
    timeout(still_max, all).await.map_err(|_| ReadError::TimedOut)?
}
