//! One image for several platforms.

use seatrial_model::image::MediaType;

use super::builder::BuiltImage;
use super::error::PackError;
use crate::layout::{Index, IndexEntry, LayoutWriter};

/// Writes an index of images that were built for different platforms into the same layout, and names it there.
pub fn write_index(layout: &LayoutWriter, images: &[BuiltImage], name: Option<&str>) -> Result<IndexEntry, PackError> {
    if images.is_empty() {
        return Err(PackError::NoImages);
    }
    let media_type = MediaType::OciIndex.as_str().to_owned();
    let mut manifests: Vec<IndexEntry> = images.iter().map(|image| image.entry.clone()).collect();
    manifests.sort_by(|one, other| one.platform.cmp(&other.platform));
    let index = Index { schema_version: 2, media_type: Some(media_type.clone()), manifests };
    let bytes = serde_json::to_vec(&index).expect("texts and numbers are JSON");
    let digest = layout.put(&bytes)?;
    let size = bytes.len() as u64;
    let entry = IndexEntry { media_type, digest, size, platform: None, artifact_type: None, annotations: None };
    layout.add(&entry, name)?;
    Ok(entry)
}
