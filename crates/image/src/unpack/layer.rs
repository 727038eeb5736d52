//! Applies the entries of one layer to the tree, in their order.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::archive::{Archive, Entry, Kind};
use super::entry_path::EntryPath;
use super::error::{EntryError, LayerError};
use super::tree::{Attributes, Directory, Missing, Tree};
use super::whiteout::{Meaning, is_reserved, meaning_of};

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Applied,
    LeftOut,
}

/// Applies a layer; returns how many entries were left out.
pub(super) fn apply(archive: &mut Archive<'_>, tree: &mut Tree) -> Result<u64, LayerError> {
    tree.begin_layer();
    let mut left_out = 0;
    while let Some(entry) = archive.next_entry()? {
        archive.stream.budget.take_entry()?;
        match apply_entry(&entry, archive, tree) {
            Ok(Outcome::Applied) => {}
            Ok(Outcome::LeftOut) => left_out += 1,
            Err(EntryError::Layer(error)) => return Err(*error),
            Err(source) => return Err(LayerError::Entry { path: shown(&entry.path), source }),
        }
    }
    Ok(left_out)
}

fn apply_entry(entry: &Entry, archive: &mut Archive<'_>, tree: &mut Tree) -> Result<Outcome, EntryError> {
    let path = EntryPath::parse(&entry.path, &archive.stream.budget.limits)?;
    let attributes = Attributes::of(entry)?;
    let Some((name, parents)) = path.split() else {
        if entry.kind != Kind::Directory {
            return Err(EntryError::Root);
        }
        tree.set_root_attributes(attributes);
        return Ok(Outcome::Applied);
    };
    if parents.iter().any(|parent| is_reserved(parent)) {
        return Ok(Outcome::LeftOut);
    }
    match meaning_of(name)? {
        Meaning::Here => return put(entry, archive, tree, parents, name, attributes),
        Meaning::Reserved => return Ok(Outcome::LeftOut),
        Meaning::Gone(gone) => {
            if let Some(parent) = tree.find(parents, Missing::Leave)? {
                tree.remove_lower(&parent, gone)?;
            }
        }
        Meaning::AllGone => {
            if let Some(parent) = tree.find(parents, Missing::Leave)? {
                tree.remove_all_lower(&parent)?;
            }
        }
    }
    Ok(Outcome::Applied)
}

fn put(
    entry: &Entry,
    archive: &mut Archive<'_>,
    tree: &mut Tree,
    parents: &[OsString],
    name: &OsStr,
    attributes: Attributes,
) -> Result<Outcome, EntryError> {
    match entry.kind {
        Kind::File => {
            let parent = find_or_make(parents, archive, tree)?;
            tree.make_file(&parent, name, &attributes, &mut |file| archive.copy_contents(file))?;
        }
        Kind::Directory => {
            let parent = find_or_make(parents, archive, tree)?;
            tree.make_directory(&parent, name, attributes)?;
        }
        Kind::Fifo => {
            let parent = find_or_make(parents, archive, tree)?;
            tree.make_fifo(&parent, name, &attributes)?;
        }
        Kind::SymbolicLink => {
            let target = link_target(entry)?;
            let parent = find_or_make(parents, archive, tree)?;
            tree.make_symbolic_link(&parent, name, &attributes, target)?;
        }
        Kind::HardLink => {
            let target = EntryPath::parse(&entry.link, &archive.stream.budget.limits)?;
            let nothing = || EntryError::LinkToNothing(shown(&entry.link));
            let (target_name, target_parents) = target.split().ok_or_else(nothing)?;
            let parent = find_or_make(parents, archive, tree)?;
            let target_parent = tree.find(target_parents, Missing::Leave)?.ok_or_else(nothing)?;
            tree.make_hard_link(&parent, name, &target_parent, target_name)?;
        }
        Kind::Device => return Ok(Outcome::LeftOut),
        Kind::Sparse => return Err(EntryError::Sparse),
        Kind::Other(letter) => return Err(EntryError::UnknownType(letter)),
    }
    Ok(Outcome::Applied)
}

/// Goes to the directory of an entry, making what is missing on the way.
fn find_or_make(parents: &[OsString], archive: &mut Archive<'_>, tree: &mut Tree) -> Result<Directory, EntryError> {
    let found = tree.find(parents, Missing::Make(archive.stream.budget))?;
    found.ok_or(EntryError::NotADirectory)
}

fn link_target(entry: &Entry) -> Result<&OsStr, EntryError> {
    match entry.link.as_slice() {
        [] => Err(EntryError::Empty),
        target if target.contains(&0) => Err(EntryError::Nul),
        target => Ok(OsStr::from_bytes(target)),
    }
}

/// A path for an error: not more of it than a screen takes.
fn shown(path: &[u8]) -> String {
    const SHOWN_MAX: usize = 200;
    String::from_utf8_lossy(&path[..path.len().min(SHOWN_MAX)]).into_owned()
}
