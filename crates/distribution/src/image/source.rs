//! Where the bytes of an image are that is to be pushed.

use std::fs::File;
use std::io;

use seatrial_model::image::Digest;

/// Gives out the parts of an image. Calls may wait for the disk.
pub trait ImageSource: Send + Sync {
    /// Returns the bytes of a manifest.
    fn manifest(&self, digest: &Digest) -> io::Result<Vec<u8>>;

    /// Opens a blob; returns it with its size.
    fn open_blob(&self, digest: &Digest) -> io::Result<(File, u64)>;
}
