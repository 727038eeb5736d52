//! Where an entry goes: names below the image's root, none of which leads out of it by itself.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::error::EntryError;
use super::limits::Limits;

/// The longest name that Linux's file systems take.
const NAME_LENGTH_MAX: usize = 255;

/// A path without `.`, `..`, empty names and NUL. Links on it are another matter: `tree` follows them within the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EntryPath {
    names: Vec<OsString>,
}

impl EntryPath {
    /// Reads the path of an entry, or of what a hard link links to. One that begins with a slash is meant from the image's root.
    pub fn parse(path: &[u8], limits: &Limits) -> Result<Self, EntryError> {
        if path.is_empty() {
            return Err(EntryError::Empty);
        }
        if path.len() > limits.path_length {
            return Err(EntryError::TooLong(limits.path_length));
        }
        if path.contains(&0) {
            return Err(EntryError::Nul);
        }
        let names: Vec<OsString> = names_of(path).map(OsStr::to_owned).collect();
        if names.iter().any(|name| name == "..") {
            return Err(EntryError::LeadsUp);
        }
        if names.iter().any(|name| name.len() > NAME_LENGTH_MAX) {
            return Err(EntryError::NameTooLong(NAME_LENGTH_MAX));
        }
        if names.len() > limits.depth {
            return Err(EntryError::TooDeep(limits.depth));
        }
        Ok(EntryPath { names })
    }

    /// Returns the last name and those before it; `None` for the root.
    pub fn split(&self) -> Option<(&OsStr, &[OsString])> {
        self.names.split_last().map(|(name, parents)| (name.as_os_str(), parents))
    }
}

/// Returns the names on a path, `..` among them.
pub(super) fn names_of(path: &[u8]) -> impl DoubleEndedIterator<Item = &OsStr> {
    path.split(|byte| *byte == b'/').filter(|name| !name.is_empty() && *name != b".").map(OsStr::from_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(path: &[u8]) -> Result<Vec<OsString>, EntryError> {
        let limits = Limits { path_length: 12, depth: 3, ..Limits::default() };
        EntryPath::parse(path, &limits).map(|path| path.names)
    }

    #[test]
    fn paths_are_meant_from_the_root() {
        let cases: [(&[u8], &[&str]); 6] = [
            (b"a/b", &["a", "b"]),
            (b"./a//b/", &["a", "b"]),
            (b"/a/./b", &["a", "b"]),
            (b".", &[]),
            (b"/", &[]),
            (b"a/...", &["a", "..."]),
        ];
        for (path, names) in cases {
            assert_eq!(parse(path).expect("a path"), names, "{}", String::from_utf8_lossy(path));
        }
    }

    #[test]
    fn paths_that_lead_up_or_are_too_much_are_refused() {
        let cases: [&[u8]; 8] = [b"", b"..", b"../a", b"a/../b", b"a/..", b"a\0b", b"aaaaaaaaaaaaa", b"a/b/c/d"];
        for path in cases {
            assert!(parse(path).is_err(), "{}", String::from_utf8_lossy(path));
        }
    }
}
