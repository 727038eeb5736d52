//! The entries of a tar archive, one after the other: GNU's and POSIX's long names are part of the entry they belong to.

use std::fs::File;

use seatrial_model::image::Digest;
use tar::{EntryType, Header};

use super::error::{EntryError, LayerError};
use super::numbers::{signed, unsigned};
use super::pax::{Extensions, Modified};
use super::stream::{BLOCK, Stream};

/// The longest extended header or long name: room for a path of any length that Linux takes, and for extended attributes of 64 KiB.
const EXTENSION_BYTES_MAX: u64 = 1024 * 1024;

/// How many extended headers may come before one entry: a path, a link target and a header of pax.
const EXTENSIONS_MAX: usize = 8;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    HardLink,
    SymbolicLink,
    Directory,
    Fifo,
    Device,
    Sparse,
    Other(char),
}

/// An entry as it stands in the archive: nothing in it can be trusted.
#[derive(Debug)]
pub(super) struct Entry {
    pub kind: Kind,
    pub path: Vec<u8>,
    pub link: Vec<u8>,
    pub mode: u32,
    pub user: u64,
    pub group: u64,
    pub modified: Modified,
}

pub(super) struct Archive<'b> {
    pub stream: Stream<'b>,
    /// What is left of the current entry: contents, and what fills up its last block.
    contents: u64,
    padding: u64,
}

impl<'b> Archive<'b> {
    pub fn new(stream: Stream<'b>) -> Self {
        Archive { stream, contents: 0, padding: 0 }
    }

    /// Reads the next entry; its contents can be had with [`Archive::copy_contents`], or are passed over.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, LayerError> {
        let mut extensions = Extensions::default();
        for _ in 0..=EXTENSIONS_MAX {
            self.stream.skip(self.contents.saturating_add(self.padding))?;
            (self.contents, self.padding) = (0, 0);
            let Some(block) = self.stream.block()? else { return Ok(None) };
            if block.iter().all(|byte| *byte == 0) {
                return Ok(None);
            }
            verify_checksum(&block)?;
            let header = Header::from_byte_slice(&block);
            let size = unsigned(&header.as_old().size)?;
            match header.entry_type() {
                // For all entries that follow, but only `git archive` writes it, with a comment; Docker passes it over too.
                EntryType::XGlobalHeader => self.expect(size),
                EntryType::XHeader => {
                    let records = self.extension(size)?;
                    extensions.read(&records)?;
                }
                EntryType::GNULongName => extensions.path = Some(until_nul(self.extension(size)?)),
                EntryType::GNULongLink => extensions.link = Some(until_nul(self.extension(size)?)),
                _ => return self.entry(header, size, extensions).map(Some),
            }
        }
        Err(LayerError::Malformed("there are too many extended headers before an entry"))
    }

    /// Writes the contents of the current entry into a file.
    pub fn copy_contents(&mut self, to: &mut File) -> Result<(), EntryError> {
        let length = std::mem::take(&mut self.contents);
        Ok(self.stream.copy(length, to)?)
    }

    /// Reads to the end and returns the digest of the whole archive.
    pub fn finish(self) -> Result<Digest, LayerError> {
        self.stream.finish()
    }

    fn entry(&mut self, header: &Header, size: u64, extensions: Extensions) -> Result<Entry, LayerError> {
        let fields = header.as_old();
        let path = extensions.path.unwrap_or_else(|| header.path_bytes().into_owned());
        let link = extensions.link.or_else(|| header.link_name_bytes().map(|link| link.into_owned()));
        let kind = if extensions.is_sparse { Kind::Sparse } else { kind_of(header.entry_type(), &path) };
        let modified = match extensions.modified {
            Some(modified) => modified,
            None => Modified { seconds: signed(&fields.mtime)?, nanoseconds: 0 },
        };
        let size = match kind {
            Kind::File | Kind::Sparse | Kind::Other(_) => extensions.size.unwrap_or(size),
            // Some writers give links the size of what they link to; no contents follow, whatever it says.
            Kind::HardLink | Kind::SymbolicLink | Kind::Directory | Kind::Fifo | Kind::Device => 0,
        };
        self.expect(size);
        Ok(Entry {
            kind,
            path,
            link: link.unwrap_or_default(),
            mode: u32::try_from(unsigned(&fields.mode)? & 0o7777).unwrap_or_default(),
            user: extensions.user.map_or_else(|| unsigned(&fields.uid), Ok)?,
            group: extensions.group.map_or_else(|| unsigned(&fields.gid), Ok)?,
            modified,
        })
    }

    fn extension(&mut self, size: u64) -> Result<Vec<u8>, LayerError> {
        let length = usize::try_from(size.min(EXTENSION_BYTES_MAX + 1)).unwrap_or(usize::MAX);
        if size > EXTENSION_BYTES_MAX {
            return Err(LayerError::Malformed("an extended header is longer than any path"));
        }
        let bytes = self.stream.exactly(length)?;
        self.stream.skip(padding_of(size))?;
        Ok(bytes)
    }

    fn expect(&mut self, size: u64) {
        (self.contents, self.padding) = (size, padding_of(size));
    }
}

fn kind_of(entry_type: EntryType, path: &[u8]) -> Kind {
    match entry_type {
        // What archives from before POSIX have for directories.
        EntryType::Regular if path.ends_with(b"/") => Kind::Directory,
        EntryType::Regular | EntryType::Continuous => Kind::File,
        EntryType::Link => Kind::HardLink,
        EntryType::Symlink => Kind::SymbolicLink,
        EntryType::Directory => Kind::Directory,
        EntryType::Fifo => Kind::Fifo,
        EntryType::Char | EntryType::Block => Kind::Device,
        EntryType::GNUSparse => Kind::Sparse,
        other => Kind::Other(char::from(other.as_byte())),
    }
}

fn verify_checksum(block: &[u8; BLOCK]) -> Result<(), LayerError> {
    const FIELD: std::ops::Range<usize> = 148..156;
    let byte_at = |(position, byte): (usize, &u8)| if FIELD.contains(&position) { b' ' } else { *byte };
    let sum: u64 = block.iter().enumerate().map(byte_at).map(u64::from).sum();
    if unsigned(&block[FIELD])? == sum {
        Ok(())
    } else {
        Err(LayerError::Malformed("the checksum of a header is wrong"))
    }
}

fn padding_of(size: u64) -> u64 {
    let block = BLOCK as u64;
    (block - size % block) % block
}

fn until_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    bytes.truncate(end);
    bytes
}
