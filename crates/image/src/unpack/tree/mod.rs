//! The directory an image is unpacked into. Everything is reached from its descriptor, name by name, and no symbolic link is left to
//! the kernel: where one lies on a path, it is followed here, as if the directory were the root of the file system.
//!
//! I1: nothing outside the directory is opened, made, changed or removed, whatever the layers have planted in it.
//! I2: nothing that exists is written to; it is replaced. Other names of the same file keep its contents.
//!
//! Directories are the owner's alone until [`Tree::settle`] gives them the modes and times of the image.

mod attributes;
mod directories;
mod lower;
mod make;
mod settle;

use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{CWD, Mode};
use rustix::io::Errno;

pub(super) use attributes::Attributes;
use directories::Directories;

use super::entry_path::names_of;
use super::error::{EntryError, failed};
use super::limits::Budget;
use crate::remove::directory_flags;

/// How many symbolic links a path may go through: as many as Linux follows.
const LINKS_MAX: usize = 40;

/// The mode of a directory while the image is unpacked.
const WORKING_MODE: Mode = Mode::from_raw_mode(0o700);

pub(super) struct Tree {
    root: Directory,
    depth_max: usize,
    directories: Directories,
}

/// A directory within the tree.
pub(super) struct Directory {
    descriptor: OwnedFd,
    inode: u64,
}

/// What to do where a path leads to nothing.
pub(super) enum Missing<'b> {
    /// Make the directory: an entry is to be put there.
    Make(&'b mut Budget),
    /// Leave it so.
    Leave,
}

/// Where a name leads.
enum Step {
    Into(Directory),
    /// The target of a symbolic link.
    Elsewhere(Vec<u8>),
    Nowhere,
}

impl Tree {
    /// Opens an empty directory, in which no path may lead deeper than some depth.
    pub fn open(root: &Path, depth_max: usize) -> io::Result<Self> {
        let descriptor = rustix::fs::openat(CWD, root, directory_flags(), Mode::empty())?;
        Ok(Tree { root: Directory::of(descriptor)?, depth_max, directories: Directories::default() })
    }

    /// Begins a layer: what is there now belongs to earlier ones.
    pub fn begin_layer(&mut self) {
        self.directories.forget_layer();
    }

    /// Follows a path to a directory; `None` when there is none and none is to be made.
    pub fn find(&mut self, path: &[OsString], mut missing: Missing<'_>) -> Result<Option<Directory>, EntryError> {
        let mut way: Vec<Directory> = Vec::new();
        let mut ahead: Vec<OsString> = path.iter().rev().cloned().collect();
        let mut links = 0;
        while let Some(name) = ahead.pop() {
            if name == ".." {
                // At the root it leads to the root, as everywhere.
                way.pop();
                continue;
            }
            let here = way.last().unwrap_or(&self.root);
            match step(here, &name, &mut missing)? {
                Step::Into(directory) => {
                    if let Missing::Make(_) = missing {
                        self.directories.mark(here.inode, &name);
                    }
                    way.push(directory);
                }
                Step::Elsewhere(target) => {
                    links += 1;
                    if links > LINKS_MAX {
                        return Err(EntryError::TooManyLinks(LINKS_MAX));
                    }
                    if target.starts_with(b"/") {
                        way.clear();
                    }
                    ahead.extend(names_of(&target).rev().map(OsStr::to_owned));
                }
                Step::Nowhere => return Ok(None),
            }
            if way.len() > self.depth_max {
                return Err(EntryError::TooDeep(self.depth_max));
            }
        }
        match way.pop() {
            Some(directory) => Ok(Some(directory)),
            None => self.root.try_clone().map(Some),
        }
    }
}

impl Directory {
    fn of(descriptor: OwnedFd) -> io::Result<Self> {
        let inode = rustix::fs::fstat(&descriptor)?.st_ino;
        Ok(Directory { descriptor, inode })
    }

    fn open(parent: BorrowedFd<'_>, name: &(impl rustix::path::Arg + Copy)) -> io::Result<Self> {
        Directory::of(rustix::fs::openat(parent, *name, directory_flags(), Mode::empty())?)
    }

    fn try_clone(&self) -> Result<Self, EntryError> {
        let descriptor = self.descriptor.try_clone().map_err(failed("open the directory"))?;
        Ok(Directory { descriptor, inode: self.inode })
    }
}

/// Goes from a directory to what it has under a name.
fn step(here: &Directory, name: &OsStr, missing: &mut Missing<'_>) -> Result<Step, EntryError> {
    let descriptor = here.descriptor.as_fd();
    match rustix::fs::openat(descriptor, name, directory_flags(), Mode::empty()) {
        Ok(opened) => Directory::of(opened).map(Step::Into).map_err(failed("look at a directory on the path")),
        // Which of the two a link is answered with depends on the system.
        Err(Errno::LOOP | Errno::NOTDIR) => match rustix::fs::readlinkat(descriptor, name, Vec::new()) {
            Ok(target) => Ok(Step::Elsewhere(target.into_bytes())),
            Err(Errno::INVAL) => match missing {
                Missing::Make(_) => Err(EntryError::NotADirectory),
                Missing::Leave => Ok(Step::Nowhere),
            },
            Err(error) => Err(failed("read a symbolic link on the path")(error)),
        },
        Err(Errno::NOENT) => match missing {
            Missing::Make(budget) => {
                budget.take_entry()?;
                rustix::fs::mkdirat(descriptor, name, WORKING_MODE).map_err(failed("make a directory on the path"))?;
                Directory::open(descriptor, &name).map(Step::Into).map_err(failed("open a directory on the path"))
            }
            Missing::Leave => Ok(Step::Nowhere),
        },
        Err(error) => Err(failed("open a directory on the path")(error)),
    }
}

fn c_name(name: &OsStr) -> Result<CString, EntryError> {
    CString::new(name.as_bytes()).map_err(|_| EntryError::Nul)
}
