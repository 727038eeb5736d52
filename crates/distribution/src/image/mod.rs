//! Whole images: pushed from wherever their bytes are, pulled into a directory.

pub(crate) mod layout;
mod order;
pub(crate) mod platform;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod source;

/// How many blobs are on their way at once, as with Docker and skopeo: more share the same connection, and wear out registries' limits.
const PARALLEL: usize = 4;

/// The most manifests that belong to one image: an index has a child for each platform, and signatures beside it.
const MANIFESTS_MAX: usize = 4096;
