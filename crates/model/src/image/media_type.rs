//! The kinds of manifests the registry stores.

use serde::{Deserialize, Serialize};

/// The media type of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MediaType {
    #[serde(rename = "application/vnd.oci.image.manifest.v1+json")]
    OciManifest,
    #[serde(rename = "application/vnd.oci.image.index.v1+json")]
    OciIndex,
    #[serde(rename = "application/vnd.docker.distribution.manifest.v2+json")]
    DockerManifest,
    #[serde(rename = "application/vnd.docker.distribution.manifest.list.v2+json")]
    DockerList,
}

impl MediaType {
    pub const ALL: [MediaType; 4] =
        [MediaType::OciManifest, MediaType::OciIndex, MediaType::DockerManifest, MediaType::DockerList];

    pub const fn as_str(self) -> &'static str {
        match self {
            MediaType::OciManifest => "application/vnd.oci.image.manifest.v1+json",
            MediaType::OciIndex => "application/vnd.oci.image.index.v1+json",
            MediaType::DockerManifest => "application/vnd.docker.distribution.manifest.v2+json",
            MediaType::DockerList => "application/vnd.docker.distribution.manifest.list.v2+json",
        }
    }

    /// Finds a media type by its name; parameters behind a semicolon do not count.
    pub fn find(name: &str) -> Option<Self> {
        let name = name.split(';').next().unwrap_or_default().trim();
        MediaType::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(name))
    }

    /// Tells whether manifests of this kind name other manifests instead of layers.
    pub const fn is_index(self) -> bool {
        match self {
            MediaType::OciIndex | MediaType::DockerList => true,
            MediaType::OciManifest | MediaType::DockerManifest => false,
        }
    }
}
