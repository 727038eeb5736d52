//! What whiteouts do: they take away what earlier layers have put there, never what the same layer has.

use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

use super::super::error::{EntryError, failed};
use super::make::{is_directory, stat};
use super::{Directory, Tree};
use crate::remove::names;

impl Tree {
    /// Removes what earlier layers have under a name.
    pub fn remove_lower(&mut self, parent: &Directory, name: &OsStr) -> Result<(), EntryError> {
        if !self.directories.is_of_current_layer(parent.inode, name) {
            return self.clear(parent, name);
        }
        match stat(parent, name)? {
            Some(stat) if is_directory(&stat) => {
                let directory =
                    Directory::open(parent.descriptor.as_fd(), &name).map_err(failed("open the directory"))?;
                self.remove_all_lower(&directory)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Removes everything that earlier layers have in a directory.
    pub fn remove_all_lower(&mut self, directory: &Directory) -> Result<(), EntryError> {
        for name in names(directory.descriptor.as_fd()).map_err(failed("list the directory"))? {
            self.remove_lower(directory, OsStr::from_bytes(name.to_bytes()))?;
        }
        Ok(())
    }
}
