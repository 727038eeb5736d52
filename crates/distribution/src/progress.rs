//! How far a transfer is, for whoever shows it.

use seatrial_model::image::Digest;

/// How far one blob is. After a broken connection `done` may be less than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advance<'a> {
    pub blob: &'a Digest,
    /// The bytes that have passed.
    pub done: u64,
    /// The bytes of the blob.
    pub total: u64,
}

/// Is told how far transfers are, from several of them at once and often: it should only take note.
pub trait Progress: Send + Sync {
    fn advance(&self, advance: Advance<'_>);
}

impl<F: Fn(Advance<'_>) + Send + Sync> Progress for F {
    fn advance(&self, advance: Advance<'_>) {
        self(advance);
    }
}

/// Shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn advance(&self, _: Advance<'_>) {}
}
