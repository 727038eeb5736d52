//! Applies the entries of one layer to the tree, in their order.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::archive::{Archive, Entry, Kind};
use super::entry_path::EntryPath;
use super::error::{EntryError, LayerError};
use super::tree::{Attributes, Missing, Tree};
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
    let limits = archive.stream.budget.limits;
    let path = EntryPath::parse(&entry.path, &limits)?;
    let attributes = Attributes::of(entry)?;
    let Some((name, parents)) = path.split() else {
        return match entry.kind {
            Kind::Directory => {
                tree.set_root_attributes(attributes);
                Ok(Outcome::Applied)
            }
            _ => Err(EntryError::Root),
        };
    };
    if parents.iter().any(|parent| is_reserved(parent)) {
        return Ok(Outcome::LeftOut);
    }
    let gone = match meaning_of(name)? {
        Meaning::Here => None,
        Meaning::Reserved => return Ok(Outcome::LeftOut),
        Meaning::Gone(gone) => Some(Some(gone)),
        Meaning::AllGone => Some(None),
    };
    if let Some(gone) = gone {
        let Some(parent) = tree.find(parents, Missing::Leave)? else { return Ok(Outcome::Applied) };
        match gone {
            Some(name) => tree.remove_lower(&parent, name)?,
            None => tree.remove_all_lower(&parent)?,
        }
        return Ok(Outcome::Applied);
    }
    put(entry, archive, tree, (parents, name), attributes)
}

fn put(
    entry: &Entry,
    archive: &mut Archive<'_>,
    tree: &mut Tree,
    (parents, name): (&[std::ffi::OsString], &OsStr),
    attributes: Attributes,
) -> Result<Outcome, EntryError> {
    match entry.kind {
        Kind::Device => return Ok(Outcome::LeftOut),
        Kind::Sparse => return Err(EntryError::Sparse),
        Kind::Other(letter) => return Err(EntryError::UnknownType(letter)),
        Kind::File | Kind::HardLink | Kind::SymbolicLink | Kind::Directory | Kind::Fifo => {}
    }
    let Some(parent) = tree.find(parents, Missing::Make(archive.stream.budget))? else {
        return Err(EntryError::NotADirectory);
    };
    match entry.kind {
        Kind::File => {
            tree.make_file(&parent, name, &attributes, &mut |file| archive.copy_contents(file))?;
        }
        Kind::Directory => tree.make_directory(&parent, name, attributes)?,
        Kind::Fifo => tree.make_fifo(&parent, name, &attributes)?,
        Kind::SymbolicLink => {
            let target = link_target(entry)?;
            tree.make_symbolic_link(&parent, name, &attributes, target)?;
        }
        Kind::HardLink => {
            link_target(entry)?;
            let target = EntryPath::parse(&entry.link, &archive.stream.budget.limits)?;
            let nothing = || EntryError::LinkToNothing(shown(&entry.link));
            let (target_name, target_parents) = target.split().ok_or_else(nothing)?;
            let target_parent = tree.find(target_parents, Missing::Leave)?.ok_or_else(nothing)?;
            tree.make_hard_link(&parent, name, &target_parent, target_name)?;
        }
        Kind::Device | Kind::Sparse | Kind::Other(_) => {}
    }
    Ok(Outcome::Applied)
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
