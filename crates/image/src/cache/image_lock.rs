//! The lock of one image: held shared by its users, exclusively by whoever makes or removes it. It ends with its process.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::OFlags;

const FILE_MODE: u32 = 0o600;

#[derive(Debug)]
pub(super) struct ImageLock {
    file: File,
}

impl ImageLock {
    /// Waits for the lock, to share it.
    pub fn share(path: &Path) -> io::Result<Self> {
        loop {
            let file = open(path)?;
            file.lock_shared()?;
            // Each time round, somebody has removed an image: this ends.
            if is_at(&file, path)? {
                return Ok(ImageLock { file });
            }
        }
    }

    /// Takes the lock exclusively; none when somebody has it.
    pub fn try_acquire(path: &Path) -> io::Result<Option<Self>> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) if is_at(&file, path)? => Ok(Some(ImageLock { file })),
            Ok(()) | Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Says that the image is wanted now.
    pub fn touch(&self) -> io::Result<()> {
        self.file.set_modified(SystemTime::now())
    }

    /// Tells when the image was last wanted.
    pub fn touched(&self) -> io::Result<SystemTime> {
        self.file.metadata()?.modified()
    }
}

impl Drop for ImageLock {
    /// Closing the file would be enough, were it not for children: between fork and exec they have it open too, and keep it locked.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

fn open(path: &Path) -> io::Result<File> {
    let flags = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
    OpenOptions::new().write(true).create(true).truncate(false).mode(FILE_MODE).custom_flags(flags).open(path)
}

/// Tells whether a file is still the one with the name.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let locked = file.metadata()?;
    match path.symlink_metadata() {
        Ok(named) => Ok((named.dev(), named.ino()) == (locked.dev(), locked.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
