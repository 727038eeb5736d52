//! Finds images in a layout and reads their parts.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use seatrial_model::image::{Descriptor, Digest, MANIFEST_BYTES_MAX, Manifest, MediaType};
use serde::Deserialize;

use super::blob_reader::BlobReader;
use super::error::{LayoutError, system};
use super::index::{Index, IndexEntry};
use super::{INDEX, MARKER, MARKER_BYTES_MAX, VERSION};
use crate::configuration::{CONFIGURATION_BYTES_MAX, ImageConfiguration};
use crate::platform::Platform;
use crate::unpack::LayerFile;

/// How many indexes may lie between a name and an image. Tools write one.
const NESTING_MAX: usize = 4;

/// How many names an error shows.
const SHOWN_MAX: usize = 10;

/// A layout that can be read.
#[derive(Clone, Debug)]
pub struct Layout {
    directory: PathBuf,
}

/// An image of a layout, with everything but the contents of its layers.
#[derive(Clone, Debug)]
pub struct LayoutImage {
    /// Of the manifest.
    pub digest: Digest,
    pub manifest_bytes: Vec<u8>,
    pub manifest: Manifest,
    pub configuration_bytes: Vec<u8>,
    pub configuration: ImageConfiguration,
    /// Its layers; their files are there and have the stated sizes, but what is in them is checked when they are read.
    pub layers: Vec<LayerFile>,
    pub(crate) layout: Layout,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marker {
    image_layout_version: String,
}

impl Layout {
    pub fn open(directory: &Path) -> Result<Self, LayoutError> {
        let path = directory.join(MARKER);
        let bytes = match File::open(&path) {
            Ok(file) => read_at_most(file, MARKER_BYTES_MAX).map_err(system("read", &path))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(LayoutError::NotALayout(directory.to_owned()));
            }
            Err(error) => return Err(system("open", &path)(error)),
        };
        let marker: Marker =
            serde_json::from_slice(&bytes).map_err(|error| LayoutError::Malformed { path, why: error.to_string() })?;
        if marker.image_layout_version == VERSION {
            Ok(Layout { directory: directory.to_owned() })
        } else {
            Err(LayoutError::Version { path: directory.to_owned(), version: marker.image_layout_version })
        }
    }

    /// Lists what `index.json` names.
    pub fn entries(&self) -> Result<Vec<IndexEntry>, LayoutError> {
        let path = self.directory.join(INDEX);
        let file = File::open(&path).map_err(system("open", &path))?;
        let bytes = read_at_most(file, MANIFEST_BYTES_MAX as u64).map_err(system("read", &path))?;
        let index = Index::parse(&bytes).map_err(|why| LayoutError::Malformed { path, why })?;
        Ok(index.manifests)
    }

    /// Finds what has a name, or the only image when no name is given. It may be an image or an index.
    pub fn find(&self, name: Option<&str>) -> Result<IndexEntry, LayoutError> {
        let entries = self.entries()?;
        let available = || {
            let names: Vec<&str> = entries.iter().filter_map(IndexEntry::name).take(SHOWN_MAX).collect();
            if names.is_empty() { "images without names".to_owned() } else { names.join(", ") }
        };
        match name {
            Some(name) => {
                let named = entries.iter().find(|entry| entry.name() == Some(name));
                named.cloned().ok_or_else(|| LayoutError::NoSuchName { name: name.to_owned(), available: available() })
            }
            None => {
                let images: Vec<&IndexEntry> = entries.iter().filter(|entry| entry.artifact_type.is_none()).collect();
                match images[..] {
                    [] => Err(LayoutError::Empty),
                    [only] => Ok(only.clone()),
                    [first, ref others @ ..] if others.iter().all(|other| other.digest == first.digest) => {
                        Ok(first.clone())
                    }
                    _ => Err(LayoutError::Several { count: images.len(), available: available() }),
                }
            }
        }
    }

    /// Opens the image that has a name, or the only one, and among several of an index the one for a platform.
    pub fn image(&self, name: Option<&str>, platform: &Platform) -> Result<LayoutImage, LayoutError> {
        let mut digest = self.find(name)?.digest;
        for _ in 0..NESTING_MAX {
            let bytes = self.read(&digest, MANIFEST_BYTES_MAX)?;
            let manifest = Manifest::parse(&bytes, None)
                .map_err(|source| LayoutError::Manifest { digest: digest.clone(), source })?;
            if !manifest.media_type.is_index() {
                let image = self.image_of(digest, bytes, manifest)?;
                let found = &image.configuration.platform;
                return if platform.runs(found) {
                    Ok(image)
                } else {
                    Err(LayoutError::OtherPlatform { found: found.to_string(), wanted: platform.to_string() })
                };
            }
            digest = platform.choose(&bytes).map_err(|error| LayoutError::Platform(Box::new(error)))?;
        }
        Err(LayoutError::TooNested)
    }

    /// Opens a blob for reading.
    pub fn blob(&self, digest: &Digest) -> Result<BlobReader, LayoutError> {
        let path = self.blob_path(digest);
        match File::open(&path).and_then(|file| BlobReader::new(file, digest.clone())) {
            Ok(reader) => Ok(reader),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(LayoutError::MissingBlob(digest.clone())),
            Err(error) => Err(system("open", &path)(error)),
        }
    }

    /// Returns where the file of a blob is, or would be.
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.directory.join("blobs").join(digest.algorithm().as_str()).join(digest.hex())
    }

    /// Reads a small blob, such as a manifest, whole.
    pub fn read(&self, digest: &Digest, bytes_max: usize) -> Result<Vec<u8>, LayoutError> {
        let reader = self.blob(digest)?;
        let limit = bytes_max as u64;
        if reader.size() > limit {
            return Err(LayoutError::TooLarge { digest: digest.clone(), limit });
        }
        match read_at_most(reader, limit) {
            Ok(bytes) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(LayoutError::Damaged(digest.clone())),
            Err(error) => Err(system("read", &self.blob_path(digest))(error)),
        }
    }

    fn image_of(&self, digest: Digest, bytes: Vec<u8>, manifest: Manifest) -> Result<LayoutImage, LayoutError> {
        let Some(config) = &manifest.config else { return Err(LayoutError::Empty) };
        let configuration_bytes = self.read(&config.digest, CONFIGURATION_BYTES_MAX)?;
        let configuration = ImageConfiguration::parse(&configuration_bytes).map_err(LayoutError::Configuration)?;
        let layers = manifest.layers.iter().map(|layer| self.layer(layer)).collect::<Result<_, _>>()?;
        let manifest_bytes = bytes;
        let layout = self.clone();
        Ok(LayoutImage { digest, manifest_bytes, manifest, configuration_bytes, configuration, layers, layout })
    }

    fn layer(&self, layer: &Descriptor) -> Result<LayerFile, LayoutError> {
        let found = self.blob(&layer.digest)?.size();
        if found != layer.size {
            return Err(LayoutError::Size { digest: layer.digest.clone(), stated: layer.size, found });
        }
        let path = self.blob_path(&layer.digest);
        Ok(LayerFile { path, media_type: layer.media_type.clone(), digest: layer.digest.clone() })
    }
}

impl LayoutImage {
    /// Returns the media type of the manifest.
    pub fn media_type(&self) -> MediaType {
        self.manifest.media_type
    }
}

fn read_at_most(reader: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("it has more than {limit} bytes")));
    }
    Ok(bytes)
}
