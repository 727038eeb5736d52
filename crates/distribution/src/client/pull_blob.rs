//! Pulling a blob into a file: what broke off goes on where it broke, and the digest is checked as bytes arrive.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use http::{Method, StatusCode};
use seatrial_model::image::Digest;
use tokio::task::spawn_blocking;

use super::Client;
use crate::error::DistributionError;
use crate::hash::Hasher;
use crate::progress::{Advance, Progress};
use crate::transport::attempts::Attempts;
use crate::transport::body::next;
use crate::transport::call::Answered;
use crate::transport::{protocol, refusal};

/// How much is collected before it is written: enough that changing threads costs nothing.
const WRITE_BYTES: usize = 512 * 1024;

/// What has to arrive between two failures for the first not to count any more; see pushing.
const ACHIEVEMENT_MIN: u64 = 4 << 20;

/// A file that is being filled.
struct Sink {
    file: File,
    hasher: Hasher,
    done: u64,
}

impl Client {
    /// Pulls a blob into a file, from the file's beginning; `path` is the file's name for errors. When it fails, the file's content
    /// means nothing.
    pub async fn pull_blob(
        &self,
        digest: &Digest,
        size: u64,
        file: File,
        path: &Path,
        progress: &Arc<dyn Progress>,
    ) -> Result<(), DistributionError> {
        let doing = format!("pull the blob {digest} of {}", self.repository);
        let mut sink = Sink { file, hasher: Hasher::new(digest.algorithm()), done: 0 };
        let mut attempts = Attempts::new(self.transport.patience());
        let mut achieved = 0;
        loop {
            let failure;
            (sink, failure) = self.receive(sink, digest, size, &doing, path, progress).await?;
            let Some(error) = failure else { break };
            if sink.done >= achieved + ACHIEVEMENT_MIN {
                attempts.succeed();
            }
            achieved = achieved.max(sink.done);
            attempts.fail(error).await?;
        }
        let actual = sink.hasher.finish();
        if actual == *digest {
            return Ok(());
        }
        Err(DistributionError::DigestMismatch { doing, expected: digest.clone(), actual: Some(actual) })
    }

    /// Receives as much as one answer gives; with why it was not all, if another answer may give the rest.
    async fn receive(
        &self,
        mut sink: Sink,
        digest: &Digest,
        size: u64,
        doing: &str,
        path: &Path,
        progress: &Arc<dyn Progress>,
    ) -> Result<(Sink, Option<DistributionError>), DistributionError> {
        let mut call = self.reading(Method::GET, self.transport.address(&format!("blobs/{digest}")), doing);
        if sink.done > 0 {
            call = call.header(RANGE, format!("bytes={}-", sink.done));
        }
        let mut answered = match self.transport.ask_once(&call, &[StatusCode::OK, StatusCode::PARTIAL_CONTENT]).await {
            Ok(answered) => answered,
            Err(error) if error.can_heal() => return Ok((sink, Some(error))),
            Err(error) => return Err(error),
        };
        let first = first_byte(&answered)
            .ok_or_else(|| protocol(&answered.from, doing, "another part than it was asked for"))?;
        if first != sink.done {
            if first != 0 {
                return Err(protocol(&answered.from, doing, "another part than it was asked for"));
            }
            sink = sink.restart(digest).map_err(|source| write_error(doing, path, source))?;
        }
        let too_large =
            || DistributionError::TooLarge { doing: doing.to_owned(), what: format!("the blob {digest}"), limit: size };
        let announced = answered.header(&CONTENT_LENGTH).and_then(|text| text.parse::<u64>().ok());
        if announced.is_some_and(|announced| announced > size - sink.done) {
            return Err(too_large());
        }
        let patience = self.transport.patience().clone();
        let mut collected = BytesMut::new();
        loop {
            let part = next(&mut answered.body, patience.still_max).await;
            if let Ok(Some(part)) = &part {
                if part.len() as u64 > size - sink.done - collected.len() as u64 {
                    return Err(too_large());
                }
                collected.extend_from_slice(part);
            }
            let is_over = !matches!(part, Ok(Some(_)));
            if collected.len() >= WRITE_BYTES || is_over {
                sink = sink.write(collected.split().freeze(), doing, path).await?;
                progress.advance(Advance { blob: digest, done: sink.done, total: size });
            }
            match part {
                Ok(Some(_)) => {}
                Ok(None) if sink.done == size => return Ok((sink, None)),
                Ok(None) => {
                    let host = crate::transport::address::host(&answered.from);
                    let source = io::Error::from(io::ErrorKind::UnexpectedEof).into();
                    return Ok((sink, Some(DistributionError::Broken { host, doing: doing.to_owned(), source })));
                }
                Err(error) => {
                    let error = refusal::broken(error, &answered.from, doing, "the blob", WRITE_BYTES, &patience);
                    return Ok((sink, Some(error)));
                }
            }
        }
    }
}

impl Sink {
    /// Writes bytes off the threads that serve connections.
    async fn write(mut self, bytes: Bytes, doing: &str, path: &Path) -> Result<Self, DistributionError> {
        let written = spawn_blocking(move || {
            self.hasher.update(&bytes);
            self.file.write_all(&bytes)?;
            self.done += bytes.len() as u64;
            Ok(self)
        });
        let written =
            written.await.map_err(|source| DistributionError::Internal { doing: doing.to_owned(), source })?;
        written.map_err(|source| write_error(doing, path, source))
    }

    fn restart(mut self, digest: &Digest) -> io::Result<Self> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        Ok(Sink { file: self.file, hasher: Hasher::new(digest.algorithm()), done: 0 })
    }
}

/// Returns where in the blob an answer begins; `None` when it does not say so.
fn first_byte(answered: &Answered) -> Option<u64> {
    if answered.status == StatusCode::OK {
        return Some(0);
    }
    let (first, _) = answered.header(&CONTENT_RANGE)?.strip_prefix("bytes ")?.split_once('-')?;
    first.trim().parse().ok()
}

fn write_error(doing: &str, path: &Path, source: io::Error) -> DistributionError {
    DistributionError::Write { doing: doing.to_owned(), path: path.to_owned(), source }
}
