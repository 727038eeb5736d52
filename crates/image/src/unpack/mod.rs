//! Layers become a directory of files. Everything in a layer is untrusted, its sizes and names too.
//!
//! I1: nothing outside the directory is touched (`tree`).
//! I2: what is kept is what the configuration's diff_ids say: a layer with other contents fails the whole, and nothing is left.
//! I3: no more is written and no more read than the limits allow.
//!
//! Owners are set by root only, as the set-id bits are; devices are left out; extended attributes, and with them file capabilities, are
//! not set.

mod archive;
mod decompress;
mod entry_path;
mod error;
mod layer;
mod limits;
mod numbers;
mod pax;
mod stream;
mod tree;
mod whiteout;

use std::fs::{DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use seatrial_model::image::Digest;

pub use error::{EntryError, LayerError, UnpackError};
pub use limits::Limits;

use crate::configuration::ImageConfiguration;
use crate::remove::remove_path;
use archive::Archive;
use decompress::{Compression, LayerType};
use limits::Budget;
use stream::Stream;
use tree::Tree;

/// The mode of the directory while it is not complete.
const WORKING_MODE: u32 = 0o700;

/// A layer as it came from a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerFile {
    pub path: PathBuf,
    /// As the manifest says.
    pub media_type: String,
    /// Names the layer in errors; what its contents must be, the configuration says.
    pub digest: Digest,
}

/// What was unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unpacked {
    /// Entries of all layers, whiteouts among them, and directories that had no entry.
    pub entries: u64,
    /// Uncompressed bytes of all layers.
    pub bytes: u64,
    /// Entries without a file: devices, and what some file systems leave in layers for themselves.
    pub left_out: u64,
}

/// Unpacks an image into a new directory, whose parent must exist. When it fails, the directory is removed again.
pub fn unpack(
    configuration: &ImageConfiguration,
    layers: &[LayerFile],
    into: &Path,
    limits: &Limits,
) -> Result<Unpacked, UnpackError> {
    let layers = checked(configuration, layers)?;
    match DirBuilder::new().mode(WORKING_MODE).create(into) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(UnpackError::Exists(into.to_owned())),
        Err(source) => return Err(system("make the directory", into)(source)),
    }
    let unpacked = unpack_layers(&layers, into, limits);
    if unpacked.is_err() {
        // Whatever stays behind has an error of its own before it.
        let _ = remove_path(into);
    }
    unpacked
}

/// A layer with what is known of it.
struct Layer<'i> {
    file: &'i LayerFile,
    compression: Compression,
    diff_id: &'i Digest,
}

fn checked<'i>(configuration: &'i ImageConfiguration, layers: &'i [LayerFile]) -> Result<Vec<Layer<'i>>, UnpackError> {
    let diff_ids = &configuration.diff_ids;
    if diff_ids.len() != layers.len() {
        return Err(UnpackError::LayerCount { in_configuration: diff_ids.len(), in_manifest: layers.len() });
    }
    let check = |(file, diff_id): (&'i LayerFile, &'i Digest)| match LayerType::of(&file.media_type) {
        LayerType::Archive(compression) => Ok(Layer { file, compression, diff_id }),
        LayerType::Foreign => Err(UnpackError::Foreign(file.digest.clone())),
        LayerType::Unknown => {
            Err(UnpackError::UnknownType { layer: file.digest.clone(), media_type: file.media_type.clone() })
        }
    };
    layers.iter().zip(diff_ids).map(check).collect()
}

fn unpack_layers(layers: &[Layer<'_>], into: &Path, limits: &Limits) -> Result<Unpacked, UnpackError> {
    let mut tree = Tree::open(into, limits.depth).map_err(system("open the directory", into))?;
    let mut budget = Budget::new(*limits);
    let mut left_out = 0;
    for layer in layers {
        left_out += unpack_layer(layer, &mut tree, &mut budget)?;
    }
    tree.settle().map_err(system("set owners, modes and times of the directories in", into))?;
    Ok(Unpacked { entries: budget.entries, bytes: budget.bytes, left_out })
}

fn unpack_layer(layer: &Layer<'_>, tree: &mut Tree, budget: &mut Budget) -> Result<u64, UnpackError> {
    let path = &layer.file.path;
    let file = File::open(path).map_err(system("open the layer", path))?;
    let source = decompress::open(file, layer.compression);
    let mut archive = Archive::new(Stream::new(source, layer.diff_id.algorithm(), budget));
    let in_layer = |source| UnpackError::Layer { layer: layer.file.digest.clone(), source };
    let left_out = layer::apply(&mut archive, tree).map_err(in_layer)?;
    let found = archive.finish().map_err(in_layer)?;
    if found == *layer.diff_id {
        Ok(left_out)
    } else {
        let (layer, expected) = (layer.file.digest.clone(), layer.diff_id.clone());
        Err(UnpackError::DiffId { layer, expected, found })
    }
}

pub(crate) fn system(doing: &'static str, path: &Path) -> impl Fn(std::io::Error) -> UnpackError {
    let path = path.to_owned();
    move |source| UnpackError::System { doing, path: path.clone(), source }
}

#[cfg(test)]
mod tests;
