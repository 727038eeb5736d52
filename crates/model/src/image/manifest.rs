//! What a manifest names: configuration, layers, other manifests, the subject it refers to.
//!
//! The bytes of a manifest are its identity and are kept as they were pushed; this reads only what a registry acts on. Members it
//! does not know may be anything.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::media_type::MediaType;

/// The largest manifest: what the OCI distribution specification asks registries to take at least (4 MiB).
pub const MANIFEST_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The most layers or children of a manifest. Docker makes images of at most 127 layers, and an index has a child for each platform; the
/// rest is room for artifacts of many files.
pub const REFERENCES_MAX: usize = 4096;

/// The most annotations that are kept for the referrers of a subject; artifacts have a handful.
const ANNOTATIONS_MAX: usize = 1000;

/// What something is named by in a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    #[serde(default)]
    pub media_type: String,
    pub digest: Digest,
    pub size: u64,
    /// Where else the content is to be had; a layer with one need not be pushed (a *foreign* or non-distributable layer).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
}

/// A manifest as a registry sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub media_type: MediaType,
    /// `artifactType`, or the media type of the configuration where there is none.
    pub artifact_type: Option<String>,
    pub config: Option<Descriptor>,
    pub layers: Vec<Descriptor>,
    /// The manifests of an index.
    pub children: Vec<Descriptor>,
    pub subject: Option<Digest>,
    pub annotations: BTreeMap<String, String>,
}

/// Why bytes are no manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidManifest {
    #[error("a manifest has at most {MANIFEST_BYTES_MAX} bytes; this one has {0}")]
    TooLarge(usize),
    #[error("the manifest cannot be read: {0}")]
    Malformed(String),
    #[error(
        "manifests of the type {0:?} are not stored here: image manifests and indexes of OCI, and of Docker's schema 2, are"
    )]
    UnknownType(String),
    #[error("the manifest says that it is {inside}, but was sent as {outside}")]
    TypeMismatch { inside: String, outside: String },
    #[error("the manifest has schemaVersion {0}; only 2 is known")]
    SchemaVersion(u64),
    #[error("the manifest names no {0}")]
    Missing(&'static str),
    #[error("the manifest is both an image and an index: it names layers and manifests")]
    Ambiguous,
    #[error("the manifest names {0} parts; at most {REFERENCES_MAX} are taken")]
    TooManyReferences(usize),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: u64,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

impl Manifest {
    /// Reads a manifest that was sent with a content type, or with none.
    pub fn parse(bytes: &[u8], content_type: Option<&str>) -> Result<Self, InvalidManifest> {
        if bytes.len() > MANIFEST_BYTES_MAX {
            return Err(InvalidManifest::TooLarge(bytes.len()));
        }
        // ECR's API gives manifests out as texts: one that is none could not be given out as it was pushed.
        let text = std::str::from_utf8(bytes).map_err(|error| InvalidManifest::Malformed(error.to_string()))?;
        let document: Document =
            serde_json::from_str(text).map_err(|error| InvalidManifest::Malformed(error.to_string()))?;
        if document.schema_version != 2 {
            return Err(InvalidManifest::SchemaVersion(document.schema_version));
        }
        let media_type = document.kind(content_type)?;
        document.into_manifest(media_type)
    }

    /// Returns what has to be in the repository before the manifest can be: configuration and layers, each once. Layers that are to
    /// be had elsewhere are not among them.
    pub fn blobs(&self) -> Vec<&Digest> {
        let layers = self.layers.iter().filter(|layer| layer.urls.is_empty());
        let mut blobs: Vec<&Digest> = self.config.iter().chain(layers).map(|part| &part.digest).collect();
        blobs.sort_unstable();
        blobs.dedup();
        blobs
    }

    /// Returns everything the manifest names as content: configuration and layers, those that are to be had elsewhere too.
    pub fn contents(&self) -> impl Iterator<Item = &Digest> {
        self.config.iter().chain(&self.layers).map(|part| &part.digest)
    }

    /// Returns the bytes of configuration and layers together, as the manifest states them.
    pub fn content_size(&self) -> u64 {
        let sizes = self.config.iter().chain(&self.layers).map(|part| part.size);
        sizes.fold(0, u64::saturating_add)
    }
}

impl Document {
    fn kind(&self, content_type: Option<&str>) -> Result<MediaType, InvalidManifest> {
        let find = |name: &str| {
            let shown = || name.chars().take(128).collect();
            MediaType::find(name).ok_or_else(|| InvalidManifest::UnknownType(shown()))
        };
        let inside = self.media_type.as_deref().map(find).transpose()?;
        let outside = content_type.map(find).transpose()?;
        match (inside, outside) {
            (Some(inside), Some(outside)) if inside != outside => Err(InvalidManifest::TypeMismatch {
                inside: inside.as_str().to_owned(),
                outside: outside.as_str().to_owned(),
            }),
            (Some(kind), _) | (None, Some(kind)) => Ok(kind),
            // An OCI manifest may leave its type out; then its members tell.
            (None, None) if self.manifests.is_some() => Ok(MediaType::OciIndex),
            (None, None) => Ok(MediaType::OciManifest),
        }
    }

    fn into_manifest(self, media_type: MediaType) -> Result<Manifest, InvalidManifest> {
        // Clients that go by different members would see different images under one digest.
        if self.manifests.is_some() && self.layers.is_some() {
            return Err(InvalidManifest::Ambiguous);
        }
        let (config, layers, children) = if media_type.is_index() {
            (None, Vec::new(), self.manifests.ok_or(InvalidManifest::Missing("manifests"))?)
        } else {
            let config = self.config.ok_or(InvalidManifest::Missing("config"))?;
            (Some(config), self.layers.ok_or(InvalidManifest::Missing("layers"))?, Vec::new())
        };
        let references = layers.len().max(children.len());
        if references > REFERENCES_MAX {
            return Err(InvalidManifest::TooManyReferences(references));
        }
        let of_config = config.as_ref().map(|config| config.media_type.clone()).filter(|kind| !kind.is_empty());
        let annotations = self.annotations.unwrap_or_default().into_iter().take(ANNOTATIONS_MAX).collect();
        Ok(Manifest {
            media_type,
            artifact_type: self.artifact_type.filter(|kind| !kind.is_empty()).or(of_config),
            config,
            layers,
            children,
            subject: self.subject.map(|subject| subject.digest),
            annotations,
        })
    }
}

#[cfg(test)]
mod tests;
