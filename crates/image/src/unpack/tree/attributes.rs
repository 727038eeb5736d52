//! Mode, owner and time of a file, as far as the process may give them.

use std::ffi::OsStr;
use std::io;
use std::os::fd::BorrowedFd;

use rustix::fs::{AtFlags, Gid, Mode, Timespec, Timestamps, Uid};

use super::super::archive::Entry;
use super::super::error::EntryError;
use super::super::pax::Modified;

/// The bits that make a program run as its file's owner or group.
const SET_ID: u32 = 0o6000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::unpack) struct Attributes {
    mode: u32,
    user: u32,
    group: u32,
    modified: Modified,
}

impl Attributes {
    pub fn of(entry: &Entry) -> Result<Self, EntryError> {
        // The largest number means "unchanged" to the kernel.
        let id = |id: u64| u32::try_from(id).ok().filter(|id| *id != u32::MAX).ok_or(EntryError::Owner(id));
        let (user, group) = (id(entry.user)?, id(entry.group)?);
        Ok(Attributes { mode: entry.mode, user, group, modified: entry.modified })
    }

    /// Gives them to an open file. The owner comes first, for a change of owner takes the set-id bits.
    pub(super) fn give(&self, file: BorrowedFd<'_>) -> io::Result<()> {
        if is_root() {
            rustix::fs::fchown(file, Some(Uid::from_raw(self.user)), Some(Gid::from_raw(self.group)))?;
        }
        rustix::fs::fchmod(file, self.permitted_mode())?;
        Ok(rustix::fs::futimens(file, &self.times())?)
    }

    /// Gives them to what has a name in a directory; a symbolic link has no mode.
    pub(super) fn give_at(&self, directory: BorrowedFd<'_>, name: &OsStr, has_mode: HasMode) -> io::Result<()> {
        if is_root() {
            let (user, group) = (Some(Uid::from_raw(self.user)), Some(Gid::from_raw(self.group)));
            rustix::fs::chownat(directory, name, user, group, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        match has_mode {
            HasMode::Yes => rustix::fs::chmodat(directory, name, self.permitted_mode(), AtFlags::empty())?,
            HasMode::No => {}
        }
        Ok(rustix::fs::utimensat(directory, name, &self.times(), AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// Programs do not get the rights of whoever happens to unpack them.
    fn permitted_mode(&self) -> Mode {
        Mode::from_raw_mode(if is_root() { self.mode } else { self.mode & !SET_ID })
    }

    fn times(&self) -> Timestamps {
        let time = Timespec { tv_sec: self.modified.seconds, tv_nsec: self.modified.nanoseconds.into() };
        Timestamps { last_access: time, last_modification: time }
    }
}

/// Whether something has a mode of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HasMode {
    Yes,
    No,
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
