//! The last step: directories get their modes, owners and times, the deepest first, when nothing will be put into them any more.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, Dir, FileType, Mode};

use super::{Directory, Tree};

/// The mode of a directory that no layer has an entry for.
const IMPLIED_MODE: Mode = Mode::from_raw_mode(0o755);

impl Tree {
    /// Gives all directories what the image says of them.
    pub fn settle(&self) -> io::Result<()> {
        self.settle_directory(&self.root)
    }

    fn settle_directory(&self, directory: &Directory) -> io::Result<()> {
        let descriptor = directory.descriptor.as_fd();
        for entry in Dir::read_from(descriptor)? {
            let entry = entry?;
            let name = entry.file_name();
            if name != c"." && name != c".." && is_directory(descriptor, &entry)? {
                self.settle_directory(&Directory::open(descriptor, &name)?)?;
            }
        }
        match self.directories.attributes(directory.inode) {
            Some(attributes) => attributes.give(descriptor)?,
            None => rustix::fs::fchmod(descriptor, IMPLIED_MODE)?,
        }
        Ok(())
    }
}

fn is_directory(parent: BorrowedFd<'_>, entry: &rustix::fs::DirEntry) -> io::Result<bool> {
    let file_type = match entry.file_type() {
        FileType::Unknown => {
            let stat = rustix::fs::statat(parent, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)?;
            FileType::from_raw_mode(stat.st_mode)
        }
        known => known,
    };
    Ok(file_type == FileType::Directory)
}
