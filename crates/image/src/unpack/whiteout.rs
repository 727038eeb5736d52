//! Whiteouts: entries that stand for what is no more.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::error::EntryError;

const PREFIX: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Names that AUFS, which whiteouts come from, kept for itself.
const RESERVED: &[u8] = b".wh..wh.";

/// What the last name of a path means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning<'n> {
    /// Something of this name is there.
    Here,
    /// What earlier layers have under this name is gone.
    Gone(&'n OsStr),
    /// Everything that earlier layers have in the directory is gone.
    AllGone,
    /// A file system's own file that got into the layer.
    Reserved,
}

pub(super) fn meaning_of(name: &OsStr) -> Result<Meaning<'_>, EntryError> {
    let bytes = name.as_bytes();
    if bytes == OPAQUE {
        return Ok(Meaning::AllGone);
    }
    if bytes.starts_with(RESERVED) {
        return Ok(Meaning::Reserved);
    }
    match bytes.strip_prefix(PREFIX) {
        Some(b"" | b"." | b"..") => Err(EntryError::Whiteout),
        Some(gone) => Ok(Meaning::Gone(OsStr::from_bytes(gone))),
        None => Ok(Meaning::Here),
    }
}

/// Tells whether a directory on a path is no directory of the image, but one of AUFS's own.
pub(super) fn is_reserved(name: &OsStr) -> bool {
    name.as_bytes().starts_with(RESERVED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_their_meanings() {
        let cases = [
            ("file", Meaning::Here),
            ("a.wh.b", Meaning::Here),
            (".wh.file", Meaning::Gone(OsStr::new("file"))),
            (".wh..hidden", Meaning::Gone(OsStr::new(".hidden"))),
            (".wh..wh..opq", Meaning::AllGone),
            (".wh..wh.plnk", Meaning::Reserved),
        ];
        for (name, meaning) in cases {
            assert_eq!(meaning_of(OsStr::new(name)).expect("a meaning"), meaning, "{name}");
        }
        for name in [".wh.", ".wh..", ".wh..."] {
            assert!(matches!(meaning_of(OsStr::new(name)), Err(EntryError::Whiteout)), "{name}");
        }
    }
}
