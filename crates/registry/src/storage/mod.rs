//! Bytes on disk: blobs by digest, and uploads on their way to be blobs.
//!
//! ```text
//! ROOT/blobs/sha256/ab/abcd…    a blob, whole and durable; its time of modification is when it was last put
//! ROOT/uploads/ID/data          what was sent of an upload
//! ROOT/uploads/ID/repository    the repository it is for
//! ROOT/incoming/                manifests being written
//! ```
//!
//! A file is in `blobs` only once it is complete, its digest is right and its bytes are durable: it gets there by a rename. After a
//! crash an upload is as long as its file is; what was torn shows at the end, when the digest is checked.

mod blobs;
mod upload_id;
mod uploads;

use std::io;
use std::path::Path;
use std::sync::Arc;

use seatrial_model::Timestamp;

pub use blobs::{Blobs, OpenBlob};
pub use seatrial_image::hash::{Hasher, digest_of};
pub use upload_id::UploadId;
pub use uploads::{Claim, UploadError, Uploads};

/// The blobs and uploads of one registry.
#[derive(Clone, Debug)]
pub struct Storage {
    pub blobs: Arc<Blobs>,
    pub uploads: Arc<Uploads>,
}

impl Storage {
    /// Opens a storage, creating it when it is missing. Uploads of an earlier process can be resumed. One process at a time may have
    /// it open: the engine's data directory has a lock.
    pub fn open(root: &Path, now: Timestamp) -> io::Result<Self> {
        let blobs = Arc::new(Blobs::open(root)?);
        let uploads = Arc::new(Uploads::open(root, Arc::clone(&blobs), now)?);
        Ok(Storage { blobs, uploads })
    }
}

/// Creates a directory for its owner alone.
fn create_directory(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes the entries of a directory durable.
fn sync_directory(path: &Path) -> io::Result<()> {
    std::fs::File::open(path)?.sync_all()
}
