//! A directory for what a program is given and what it writes: plans and variables, which may hold secrets.
//!
//! Nobody else may read it, and it goes when this does. A process that is killed leaves its directory behind; the next one of the same user
//! finds by its lock that nobody uses it any more, and removes it.

use std::fs::{File, Permissions, read_dir, remove_dir_all, rename};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::ReleaseError;

const PREFIX: &str = "seatrial-infra-";
/// Locked for as long as the directory is used.
const LOCK: &str = "lock";

/// A directory that goes when this does.
#[derive(Debug)]
pub(super) struct Scratch {
    directory: TempDir,
    _lock: File,
}

impl Scratch {
    /// A new directory.
    pub fn new() -> Result<Self, ReleaseError> {
        Self::within(&std::env::temp_dir()).map_err(|error| {
            let what = format!("cannot make a directory for temporary files: {error}");
            ReleaseError::not_possible(what, "check that TMPDIR can be written to")
        })
    }

    fn within(place: &Path) -> io::Result<Self> {
        // Whatever cannot be removed is somebody else's.
        for abandoned in read_dir(place)?.flatten().map(|entry| entry.path()).filter(|path| is_abandoned(path)) {
            let _ = remove_dir_all(abandoned);
        }
        let private = Permissions::from_mode(0o700);
        let directory = tempfile::Builder::new().prefix(PREFIX).permissions(private).tempdir_in(place)?;
        // Locked before it has its name, so that it is never seen without its lock.
        let unnamed = directory.path().join("unnamed");
        let lock = File::create(&unnamed)?;
        lock.lock()?;
        rename(unnamed, directory.path().join(LOCK))?;
        Ok(Self { directory, _lock: lock })
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }
}

/// Whether a directory is one of these, and of a process that is gone.
fn is_abandoned(path: &Path) -> bool {
    let is_ours = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(PREFIX.as_bytes()));
    is_ours && !path.is_symlink() && File::open(path.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_process_has_left_is_removed_and_what_is_used_is_not() {
        let place = tempfile::tempdir().expect("a directory");
        let used = Scratch::within(place.path()).expect("made");
        let dead = place.path().join(format!("{PREFIX}dead"));
        std::fs::create_dir(&dead).expect("made");
        std::fs::write(dead.join(LOCK), "").expect("written");
        std::fs::write(dead.join("variables.tfvars.json"), "{}").expect("written");
        let foreign = place.path().join("foreign");
        std::fs::create_dir(&foreign).expect("made");
        std::fs::write(foreign.join(LOCK), "").expect("written");
        let another = Scratch::within(place.path()).expect("made");
        let mode = used.path().metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "nobody else may look into it");
        assert!(used.path().exists() && foreign.exists() && !dead.exists());
        let gone = another.path().to_owned();
        drop(another);
        assert!(!gone.exists());
    }
}
