//! Writes a layout: blobs first, then the index that names them, each under a temporary name until it is complete.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use seatrial_model::image::{Algorithm, Digest, MediaType};

use super::error::{LayoutError, system};
use super::index::{Index, IndexEntry};
use super::open::Layout;
use super::{INDEX, MARKER, VERSION};
use crate::hash::Hasher;

/// How many temporary names are tried: those of a crashed process with the same id may be in the way.
const NAMES_MAX: u64 = 1000;

/// A layout that is written. Only one process may write a layout at a time.
#[derive(Clone, Debug)]
pub struct LayoutWriter {
    directory: PathBuf,
}

/// A blob that is being written. Dropped without [`BlobWriter::finish`], it is removed.
pub struct BlobWriter {
    file: File,
    temporary: PathBuf,
    blobs: PathBuf,
    hasher: Hasher,
    size: u64,
}

impl LayoutWriter {
    /// Begins a layout, or goes on with one that is there.
    pub fn create(directory: &Path) -> Result<Self, LayoutError> {
        let writer = LayoutWriter { directory: directory.to_owned() };
        let blobs = writer.blobs();
        std::fs::create_dir_all(&blobs).map_err(system("make the directory", &blobs))?;
        match Layout::open(directory) {
            Ok(_) => {}
            Err(LayoutError::NotALayout(_)) => {
                writer.write_index(Vec::new())?;
                let marker = serde_json::json!({ "imageLayoutVersion": VERSION });
                writer.replace(MARKER, marker.to_string().as_bytes())?;
            }
            Err(error) => return Err(error),
        }
        Ok(writer)
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the layout for reading what was written.
    pub fn layout(&self) -> Result<Layout, LayoutError> {
        Layout::open(&self.directory)
    }

    /// Begins a blob.
    pub fn blob(&self) -> Result<BlobWriter, LayoutError> {
        let (file, temporary) = self.temporary()?;
        Ok(BlobWriter { file, temporary, blobs: self.blobs(), hasher: Hasher::new(Algorithm::Sha256), size: 0 })
    }

    /// Writes a blob; returns its digest.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, LayoutError> {
        let mut blob = self.blob()?;
        blob.write_all(bytes).map_err(system("write", &self.blobs()))?;
        blob.finish()
    }

    /// Copies a blob of another layout, whichever algorithm its digest has.
    pub fn copy(&self, digest: &Digest, from: &Layout) -> Result<(), LayoutError> {
        let to = self.directory.join("blobs").join(digest.algorithm().as_str());
        let place = to.join(digest.hex());
        if place.exists() {
            return Ok(());
        }
        std::fs::create_dir_all(&to).map_err(system("make the directory", &to))?;
        let mut reader = from.blob(digest)?;
        let (mut file, temporary) = self.temporary()?;
        let copied = io::copy(&mut reader, &mut file).and_then(|_| std::fs::rename(&temporary, &place));
        copied.map_err(|error| {
            let _ = std::fs::remove_file(&temporary);
            match error.kind() {
                io::ErrorKind::InvalidData => LayoutError::Damaged(digest.clone()),
                _ => system("copy", &place)(error),
            }
        })
    }

    /// Names a manifest in `index.json`. What had the name loses it, and an entry for the same manifest and name stays the only one.
    pub fn add(&self, entry: &IndexEntry, name: Option<&str>) -> Result<(), LayoutError> {
        let entry = entry.with_name(name);
        let mut entries = self.layout()?.entries()?;
        entries.retain(|other| match entry.name() {
            Some(name) => other.name() != Some(name),
            None => other.digest != entry.digest || other.name().is_some(),
        });
        entries.push(entry);
        self.write_index(entries)
    }

    fn write_index(&self, manifests: Vec<IndexEntry>) -> Result<(), LayoutError> {
        let media_type = Some(MediaType::OciIndex.as_str().to_owned());
        let index = Index { schema_version: 2, media_type, manifests };
        let bytes = serde_json::to_vec(&index).expect("texts and numbers are JSON");
        self.replace(INDEX, &bytes)
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), LayoutError> {
        let path = self.directory.join(name);
        let (mut file, temporary) = self.temporary()?;
        let written = file.write_all(bytes).and_then(|()| std::fs::rename(&temporary, &path));
        written.map_err(|error| {
            let _ = std::fs::remove_file(&temporary);
            system("write", &path)(error)
        })
    }

    fn temporary(&self) -> Result<(File, PathBuf), LayoutError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut tries = 0;
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = self.directory.join(format!(".partial-{}-{number}", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((file, path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries < NAMES_MAX => tries += 1,
                Err(error) => return Err(system("make", &path)(error)),
            }
        }
    }

    fn blobs(&self) -> PathBuf {
        self.directory.join("blobs").join(Algorithm::Sha256.as_str())
    }
}

impl BlobWriter {
    /// Returns how many bytes were written.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Gives the blob its name, and returns its digest.
    pub fn finish(self) -> Result<Digest, LayoutError> {
        let digest = self.hasher.clone().finish();
        let place = self.blobs.join(digest.hex());
        std::fs::rename(&self.temporary, &place).map_err(system("rename", &self.temporary))?;
        Ok(digest)
    }
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.file.write(bytes)?;
        self.hasher.update(&bytes[..length]);
        self.size += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        // Finished, it has another name by now, and this finds nothing.
        let _ = std::fs::remove_file(&self.temporary);
    }
}
