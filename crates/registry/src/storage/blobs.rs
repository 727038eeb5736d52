//! Blobs: files named by the digest of what is in them.
//!
//! I1: a file under `blobs` is complete, durable, and what its name says.
//! I2: a blob that was put within the grace period of a sweep is not swept, however the two meet: both take the same lock, and
//! putting a blob again makes it new.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use seatrial_model::Timestamp;
use seatrial_model::image::{Algorithm, Digest};

use super::upload_id::UploadId;
use super::{create_directory, sync_directory};

/// Blobs by digest.
#[derive(Debug)]
pub struct Blobs {
    blobs: PathBuf,
    incoming: PathBuf,
    /// Held while a file is put into its place or taken from it.
    places: Mutex<()>,
}

/// A blob to be read.
#[derive(Debug)]
pub struct OpenBlob {
    pub file: File,
    pub size: u64,
}

impl Blobs {
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let (blobs, incoming) = (root.join("blobs"), root.join("incoming"));
        // What an earlier process was writing, nobody waits for any more.
        match fs::remove_dir_all(&incoming) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        create_directory(&incoming)?;
        for algorithm in Algorithm::ALL {
            create_directory(&blobs.join(algorithm.as_str()))?;
        }
        Ok(Blobs { blobs, incoming, places: Mutex::new(()) })
    }

    /// Opens a blob; `None` when there is none.
    pub fn find(&self, digest: &Digest) -> io::Result<Option<OpenBlob>> {
        let Some(file) = if_found(File::open(self.path(digest)))? else { return Ok(None) };
        let size = file.metadata()?.len();
        Ok(Some(OpenBlob { file, size }))
    }

    /// Reads a small blob, such as a manifest, whole; `None` when there is none.
    pub fn read(&self, digest: &Digest) -> io::Result<Option<Vec<u8>>> {
        let Some(mut blob) = self.find(digest)? else { return Ok(None) };
        let mut bytes = Vec::new();
        blob.file.read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Puts bytes under their digest, which the caller has computed. They are durable when this returns.
    pub fn put(&self, digest: &Digest, bytes: &[u8], now: Timestamp) -> io::Result<()> {
        let id = UploadId::draw().map_err(io::Error::other)?;
        let path = self.incoming.join(id.as_str());
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let put = file.write_all(bytes).and_then(|()| self.place(&file, &path, digest, now));
        if put.is_err() {
            // It is of no use to anybody; should it stay, the next start removes it.
            let _ = fs::remove_file(&path);
        }
        put
    }

    /// Makes a file durable and gives it its place as a blob. The caller has computed the digest.
    pub(super) fn place(&self, file: &File, path: &Path, digest: &Digest, now: Timestamp) -> io::Result<()> {
        file.set_modified(system_time(now))?;
        file.sync_all()?;
        let place = self.path(digest);
        let directory = place.parent().unwrap_or(&self.blobs);
        create_directory(directory)?;
        let guard = self.lock();
        fs::rename(path, &place)?;
        drop(guard);
        sync_directory(directory)?;
        directory.parent().map_or(Ok(()), sync_directory)
    }

    /// Returns every blob that was last put before an instant.
    pub fn put_before(&self, instant: Timestamp) -> io::Result<Vec<Digest>> {
        let mut found = Vec::new();
        for algorithm in Algorithm::ALL {
            for group in fs::read_dir(self.blobs.join(algorithm.as_str()))? {
                let group = group?.path();
                if !group.is_dir() {
                    continue;
                }
                for file in fs::read_dir(group)? {
                    let file = file?;
                    let name = format!("{}:{}", algorithm.as_str(), file.file_name().to_string_lossy());
                    let Ok(digest) = Digest::parse(&name) else { continue };
                    if self.was_put_before(&digest, instant)? {
                        found.push(digest);
                    }
                }
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Removes a blob unless it was put since an instant; tells whether it did. The caller makes sure that nobody names it.
    pub fn remove_if_put_before(&self, digest: &Digest, instant: Timestamp) -> io::Result<bool> {
        let _guard = self.lock();
        if !self.was_put_before(digest, instant)? {
            return Ok(false);
        }
        Ok(if_found(fs::remove_file(self.path(digest)))?.is_some())
    }

    fn was_put_before(&self, digest: &Digest, instant: Timestamp) -> io::Result<bool> {
        let Some(metadata) = if_found(fs::metadata(self.path(digest)))? else { return Ok(false) };
        Ok(metadata.modified()? < system_time(instant))
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        digest.file_in(&self.blobs)
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn if_found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn system_time(instant: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(instant.as_millis()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::digest_of;

    const THEN: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    fn later(seconds: u64) -> Timestamp {
        THEN + Duration::from_secs(seconds)
    }

    #[test]
    fn what_is_put_is_found_under_its_digest() {
        let root = tempfile::tempdir().expect("a directory");
        let blobs = Blobs::open(root.path()).expect("a storage");
        let digest = digest_of(Algorithm::Sha512, b"text");
        assert_eq!(blobs.read(&digest).expect("readable"), None);
        blobs.put(&digest, b"text", THEN).expect("put");
        assert_eq!(Blobs::open(root.path()).expect("again").read(&digest).expect("readable"), Some(b"text".to_vec()));
    }

    #[test]
    fn only_blobs_older_than_the_grace_period_are_removed_and_putting_one_again_makes_it_new() {
        let root = tempfile::tempdir().expect("a directory");
        let blobs = Blobs::open(root.path()).expect("a storage");
        let digest = digest_of(Algorithm::Sha256, b"text");
        blobs.put(&digest, b"text", THEN).expect("put");
        assert_eq!(blobs.put_before(THEN).expect("a list"), []);
        assert_eq!(blobs.put_before(later(1)).expect("a list"), std::slice::from_ref(&digest));
        blobs.put(&digest, b"text", later(5)).expect("put again");
        assert!(!blobs.remove_if_put_before(&digest, later(1)).expect("looked at"));
        assert!(blobs.remove_if_put_before(&digest, later(6)).expect("removed"));
        assert!(!blobs.remove_if_put_before(&digest, later(6)).expect("gone already"));
        assert!(blobs.find(&digest).expect("readable").is_none());
    }

    #[test]
    fn what_was_being_written_when_the_process_ended_is_no_blob() {
        let root = tempfile::tempdir().expect("a directory");
        let blobs = Blobs::open(root.path()).expect("a storage");
        fs::write(root.path().join("incoming/half"), b"te").expect("written");
        drop(blobs);
        let blobs = Blobs::open(root.path()).expect("a storage");
        assert_eq!(blobs.put_before(later(1000)).expect("a list"), []);
        assert!(!root.path().join("incoming/half").exists());
    }
}
