//! Uploads: what is sent of a blob before it is one.
//!
//! I1: an upload has one writer at a time, who holds its [`Claim`].
//! I2: what an upload holds is what was written through claims, in order; nothing of it can be seen as a blob.
//! I3: an upload ends as a blob only with the digest its client names.

mod claim;
mod restore;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use seatrial_model::Timestamp;
use seatrial_model::image::{Algorithm, Digest, RepositoryName};

use super::blobs::Blobs;
use super::upload_id::UploadId;
use super::{create_directory, sync_directory};
use crate::limits::{UPLOAD_RETENTION, UPLOAD_STALLED_AFTER, UPLOADS_MAX};
use seatrial_image::hash::Hasher;

pub use claim::Claim;

/// What was sent of an upload.
const DATA: &str = "data";
/// The repository an upload is for.
const REPOSITORY: &str = "repository";

/// The open uploads of a registry.
#[derive(Debug)]
pub struct Uploads {
    directory: PathBuf,
    blobs: Arc<Blobs>,
    open: Mutex<BTreeMap<UploadId, Upload>>,
}

/// Why an upload does not go on.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    #[error("there is no such upload in this repository; it may have expired")]
    Unknown,
    #[error("another request is writing to this upload")]
    Busy,
    #[error("{UPLOADS_MAX} uploads are open, which is as many as there may be; try again later")]
    TooMany,
    #[error("a blob has at most {} bytes", crate::limits::BLOB_BYTES_MAX)]
    TooLarge,
    #[error("what was uploaded has the digest {actual}")]
    WrongDigest { actual: Digest },
    #[error("the upload could not be stored")]
    Io(#[from] io::Error),
}

#[derive(Debug)]
struct Upload {
    repository: RepositoryName,
    touched_at: Timestamp,
    /// Taken by a claim while it lasts.
    progress: Option<Progress>,
}

/// How far an upload is.
struct Progress {
    length: u64,
    /// Of all that was written; none after a restart, when it would have to be computed anew.
    hasher: Option<Hasher>,
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Progress").field("length", &self.length).finish_non_exhaustive()
    }
}

impl Uploads {
    pub(super) fn open(root: &Path, blobs: Arc<Blobs>, now: Timestamp) -> io::Result<Self> {
        let directory = root.join("uploads");
        create_directory(&directory)?;
        let open = restore::restore(&directory, now)?;
        Ok(Uploads { directory, blobs, open: Mutex::new(open) })
    }

    /// Begins an upload for a repository.
    pub fn begin(&self, repository: &RepositoryName, now: Timestamp) -> Result<UploadId, UploadError> {
        let id = UploadId::draw().map_err(io::Error::other)?;
        let progress = Progress { length: 0, hasher: Some(Hasher::new(Algorithm::Sha256)) };
        let upload = Upload { repository: repository.clone(), touched_at: now, progress: Some(progress) };
        let stalled = {
            let mut open = self.lock();
            let stalled = if open.len() < UPLOADS_MAX { None } else { Some(take_stalled(&mut open, now)?) };
            open.insert(id.clone(), upload);
            stalled
        };
        if let Some(stalled) = stalled {
            self.remove_files(&stalled)?;
        }
        let made = self.make_files(&id, repository);
        if made.is_err() {
            self.lock().remove(&id);
            let _ = self.remove_files(&id);
        }
        made?;
        Ok(id)
    }

    /// Returns how many bytes an upload has.
    pub fn length(&self, repository: &RepositoryName, id: &UploadId) -> Result<u64, UploadError> {
        let open = self.lock();
        let upload = open.get(id).filter(|upload| upload.repository == *repository).ok_or(UploadError::Unknown)?;
        upload.progress.as_ref().map(|progress| progress.length).ok_or(UploadError::Busy)
    }

    /// Becomes the writer of an upload, until the claim is dropped.
    pub fn claim(
        self: &Arc<Self>,
        repository: &RepositoryName,
        id: &UploadId,
        now: Timestamp,
    ) -> Result<Claim, UploadError> {
        let progress = {
            let mut open = self.lock();
            let upload = open.get_mut(id).filter(|upload| upload.repository == *repository);
            let upload = upload.ok_or(UploadError::Unknown)?;
            upload.touched_at = now;
            upload.progress.take().ok_or(UploadError::Busy)?
        };
        // From here on the upload is given back when something fails.
        Claim::new(Arc::clone(self), id.clone(), progress)
    }

    /// Ends an upload without a blob.
    pub fn cancel(&self, repository: &RepositoryName, id: &UploadId) -> Result<(), UploadError> {
        {
            let mut open = self.lock();
            let upload = open.get(id).filter(|upload| upload.repository == *repository).ok_or(UploadError::Unknown)?;
            if upload.progress.is_none() {
                return Err(UploadError::Busy);
            }
            open.remove(id);
        }
        Ok(self.remove_files(id)?)
    }

    /// Ends every upload that has been idle for too long; returns how many.
    pub fn expire(&self, now: Timestamp) -> io::Result<usize> {
        let expired: Vec<UploadId> = {
            let mut open = self.lock();
            let is_expired =
                |upload: &Upload| upload.progress.is_some() && now.since(upload.touched_at) > UPLOAD_RETENTION;
            let expired: Vec<UploadId> =
                open.iter().filter(|(_, upload)| is_expired(upload)).map(|(id, _)| id.clone()).collect();
            for id in &expired {
                open.remove(id);
            }
            expired
        };
        for id in &expired {
            self.remove_files(id)?;
        }
        Ok(expired.len())
    }

    fn make_files(&self, id: &UploadId, repository: &RepositoryName) -> io::Result<()> {
        let directory = self.directory_of(id);
        create_directory(&directory)?;
        let create = |name| OpenOptions::new().write(true).create_new(true).mode(0o600).open(directory.join(name));
        create(DATA)?;
        let mut file = create(REPOSITORY)?;
        file.write_all(repository.as_str().as_bytes())?;
        file.sync_all()?;
        sync_directory(&directory)
    }

    fn remove_files(&self, id: &UploadId) -> io::Result<()> {
        match fs::remove_dir_all(self.directory_of(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn directory_of(&self, id: &UploadId) -> PathBuf {
        self.directory.join(id.as_str())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<UploadId, Upload>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the upload that has been idle for longest, if no client can still be at it.
fn take_stalled(open: &mut BTreeMap<UploadId, Upload>, now: Timestamp) -> Result<UploadId, UploadError> {
    let idle = open.iter().filter(|(_, upload)| upload.progress.is_some());
    let (id, upload) = idle.min_by_key(|(_, upload)| upload.touched_at).ok_or(UploadError::TooMany)?;
    if now.since(upload.touched_at) < UPLOAD_STALLED_AFTER {
        return Err(UploadError::TooMany);
    }
    let id = id.clone();
    open.remove(&id);
    Ok(id)
}

#[cfg(test)]
mod tests;
