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
use crate::progress::{Advance, Progress};
use crate::transport::address::host;
use crate::transport::attempts::Attempts;
use crate::transport::body::next;
use crate::transport::call::Answered;
use crate::transport::{protocol, refusal};
use seatrial_image::hash::Hasher;

/// How much is collected before it is written: enough that changing threads costs nothing.
const WRITE_BYTES: usize = 512 * 1024;

/// What has to arrive between two failures for the first not to count any more; see pushing.
const ACHIEVEMENT_MIN: u64 = 4 << 20;

/// What is pulled.
struct Wanted<'a> {
    digest: &'a Digest,
    size: u64,
    doing: &'a str,
    /// The name of the file, for errors.
    path: &'a Path,
    progress: &'a dyn Progress,
}

/// A file that is being filled.
struct Sink {
    file: File,
    hasher: Hasher,
    done: u64,
}

/// Why an answer did not give all of the rest, although another one may.
type Interruption = Option<DistributionError>;

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
        let wanted = Wanted { digest, size, doing: &doing, path, progress: &**progress };
        let mut sink = Sink { file, hasher: Hasher::new(digest.algorithm()), done: 0 };
        let mut attempts = Attempts::new(self.transport.patience());
        let mut achieved = 0;
        loop {
            let interruption;
            (sink, interruption) = self.receive(&wanted, sink).await?;
            let Some(error) = interruption else { break };
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

    /// Asks for what is missing, and receives as much of it as one answer gives.
    async fn receive(&self, wanted: &Wanted<'_>, sink: Sink) -> Result<(Sink, Interruption), DistributionError> {
        let target = self.transport.address(&format!("blobs/{}", wanted.digest));
        let mut call = self.reading(Method::GET, target, wanted.doing);
        if sink.done > 0 {
            call = call.header(RANGE, format!("bytes={}-", sink.done));
        }
        let answered = match self.transport.ask_once(&call, &[StatusCode::OK, StatusCode::PARTIAL_CONTENT]).await {
            Ok(answered) => answered,
            Err(error) if error.can_heal() => return Ok((sink, Some(error))),
            Err(error) => return Err(error),
        };
        let sink = match first_byte(&answered) {
            Some(first) if first == sink.done => sink,
            // The registry does not know ranges.
            Some(0) => sink.restart(wanted)?,
            Some(_) | None => {
                return Err(protocol(&answered.from, wanted.doing, "another part than it was asked for"));
            }
        };
        let announced = answered.header(&CONTENT_LENGTH).and_then(|text| text.parse::<u64>().ok());
        if announced.is_some_and(|announced| announced > wanted.size - sink.done) {
            return Err(wanted.too_large());
        }
        self.fill(wanted, sink, answered).await
    }

    /// Writes an answer to the file, never more than is wanted.
    async fn fill(
        &self,
        wanted: &Wanted<'_>,
        mut sink: Sink,
        mut answered: Answered,
    ) -> Result<(Sink, Interruption), DistributionError> {
        let patience = self.transport.patience();
        let mut collected = BytesMut::new();
        loop {
            let part = next(&mut answered.body, patience.still_max).await;
            if let Ok(Some(part)) = &part {
                if part.len() as u64 > wanted.size - sink.done - collected.len() as u64 {
                    return Err(wanted.too_large());
                }
                collected.extend_from_slice(part);
            }
            let is_over = !matches!(part, Ok(Some(_)));
            if collected.len() >= WRITE_BYTES || is_over {
                sink = sink.write(collected.split().freeze(), wanted).await?;
                wanted.progress.advance(Advance { blob: wanted.digest, done: sink.done, total: wanted.size });
            }
            match part {
                Ok(Some(_)) => {}
                Ok(None) if sink.done == wanted.size => return Ok((sink, None)),
                Ok(None) => return Ok((sink, Some(wanted.ended_early(&answered)))),
                Err(error) => {
                    let broken =
                        refusal::broken(error, &answered.from, wanted.doing, "the blob", WRITE_BYTES, patience);
                    return Ok((sink, Some(broken)));
                }
            }
        }
    }
}

impl Wanted<'_> {
    fn too_large(&self) -> DistributionError {
        let (doing, what) = (self.doing.to_owned(), format!("the blob {}", self.digest));
        DistributionError::TooLarge { doing, what, limit: self.size }
    }

    fn ended_early(&self, answered: &Answered) -> DistributionError {
        let source = io::Error::from(io::ErrorKind::UnexpectedEof).into();
        DistributionError::Broken { host: host(&answered.from), doing: self.doing.to_owned(), source }
    }

    fn write_error(&self, source: io::Error) -> DistributionError {
        DistributionError::Write { doing: self.doing.to_owned(), path: self.path.to_owned(), source }
    }
}

impl Sink {
    /// Writes bytes off the threads that serve connections.
    async fn write(mut self, bytes: Bytes, wanted: &Wanted<'_>) -> Result<Self, DistributionError> {
        let written = spawn_blocking(move || {
            self.hasher.update(&bytes);
            self.file.write_all(&bytes)?;
            self.done += bytes.len() as u64;
            Ok(self)
        });
        let internal = |source| DistributionError::Internal { doing: wanted.doing.to_owned(), source };
        written.await.map_err(internal)?.map_err(|source| wanted.write_error(source))
    }

    /// Begins again.
    fn restart(mut self, wanted: &Wanted<'_>) -> Result<Self, DistributionError> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        emptied.map_err(|source| wanted.write_error(source))?;
        Ok(Sink { file: self.file, hasher: Hasher::new(wanted.digest.algorithm()), done: 0 })
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
