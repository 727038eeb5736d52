//! The uncompressed bytes of a layer: counted, hashed, and never more than allowed.

use std::fs::File;
use std::io::{self, Read, Write};

use seatrial_model::image::{Algorithm, Digest};

use super::error::{EntryError, LayerError};
use super::limits::Budget;
use crate::hash::Hasher;

/// The unit of tar archives.
pub(super) const BLOCK: usize = 512;

/// How much is read at a time.
const BUFFER: usize = 128 * 1024;

pub(super) struct Stream<'b> {
    source: Box<dyn Read>,
    hasher: Hasher,
    pub budget: &'b mut Budget,
    buffer: Vec<u8>,
}

/// Why contents did not get into a file: the two are told apart for the reader of the error.
pub(super) enum CopyError {
    Layer(LayerError),
    Write(io::Error),
}

impl<'b> Stream<'b> {
    pub fn new(source: Box<dyn Read>, algorithm: Algorithm, budget: &'b mut Budget) -> Self {
        Stream { source, hasher: Hasher::new(algorithm), budget, buffer: vec![0; BUFFER] }
    }

    /// Reads a block; `None` where the bytes end.
    pub fn block(&mut self) -> Result<Option<[u8; BLOCK]>, LayerError> {
        let mut block = [0; BLOCK];
        match self.fill(&mut block)? {
            0 => Ok(None),
            BLOCK => Ok(Some(block)),
            _ => Err(LayerError::Truncated("a header")),
        }
    }

    /// Reads the contents of an entry that describes another one.
    pub fn exactly(&mut self, length: usize) -> Result<Vec<u8>, LayerError> {
        let mut bytes = vec![0; length];
        if self.fill(&mut bytes)? < length {
            return Err(LayerError::Truncated("an extended header"));
        }
        Ok(bytes)
    }

    pub fn skip(&mut self, length: u64) -> Result<(), LayerError> {
        match self.pass(length, &mut |_| Ok(())) {
            Ok(()) => Ok(()),
            Err(CopyError::Layer(error)) => Err(error),
            Err(CopyError::Write(error)) => Err(LayerError::Read(error)),
        }
    }

    pub fn copy(&mut self, length: u64, to: &mut File) -> Result<(), CopyError> {
        self.pass(length, &mut |bytes| to.write_all(bytes))
    }

    /// Reads what is left and returns the digest of everything.
    pub fn finish(mut self) -> Result<Digest, LayerError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        while self.fill(&mut buffer)? > 0 {}
        Ok(self.hasher.finish())
    }

    /// Shows the next bytes piece by piece.
    fn pass(&mut self, length: u64, each: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<(), CopyError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let passed = self.pass_through(&mut buffer, length, each);
        self.buffer = buffer;
        passed
    }

    fn pass_through(
        &mut self,
        buffer: &mut [u8],
        length: u64,
        each: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), CopyError> {
        let mut left = length;
        while left > 0 {
            let part = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let filled = self.fill(&mut buffer[..part]).map_err(CopyError::Layer)?;
            if filled < part {
                return Err(CopyError::Layer(LayerError::Truncated("a file")));
            }
            each(&buffer[..part]).map_err(CopyError::Write)?;
            left -= part as u64;
        }
        Ok(())
    }

    /// Fills a buffer as far as there are bytes.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, LayerError> {
        let mut filled = 0;
        while filled < buffer.len() {
            let length = match self.source.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(LayerError::Truncated("compressed bytes"));
                }
                Err(error) => return Err(LayerError::Read(error)),
            };
            self.budget.take_bytes(length)?;
            self.hasher.update(&buffer[filled..filled + length]);
            filled += length;
        }
        Ok(filled)
    }
}

impl From<CopyError> for EntryError {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Layer(error) => EntryError::Layer(Box::new(error)),
            CopyError::Write(source) => EntryError::System { doing: "write the file", source },
        }
    }
}
