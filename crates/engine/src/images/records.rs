//! The rows of the tables about images.

use seatrial_model::Timestamp;
use seatrial_model::image::{Digest, ImageTag, Manifest, RepositoryName};
use serde::{Deserialize, Serialize};

use super::mutability::Mutability;
use crate::state::Document;

/// A repository.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Repository {
    pub name: RepositoryName,
    pub created_at: Timestamp,
    pub mutability: Mutability,
    pub scans_on_push: bool,
    /// `encryptionConfiguration`, as given: kept for its readers.
    pub encryption: Document,
    /// Kept for its readers; the engine has one user, who may do everything.
    pub access_policy: Option<String>,
    pub lifecycle_policy: Option<LifecyclePolicyRecord>,
    /// A lifecycle policy that is to be tried without effect.
    pub lifecycle_preview: Option<String>,
}

/// A repository's lifecycle policy as it was put.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LifecyclePolicyRecord {
    pub text: String,
    pub evaluated_at: Option<Timestamp>,
}

/// An image, or an index of images.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImageRecord {
    pub repository: RepositoryName,
    pub digest: Digest,
    /// The bytes of its manifest.
    pub size: u64,
    pub manifest: Manifest,
    pub pushed_at: Timestamp,
    pub pulled_at: Option<Timestamp>,
}

/// A tag.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImageTagRecord {
    pub repository: RepositoryName,
    pub tag: ImageTag,
    pub digest: Digest,
}

/// A blob that a repository has.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImageBlob {
    pub repository: RepositoryName,
    pub digest: Digest,
    pub size: u64,
    /// Since when no image names it, as far as that matters: a client that has just been told that the blob is there makes it later.
    pub loose_since: Timestamp,
}

/// What is kept of a password given out for the registry.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RegistryToken {
    /// SHA-256 of the password, in hexadecimal.
    pub hash: String,
    pub expires_at: Timestamp,
}
