//! How much an image may ask of the machine that unpacks it.

use super::error::LayerError;

/// What unpacking one image, all of its layers together, may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Uncompressed bytes of the layers: bounds what is written, and what a small archive can grow to.
    pub bytes: u64,
    /// Files, directories, links and whiteouts, and the directories that are made because a path needs them.
    pub entries: u64,
    /// The longest path, in bytes.
    pub path_length: usize,
    /// The deepest directory. Each level is an open file while a path is followed.
    pub depth: usize,
}

impl Default for Limits {
    /// Fargate's task storage in bytes, several times the entries of the largest images seen, Linux's own longest path, and a depth
    /// that no package manager reaches.
    fn default() -> Self {
        Limits { bytes: 20 * 1024 * 1024 * 1024, entries: 1_000_000, path_length: 4096, depth: 128 }
    }
}

/// What is left of the limits.
pub(super) struct Budget {
    pub limits: Limits,
    pub bytes: u64,
    pub entries: u64,
}

impl Budget {
    pub fn new(limits: Limits) -> Self {
        Budget { limits, bytes: 0, entries: 0 }
    }

    pub fn take_bytes(&mut self, bytes: usize) -> Result<(), LayerError> {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        if self.bytes > self.limits.bytes { Err(LayerError::TooManyBytes(self.limits.bytes)) } else { Ok(()) }
    }

    pub fn take_entry(&mut self) -> Result<(), LayerError> {
        self.entries += 1;
        if self.entries > self.limits.entries { Err(LayerError::TooManyEntries(self.limits.entries)) } else { Ok(()) }
    }
}
