//! The right to write to an upload, and to end it.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;

use seatrial_model::Timestamp;
use seatrial_model::image::Digest;

use super::{DATA, Progress, UploadError, Uploads};
use crate::limits::BLOB_BYTES_MAX;
use crate::storage::upload_id::UploadId;
use seatrial_image::hash::Hasher;

/// The only writer of an upload. Dropped, it gives the upload back as far as it has come.
#[derive(Debug)]
pub struct Claim {
    uploads: Arc<Uploads>,
    id: UploadId,
    file: File,
    /// Gone once the upload has ended.
    progress: Option<Progress>,
}

impl Claim {
    pub(super) fn new(uploads: Arc<Uploads>, id: UploadId, progress: Progress) -> Result<Self, UploadError> {
        let opened = OpenOptions::new().read(true).write(true).open(uploads.directory_of(&id).join(DATA));
        let opened = opened.and_then(|mut file| file.seek(SeekFrom::Start(progress.length)).map(|_| file));
        match opened {
            Ok(file) => Ok(Claim { uploads, id, file, progress: Some(progress) }),
            Err(error) => {
                give_back(&uploads, &id, progress);
                Err(error.into())
            }
        }
    }

    /// Returns how many bytes the upload has.
    pub fn length(&self) -> u64 {
        self.progress.as_ref().map_or(0, |progress| progress.length)
    }

    /// Writes bytes at the end. When that fails the upload is as it was before.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), UploadError> {
        let Some(progress) = &mut self.progress else { return Err(UploadError::Unknown) };
        let length = progress.length.saturating_add(bytes.len() as u64);
        if length > BLOB_BYTES_MAX {
            return Err(UploadError::TooLarge);
        }
        if let Err(error) = self.file.write_all(bytes) {
            self.file.set_len(progress.length)?;
            self.file.seek(SeekFrom::Start(progress.length))?;
            return Err(error.into());
        }
        progress.length = length;
        if let Some(hasher) = &mut progress.hasher {
            hasher.update(bytes);
        }
        Ok(())
    }

    /// Makes what was written durable.
    pub fn sync(&self) -> Result<(), UploadError> {
        Ok(self.file.sync_data()?)
    }

    /// Makes the upload a blob, if it has the digest that its client names; returns its size. With another digest it is gone.
    pub fn finish(mut self, digest: &Digest, now: Timestamp) -> Result<u64, UploadError> {
        let actual = self.digest(digest)?;
        let length = self.length();
        if actual != *digest {
            self.end()?;
            return Err(UploadError::WrongDigest { actual });
        }
        self.uploads.blobs.place(&self.file, &self.path(), digest, now)?;
        self.end()?;
        Ok(length)
    }

    /// Computes the digest with the algorithm of the wanted one: from what was hashed on the way if that will do, else from the file.
    fn digest(&mut self, wanted: &Digest) -> io::Result<Digest> {
        let hashed = self.progress.as_ref().and_then(|progress| progress.hasher.clone());
        if let Some(hasher) = hashed.filter(|hasher| hasher.algorithm() == wanted.algorithm()) {
            return Ok(hasher.finish());
        }
        let mut hasher = Hasher::new(wanted.algorithm());
        self.file.rewind()?;
        hasher.update_from(&self.file)?;
        Ok(hasher.finish())
    }

    fn end(&mut self) -> io::Result<()> {
        self.progress = None;
        self.uploads.lock().remove(&self.id);
        self.uploads.remove_files(&self.id)
    }

    /// Does the first half of [`Claim::finish`], as a process does that ends in between.
    #[cfg(test)]
    pub(super) fn place_only(self, digest: &Digest, now: Timestamp) -> io::Result<()> {
        self.uploads.blobs.place(&self.file, &self.path(), digest, now)?;
        std::mem::forget(self);
        Ok(())
    }

    fn path(&self) -> PathBuf {
        self.uploads.directory_of(&self.id).join(DATA)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(progress) = self.progress.take() {
            give_back(&self.uploads, &self.id, progress);
        }
    }
}

fn give_back(uploads: &Uploads, id: &UploadId, progress: Progress) {
    if let Some(upload) = uploads.lock().get_mut(id) {
        upload.progress = Some(progress);
    }
}
