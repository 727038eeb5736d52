//! Container images as bytes: what they say of themselves, their files, how they are made. No network and no asynchronous code.
//!
//! [`configuration`] reads an image's configuration and [`platform`] picks the image of a machine from an index. [`unpack`] turns layers
//! into a directory; they are other people's bytes, and nothing in them reaches outside of it. [`Cache`] does so once per image.
//! [`layout`] reads and writes images as directories, and [`pack`] builds them from files, the same bytes from the same files.

pub mod cache;
pub mod configuration;
pub mod hash;
pub mod layout;
pub mod pack;
pub mod platform;
mod remove;
#[cfg(test)]
mod testing;
pub mod unpack;

pub use cache::{Cache, Held, Swept};
pub use configuration::{ImageConfiguration, InvalidConfiguration};
pub use layout::{Layout, LayoutError, LayoutImage, LayoutWriter};
pub use pack::{ImageBuilder, PackError};
pub use platform::{NoImageForPlatform, Platform};
pub use remove::remove_path;
pub use unpack::{LayerFile, Limits, UnpackError, Unpacked, unpack};
