//! Puts entries into the tree, each in the place of what was there.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::super::error::{EntryError, failed};
use super::attributes::{Attributes, HasMode};
use super::{Directory, Tree, WORKING_MODE, c_name};
use crate::remove::remove_at;

/// The mode of a file until it has its contents.
const NEW_FILE_MODE: Mode = Mode::from_raw_mode(0o600);

impl Tree {
    /// Makes a file whose contents `write` writes.
    pub fn make_file(
        &mut self,
        parent: &Directory,
        name: &OsStr,
        attributes: &Attributes,
        write: &mut dyn FnMut(&mut File) -> Result<(), EntryError>,
    ) -> Result<(), EntryError> {
        self.clear(parent, name)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file =
            rustix::fs::openat(&parent.descriptor, name, flags, NEW_FILE_MODE).map_err(failed("make the file"))?;
        let mut file = File::from(file);
        self.directories.mark(parent.inode, name);
        write(&mut file)?;
        attributes.give(file.as_fd()).map_err(failed("set owner, mode and time of the file"))
    }

    /// Makes a symbolic link. Its target is text: it need not exist, and is nothing that is looked at.
    pub fn make_symbolic_link(
        &mut self,
        parent: &Directory,
        name: &OsStr,
        attributes: &Attributes,
        target: &OsStr,
    ) -> Result<(), EntryError> {
        self.clear(parent, name)?;
        rustix::fs::symlinkat(target, &parent.descriptor, name).map_err(failed("make the symbolic link"))?;
        self.directories.mark(parent.inode, name);
        let given = attributes.give_at(parent.descriptor.as_fd(), name, HasMode::No);
        given.map_err(failed("set owner and time of the symbolic link"))
    }

    /// Gives a file of the image another name. Where the file is a symbolic link, the link itself gets it.
    pub fn make_hard_link(
        &mut self,
        parent: &Directory,
        name: &OsStr,
        target_parent: &Directory,
        target_name: &OsStr,
    ) -> Result<(), EntryError> {
        let nothing = || EntryError::LinkToNothing(target_name.to_string_lossy().into_owned());
        let target = stat(target_parent, target_name)?.ok_or_else(nothing)?;
        // Clearing the place of a link to itself would take the file away.
        let there = stat(parent, name)?;
        if there.is_none_or(|there| (there.st_dev, there.st_ino) != (target.st_dev, target.st_ino)) {
            self.clear(parent, name)?;
            let (from, to) = (&target_parent.descriptor, &parent.descriptor);
            // Without AT_SYMLINK_FOLLOW: a link is not followed.
            let linked = rustix::fs::linkat(from, target_name, to, name, AtFlags::empty());
            linked
                .map_err(|error| if error == Errno::NOENT { nothing() } else { failed("make the hard link")(error) })?;
        }
        self.directories.mark(parent.inode, name);
        Ok(())
    }

    /// Makes a named pipe.
    pub fn make_fifo(&mut self, parent: &Directory, name: &OsStr, attributes: &Attributes) -> Result<(), EntryError> {
        self.clear(parent, name)?;
        make_fifo_at(&parent.descriptor, name).map_err(failed("make the named pipe"))?;
        self.directories.mark(parent.inode, name);
        let given = attributes.give_at(parent.descriptor.as_fd(), name, HasMode::Yes);
        given.map_err(failed("set owner, mode and time of the named pipe"))
    }

    /// Makes a directory, or keeps the one that is there with what is in it.
    pub fn make_directory(
        &mut self,
        parent: &Directory,
        name: &OsStr,
        attributes: Attributes,
    ) -> Result<(), EntryError> {
        let is_there = stat(parent, name)?.is_some_and(|stat| is_directory(&stat));
        if !is_there {
            self.clear(parent, name)?;
            rustix::fs::mkdirat(&parent.descriptor, name, WORKING_MODE).map_err(failed("make the directory"))?;
        }
        let made = Directory::open(parent.descriptor.as_fd(), &name).map_err(failed("open the directory"))?;
        self.directories.mark(parent.inode, name);
        self.directories.set_attributes(made.inode, attributes);
        Ok(())
    }

    /// Sets what the root has in the end.
    pub fn set_root_attributes(&mut self, attributes: Attributes) {
        self.directories.set_attributes(self.root.inode, attributes);
    }

    /// Removes what is under a name.
    pub(super) fn clear(&mut self, parent: &Directory, name: &OsStr) -> Result<(), EntryError> {
        let directories = &mut self.directories;
        let removed = remove_at(parent.descriptor.as_fd(), &c_name(name)?, &mut |inode| directories.forget(inode));
        removed.map_err(failed("remove what an earlier entry put there"))
    }
}

pub(super) fn stat(parent: &Directory, name: &OsStr) -> Result<Option<Stat>, EntryError> {
    match rustix::fs::statat(&parent.descriptor, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(failed("look at what is there")(error)),
    }
}

pub(super) fn is_directory(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

#[cfg(target_os = "linux")]
fn make_fifo_at(directory: impl AsFd, name: &OsStr) -> io::Result<()> {
    Ok(rustix::fs::mknodat(directory, name, FileType::Fifo, NEW_FILE_MODE, 0)?)
}

#[cfg(not(target_os = "linux"))]
fn make_fifo_at(_: impl AsFd, _: &OsStr) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
