//! Bytes that are hashed and counted on their way.

use std::io::{self, Read, Write};

use seatrial_model::image::{Algorithm, Digest};

use crate::hash::Hasher;

/// Passes on what is written.
pub(super) struct HashingWriter<W> {
    pub to: W,
    hasher: Hasher,
    length: u64,
}

impl<W: Write> HashingWriter<W> {
    pub fn new(to: W) -> Self {
        HashingWriter { to, hasher: Hasher::new(Algorithm::Sha256), length: 0 }
    }

    /// Returns where it was written to, the digest and the length.
    pub fn finish(self) -> (W, Digest, u64) {
        (self.to, self.hasher.finish(), self.length)
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.to.write(bytes)?;
        self.hasher.update(&bytes[..length]);
        self.length += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Passes on what is read.
pub(super) struct HashingReader<R> {
    from: R,
    hasher: Hasher,
    /// What lists of files want besides; it protects nothing.
    sha1: aws_lc_rs::digest::Context,
    length: u64,
}

/// What was read.
pub(super) struct Passed {
    pub sha256: Digest,
    pub sha1: Vec<u8>,
    pub length: u64,
}

impl<R: Read> HashingReader<R> {
    pub fn new(from: R) -> Self {
        let sha1 = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY);
        HashingReader { from, hasher: Hasher::new(Algorithm::Sha256), sha1, length: 0 }
    }

    pub fn finish(self) -> Passed {
        Passed { sha256: self.hasher.finish(), sha1: self.sha1.finish().as_ref().to_owned(), length: self.length }
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.from.read(buffer)?;
        self.hasher.update(&buffer[..length]);
        self.sha1.update(&buffer[..length]);
        self.length += length as u64;
        Ok(length)
    }
}
