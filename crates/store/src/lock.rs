//! One engine per data directory: a lock that dies with its process, so that a crashed engine never has to be cleaned up after.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use seatrial_ports::JournalError;

use crate::failure::other;

const LOCK_FILE_NAME: &str = "engine.lock";

/// A data directory belongs to its user alone: it holds credentials and the environment of tasks.
const DIRECTORY_MODE: u32 = 0o700;

/// Files in it likewise.
pub(crate) const FILE_MODE: u32 = 0o600;

/// The right to be the only engine of a data directory, given up when dropped or when the process ends in any way.
#[derive(Debug)]
pub struct DirectoryLock {
    directory: PathBuf,
    _file: File,
}

impl DirectoryLock {
    /// Takes a data directory, creating it (mode 0700) when it is missing.
    ///
    /// Fails with [`JournalError::Locked`], which names the directory and the holder's process id, when another engine has it.
    pub fn acquire(directory: &Path) -> Result<Self, JournalError> {
        DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(directory)
            .map_err(|error| other("create the data directory", directory, error))?;
        let path = directory.join(LOCK_FILE_NAME);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(&path)
            .map_err(|error| other("open the lock file", &path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held_by_another(directory, &mut file)),
            Err(TryLockError::Error(error)) => return Err(other("lock", &path, error)),
        }
        write_holder(&mut file).map_err(|error| other("write the lock file", &path, error))?;
        Ok(DirectoryLock { directory: directory.to_owned(), _file: file })
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

fn write_holder(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn held_by_another(directory: &Path, file: &mut File) -> JournalError {
    let mut holder = String::new();
    // The holder may be between taking the lock and writing its id: then the directory alone has to do.
    let known = file.read_to_string(&mut holder).is_ok() && holder.trim().parse::<u32>().is_ok();
    let process = if known { format!(" (process {})", holder.trim()) } else { String::new() };
    JournalError::Locked { path: format!("{}{process}", directory.display()) }
}
