//! The lock that makes a task's supervisor the only one, and its end visible to every engine.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;

use crate::directory::TaskDirectory;
use crate::files::FILE_MODE;

/// The right to act for a task: to run it, or to say how it ended when its supervisor is gone.
#[derive(Debug)]
pub(crate) struct TaskLock {
    _file: File,
}

impl TaskLock {
    /// Takes the lock; none when another process has it.
    pub fn try_acquire(directory: &TaskDirectory) -> io::Result<Option<Self>> {
        let file =
            OpenOptions::new().write(true).create(true).truncate(false).mode(FILE_MODE).open(directory.lock_file())?;
        match file.try_lock() {
            Ok(()) => Ok(Some(TaskLock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}
