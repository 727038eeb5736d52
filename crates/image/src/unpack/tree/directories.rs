//! What is remembered of the tree's directories while layers are applied, by inode: a name may come to mean another one.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

use super::attributes::Attributes;

#[derive(Default)]
pub(super) struct Directories {
    attributes: BTreeMap<u64, Attributes>,
    /// The names in each directory that the current layer has put there, or that lead to what it has.
    current: BTreeMap<u64, BTreeSet<OsString>>,
}

impl Directories {
    pub fn set_attributes(&mut self, directory: u64, attributes: Attributes) {
        self.attributes.insert(directory, attributes);
    }

    pub fn attributes(&self, directory: u64) -> Option<&Attributes> {
        self.attributes.get(&directory)
    }

    pub fn mark(&mut self, directory: u64, name: &OsStr) {
        let names = self.current.entry(directory).or_default();
        if !names.contains(name) {
            names.insert(name.to_owned());
        }
    }

    pub fn is_of_current_layer(&self, directory: u64, name: &OsStr) -> bool {
        self.current.get(&directory).is_some_and(|names| names.contains(name))
    }

    pub fn forget_layer(&mut self) {
        self.current.clear();
    }

    /// Forgets a directory that is no more: the next one may get its inode.
    pub fn forget(&mut self, directory: u64) {
        self.attributes.remove(&directory);
        self.current.remove(&directory);
    }
}
