//! Images built from files. The same input gives the same bytes: no clock, no user, no order of a file system gets into them.
//!
//! [`pack_layer`] makes one layer. [`ImageBuilder`] puts layers onto a base, or onto nothing, and writes the image into a layout;
//! [`write_index`] makes one image of several platforms, and [`attach_sbom`] lists the files of an image beside it.

mod archive;
mod builder;
mod error;
mod hashing;
mod ignored;
mod index;
mod layer;
mod plan;
mod sbom;

pub use builder::{BuiltImage, ImageBuilder};
pub use error::PackError;
pub use ignored::Ignored;
pub use index::write_index;
pub use layer::{PackOptions, Packed, PackedFile, pack_layer};
pub use plan::{Directories, Entry};
pub use sbom::attach_sbom;

#[cfg(test)]
mod tests;
