//! Pushing a blob: what is there already is left, what broke off goes on where the registry says it did.
//!
//! A small blob is one request. A large one is sent by PATCH, the only request that the protocol lets go on, and then closed by PUT.

use std::fmt;
use std::sync::Arc;

use http::header::{CONTENT_RANGE, CONTENT_TYPE, RANGE};
use http::{Method, StatusCode};
use seatrial_model::image::Digest;

use super::Client;
use super::blobs::{Mounted, Upload, location};
use crate::error::DistributionError;
use crate::progress::{Advance, Progress};
use crate::reference::RepositoryPath;
use crate::transport::address::with_parameter;
use crate::transport::attempts::Attempts;
use crate::transport::call::{Call, OpenFile, Part, Payload};
use crate::transport::protocol;

/// Up to here, sending a blob once more costs less than the request that would make it resumable.
const ONE_REQUEST_MAX: u64 = 1 << 20;

/// What has to arrive between two failures for the first not to count any more. So a blob of any size gets through a connection that
/// breaks now and then, and a registry that takes a byte at a time is given up.
const ACHIEVEMENT_MIN: u64 = 4 << 20;

const OCTETS: &str = "application/octet-stream";

/// A blob to be pushed.
#[derive(Clone)]
pub struct Blob {
    pub digest: Digest,
    pub size: u64,
    pub open: OpenFile,
}

/// What became of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    Uploaded,
    /// It was there.
    Skipped,
    /// The registry took it over from another repository.
    Mounted,
}

impl Client {
    /// Pushes a blob, unless the repository has it; takes it over from another repository if one is named and has it.
    pub async fn push_blob(
        &self,
        blob: &Blob,
        mount_from: Option<&RepositoryPath>,
        progress: &Arc<dyn Progress>,
    ) -> Result<Pushed, DistributionError> {
        let done = || progress.advance(Advance { blob: &blob.digest, done: blob.size, total: blob.size });
        if self.has_blob(&blob.digest).await? {
            done();
            return Ok(Pushed::Skipped);
        }
        let begun = match mount_from {
            None => None,
            Some(from) => match self.mount(&blob.digest, from).await? {
                Mounted::Mounted => {
                    done();
                    return Ok(Pushed::Mounted);
                }
                Mounted::UploadBegun(upload) => Some(upload),
            },
        };
        self.upload(blob, begun, progress).await?;
        done();
        Ok(Pushed::Uploaded)
    }

    async fn upload(
        &self,
        blob: &Blob,
        begun: Option<Upload>,
        progress: &Arc<dyn Progress>,
    ) -> Result<(), DistributionError> {
        let doing = format!("push the blob {} to {}", blob.digest, self.repository);
        let mut upload = match begun {
            Some(upload) => upload,
            None => self.begin_upload(&doing).await?,
        };
        let mut attempts = Attempts::new(self.transport.patience());
        let mut achieved = 0;
        loop {
            let Err(error) = self.send_rest(blob, &mut upload, &doing, progress).await else { return Ok(()) };
            match what_to_do(&error) {
                Remedy::None => return Err(explain(error, blob)),
                Remedy::Wait => attempts.fail(error).await?,
                // Counts as a failure too, so that it ends.
                Remedy::Ask => attempts.count(error)?,
            }
            // The registry may have it although its answer was lost.
            if self.has_blob(&blob.digest).await? {
                return Ok(());
            }
            upload = match self.look_at(&upload, blob, &doing).await? {
                Some(upload) => upload,
                None => self.begin_upload(&doing).await?,
            };
            if upload.arrived >= achieved + ACHIEVEMENT_MIN {
                attempts.succeed();
            }
            achieved = achieved.max(upload.arrived);
        }
    }

