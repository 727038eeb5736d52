//! Image repositories: which images there are, which blobs they are made of, and who may come for them.
//!
//! Bytes are kept elsewhere, under their digests, and are there before a row names them (decision 14). Whatever is deleted here leaves
//! bytes behind; [`garbage`] tells which of them nobody names any more.
//!
//! I1: a blob or child that an image names is in its repository as long as the image is.
//! I2: a tag points to an image of its repository.

pub mod blobs;
pub mod deleting;
pub mod finding;
pub mod garbage;
mod keys;
pub mod lifecycle;
pub mod mutability;
pub mod putting;
pub mod records;
pub mod refusals;
pub mod repositories;
pub mod tokens;

pub use records::{ImageBlob, ImageRecord, ImageTagRecord, LifecyclePolicyRecord, RegistryToken, Repository};
