//! OCI image layouts: images as a directory of blobs, which buildah, skopeo and others write and read.
//!
//! I1: a blob is what its digest says, or reading it fails.
//! I2: what is written gets its name when it is complete; `index.json` names it after it is there.

mod blob_reader;
mod error;
mod index;
mod open;
mod write;

pub use blob_reader::BlobReader;
pub use error::LayoutError;
pub(crate) use index::Index;
pub use index::IndexEntry;
pub use open::{Layout, LayoutImage};
pub use write::{BlobWriter, LayoutWriter};

/// The file that makes a directory a layout.
const MARKER: &str = "oci-layout";
const INDEX: &str = "index.json";
const VERSION: &str = "1.0.0";

/// The annotation that is an image's name within a layout.
pub const NAME_ANNOTATION: &str = "org.opencontainers.image.ref.name";

/// The largest `oci-layout`: it has one member.
const MARKER_BYTES_MAX: u64 = 4096;

#[cfg(test)]
mod tests;
