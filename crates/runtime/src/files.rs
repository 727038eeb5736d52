//! Writes small files so that a reader sees the old content or the new, never a part.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Files of tasks are for their owner only.
pub(crate) const FILE_MODE: u32 = 0o600;

/// What a written file survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The end of any process. A crash of the machine may take it along, and with it the processes it spoke of.
    Process,
    /// A crash of the machine too.
    Machine,
}

/// Replaces the file at `path`. Only one process may write a path at a time.
pub(crate) fn write_json(path: &Path, value: &impl Serialize, durability: Durability) -> io::Result<()> {
    let bytes = serde_json::to_vec(value).map_err(io::Error::other)?;
    let temporary = temporary_name(path);
    let written = write_new(&temporary, &bytes, durability).and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        // A full disk should get its bytes back; when even that fails, the next write replaces the file.
        let _ = std::fs::remove_file(&temporary);
    }
    written
}

/// Reads a file; none when there is none.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(io::Error::other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes a file written with [`Durability::Process`] survive the machine.
pub(crate) fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn temporary_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    PathBuf::from(name)
}

fn write_new(path: &Path, bytes: &[u8], durability: Durability) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(path)?;
    file.write_all(bytes)?;
    match durability {
        Durability::Process => Ok(()),
        Durability::Machine => file.sync_all(),
    }
}
