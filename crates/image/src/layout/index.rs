//! What an index names: manifests, with what tells them apart.

use std::collections::BTreeMap;

use seatrial_model::image::{Digest, REFERENCES_MAX};
use serde::{Deserialize, Serialize};

use super::NAME_ANNOTATION;
use crate::platform::Platform;

/// A manifest as an index names it (a descriptor).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IndexEntry {
    #[serde(default)]
    pub media_type: String,
    pub digest: Digest,
    pub size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// What an artifact is, when it is no image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
}

/// The JSON of an index.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Index {
    pub schema_version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    #[serde(default)]
    pub manifests: Vec<IndexEntry>,
}

impl IndexEntry {
    /// Returns the name that the manifest has in its layout.
    pub fn name(&self) -> Option<&str> {
        self.annotations.as_ref()?.get(NAME_ANNOTATION).map(String::as_str)
    }

    pub(crate) fn with_name(&self, name: Option<&str>) -> Self {
        let mut named = self.clone();
        let mut annotations = named.annotations.take().unwrap_or_default();
        annotations.remove(NAME_ANNOTATION);
        annotations.extend(name.map(|name| (NAME_ANNOTATION.to_owned(), name.to_owned())));
        named.annotations = Some(annotations).filter(|annotations| !annotations.is_empty());
        named
    }
}

impl Index {
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let index: Index = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if index.schema_version != 2 {
            return Err(format!("it has schemaVersion {}; only 2 is known", index.schema_version));
        }
        if index.manifests.len() > REFERENCES_MAX {
            return Err(format!("it names {} manifests; at most {REFERENCES_MAX} are taken", index.manifests.len()));
        }
        Ok(index)
    }
}
