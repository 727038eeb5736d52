//! Container images: the names of repositories, digests and tags, and what a manifest names.

mod digest;
mod manifest;
mod media_type;
mod name;
mod repository;
mod tag;

pub use digest::{Algorithm, Digest};
pub use manifest::{Descriptor, InvalidManifest, MANIFEST_BYTES_MAX, Manifest, REFERENCES_MAX};
pub use media_type::MediaType;
pub use name::ImageName;
pub use repository::RepositoryName;
pub use tag::{ImageReference, ImageTag};
