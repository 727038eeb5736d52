//! One layer from files: a compressed archive and what is known of it.

use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;

use flate2::{Compression, GzBuilder};
use seatrial_model::image::Digest;
use tar::EntryType;

use super::archive::{ArchiveWriter, Head};
use super::error::{PackError, source};
use super::hashing::{HashingReader, HashingWriter};
use super::ignored::Ignored;
use super::plan::{Directories, Entry, Node, NodeKind, plan};

/// gzip's own default: more takes several times as long for a few percent. Another level gives other digests.
const COMPRESSION_LEVEL: u32 = 6;

/// The number by which gzip says that it does not know on which system a file was made.
const UNKNOWN_SYSTEM: u8 = 255;

/// How a layer is made.
#[derive(Clone, Debug, Default)]
pub struct PackOptions {
    pub ignored: Ignored,
    /// When every file was modified, in seconds since 1970 (what `SOURCE_DATE_EPOCH` says, or 0).
    pub modified: u64,
    pub directories: Directories,
}

/// A layer that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Of the compressed archive.
    pub digest: Digest,
    /// Of the uncompressed one.
    pub diff_id: Digest,
    /// Bytes of the compressed archive.
    pub size: u64,
    /// Its files in the order of their paths, without directories and links.
    pub files: Vec<PackedFile>,
}

/// A file of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedFile {
    /// Absolute in the image; bytes that are no text are replaced.
    pub path: String,
    pub size: u64,
    pub sha256: Digest,
    /// Hexadecimal digits, for lists that ask for it; it protects nothing.
    pub sha1: String,
}

/// Writes a layer as a gzip-compressed tar archive.
pub fn pack_layer(entries: &[Entry], options: &PackOptions, out: impl Write) -> Result<Packed, PackError> {
    let plan = plan(entries, &options.ignored, options.directories)?;
    let compressed = HashingWriter::new(out);
    let gzip = GzBuilder::new().mtime(0).operating_system(UNKNOWN_SYSTEM);
    let gzip = gzip.write(compressed, Compression::new(COMPRESSION_LEVEL));
    let mut archive = ArchiveWriter::new(HashingWriter::new(gzip), options.modified);
    let mut files = Vec::new();
    for (path, node) in &plan {
        files.extend(write_node(&mut archive, path, node)?);
    }
    let (gzip, diff_id, _) = archive.finish().map_err(PackError::Write)?.finish();
    let (mut out, digest, size) = gzip.finish().map_err(PackError::Write)?.finish();
    out.flush().map_err(PackError::Write)?;
    Ok(Packed { digest, diff_id, size, files })
}

fn write_node(
    archive: &mut ArchiveWriter<impl Write>,
    path: &[u8],
    node: &Node,
) -> Result<Option<PackedFile>, PackError> {
    let head = |kind, link, size| Head { kind, path, link, mode: node.mode, owner: node.owner, size };
    match &node.kind {
        NodeKind::Directory => {
            archive.write(&head(EntryType::Directory, b"", 0), &mut std::io::empty()).map_err(PackError::Write)?;
            Ok(None)
        }
        NodeKind::Link(target) => {
            archive.write(&head(EntryType::Symlink, target, 0), &mut std::io::empty()).map_err(PackError::Write)?;
            Ok(None)
        }
        NodeKind::Bytes(contents) => {
            let size = contents.len() as u64;
            write_file(archive, &head(EntryType::Regular, b"", size), &contents[..], PathBuf::new()).map(Some)
        }
        NodeKind::File(origin) => {
            let file = File::open(origin).map_err(source("open", origin))?;
            let size = file.metadata().map_err(source("look at", origin))?.len();
            write_file(archive, &head(EntryType::Regular, b"", size), file, origin.clone()).map(Some)
        }
    }
}

fn write_file(
    archive: &mut ArchiveWriter<impl Write>,
    head: &Head<'_>,
    contents: impl Read,
    origin: PathBuf,
) -> Result<PackedFile, PackError> {
    let mut reader = HashingReader::new(contents);
    let is_as_stated = archive.write(head, &mut reader).map_err(PackError::Write)?;
    if !is_as_stated {
        return Err(PackError::Changed(origin));
    }
    let passed = reader.finish();
    let sha1 = passed.sha1.iter().map(|byte| format!("{byte:02x}")).collect();
    let path = format!("/{}", String::from_utf8_lossy(head.path));
    Ok(PackedFile { path, size: passed.length, sha256: passed.sha256, sha1 })
}