    /// Sends what the registry does not have yet, and closes the upload.
    async fn send_rest(
        &self,
        blob: &Blob,
        upload: &mut Upload,
        doing: &str,
        progress: &Arc<dyn Progress>,
    ) -> Result<(), DistributionError> {
        let rest = Payload::File(Part {
            open: Arc::clone(&blob.open),
            digest: blob.digest.clone(),
            first: upload.arrived,
            size: blob.size,
            progress: Arc::clone(progress),
        });
        let mut last = Payload::Empty;
        if upload.arrived == 0 && blob.size <= ONE_REQUEST_MAX {
            last = rest;
        } else if upload.arrived < blob.size {
            let mut call =
                self.writing(Method::PATCH, upload.location.clone(), doing).header(CONTENT_TYPE, OCTETS).payload(rest);
            if upload.arrived > 0 {
                call = call.header(CONTENT_RANGE, format!("{}-{}", upload.arrived, blob.size - 1));
            }
            let answered =
                self.transport.ask_once(&call.commits(), &[StatusCode::ACCEPTED, StatusCode::NO_CONTENT]).await?;
            if let Some(location) = location(&answered) {
                upload.location = location;
            }
            upload.arrived = blob.size;
            self.transport.drain(answered).await;
        }
        let target = with_parameter(&upload.location, "digest", blob.digest.as_str())
            .ok_or_else(|| protocol(&upload.location, doing, "an address that takes no parameters"))?;
        let call = self.writing(Method::PUT, target, doing).header(CONTENT_TYPE, OCTETS).payload(last).commits();
        let answered = self.transport.ask_once(&call, &[StatusCode::CREATED, StatusCode::NO_CONTENT]).await?;
        self.transport.drain(answered).await;
        Ok(())
    }

    /// Asks how much of an upload has arrived; `None` when the registry does not say, or has none that goes on.
    async fn look_at(&self, upload: &Upload, blob: &Blob, doing: &str) -> Result<Option<Upload>, DistributionError> {
        let call: Call = self.writing(Method::GET, upload.location.clone(), doing);
        let expected = [StatusCode::NO_CONTENT, StatusCode::ACCEPTED];
        let answered = match self.transport.ask(&call, &expected).await {
            Ok(answered) => answered,
            Err(error) if is_answer(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let arrived = answered.header(&RANGE).and_then(arrived).filter(|arrived| *arrived <= blob.size);
        let location = location(&answered).unwrap_or_else(|| upload.location.clone());
        self.transport.drain(answered).await;
        Ok(arrived.map(|arrived| Upload { location, arrived }))
    }
}

/// What helps after a failed attempt.
enum Remedy {
    None,
    /// Waiting, and then asking how far it got.
    Wait,
    /// Asking how far it got: the registry and this side disagree on that, or the upload is gone.
    Ask,
}

fn what_to_do(error: &DistributionError) -> Remedy {
    let is_out_of_step = error.is_status(StatusCode::RANGE_NOT_SATISFIABLE) || error.is_status(StatusCode::NOT_FOUND);
    match (error.can_heal(), is_out_of_step) {
        (true, _) => Remedy::Wait,
        (false, true) => Remedy::Ask,
        (false, false) => Remedy::None,
    }
}

/// Finds the words where a registry saw another content than the digest says.
fn explain(error: DistributionError, blob: &Blob) -> DistributionError {
    match error {
        DistributionError::Refused { doing, status: StatusCode::BAD_REQUEST, said, .. }
            if said.starts_with("DIGEST_INVALID") =>
        {
            DistributionError::DigestMismatch { doing, expected: blob.digest.clone(), actual: None }
        }
        other => other,
    }
}

/// Tells whether the registry gave an answer, although none that was hoped for.
fn is_answer(error: &DistributionError) -> bool {
    matches!(
        error,
        DistributionError::Refused { .. }
            | DistributionError::Denied { .. }
            | DistributionError::RepositoryUnknown { .. }
    )
}

/// Reads how much has arrived from `0-LAST`. `0-0` means a byte or, with some registries, none: nothing is lost by beginning again.
fn arrived(range: &str) -> Option<u64> {
    let (first, last) = range.strip_prefix("bytes=").unwrap_or(range).split_once('-')?;
    let last: u64 = last.trim().parse().ok()?;
    (first.trim() == "0" && last > 0).then(|| last.checked_add(1))?
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blob").field("digest", &self.digest).field("size", &self.size).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_tells_how_much_has_arrived() {
        for (range, expected) in [
            ("0-99", Some(100)),
            ("bytes=0-99", Some(100)),
            ("0-0", None),
            ("1-99", None),
            ("0-", None),
            ("", None),
            ("0--1", None),
            ("0-18446744073709551615", None),
        ] {
            assert_eq!(arrived(range), expected, "{range}");
        }
    }
}
