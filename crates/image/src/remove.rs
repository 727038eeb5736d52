//! Removes what lies below a directory without following a symbolic link, also where modes forbid it to the owner.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

/// What the owner needs to empty a directory.
const OWNER_MODE: u32 = 0o700;

/// Removes a file or a directory with everything in it; it is no error when there is none.
pub fn remove_path(path: &Path) -> io::Result<()> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let name = CString::new(name.as_encoded_bytes())?;
    remove_at(File::open(parent)?.as_fd(), &name, &mut |_| ())
}

/// Removes what a directory has under a name, and tells the inode of every directory that is no more.
pub(crate) fn remove_at(parent: BorrowedFd<'_>, name: &CStr, gone: &mut dyn FnMut(u64)) -> io::Result<()> {
    let stat = match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        return Ok(rustix::fs::unlinkat(parent, name, AtFlags::empty())?);
    }
    if stat.st_mode & OWNER_MODE != OWNER_MODE {
        rustix::fs::chmodat(parent, name, Mode::from_raw_mode(OWNER_MODE), AtFlags::empty())?;
    }
    let directory = rustix::fs::openat(parent, name, directory_flags(), Mode::empty())?;
    for child in names(directory.as_fd())? {
        remove_at(directory.as_fd(), &child, gone)?;
    }
    rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR)?;
    gone(stat.st_ino);
    Ok(())
}

/// How a directory is opened that must not be reached through a link.
pub(crate) fn directory_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

/// Lists what a directory has, without itself and its parent.
pub(crate) fn names(directory: BorrowedFd<'_>) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}
