//! Reads a blob, and fails at its end when it was not what its digest says.

use std::fs::File;
use std::io::{self, Read};

use seatrial_model::image::Digest;

use crate::hash::Hasher;

/// A blob while it is read. Whoever reads to the end without an error has read what the digest says.
pub struct BlobReader {
    file: File,
    digest: Digest,
    size: u64,
    /// None once the end was seen.
    hasher: Option<Hasher>,
}

impl BlobReader {
    pub(super) fn new(file: File, digest: Digest) -> io::Result<Self> {
        let size = file.metadata()?.len();
        let hasher = Some(Hasher::new(digest.algorithm()));
        Ok(BlobReader { file, digest, size, hasher })
    }

    /// Returns how many bytes the blob has.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..length]);
        }
        if length == 0
            && !buffer.is_empty()
            && let Some(hasher) = self.hasher.take()
            && hasher.finish() != self.digest
        {
            let why = format!("the file of {} has other contents than its digest says", self.digest);
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        Ok(length)
    }
}
