//! What the registry asks of whoever knows repositories, images and tags.

use std::collections::BTreeMap;

use seatrial_model::Timestamp;
use seatrial_model::image::{Digest, ImageReference, ImageTag, Manifest, MediaType, RepositoryName};

/// The tables behind a registry. Every change is durable when its call returns. Calls may wait for the disk.
pub trait Catalog: Send + Sync {
    fn now(&self) -> Timestamp;

    /// Tells whether a client may use the registry.
    fn admits(&self, credential: &Credential) -> bool;

    fn has_repository(&self, repository: &RepositoryName) -> bool;

    /// Returns repositories in order, after a name, at most so many.
    fn repositories(&self, after: Option<&str>, limit: usize) -> Vec<RepositoryName>;

    /// Returns the size of a blob if the repository has it. The blob then stays for a while, whether or not an image names it.
    fn blob(&self, repository: &RepositoryName, digest: &Digest) -> Result<Option<u64>, CatalogError>;

    /// Gives a repository a blob that is in the storage.
    fn add_blob(&self, repository: &RepositoryName, digest: &Digest, size: u64) -> Result<(), CatalogError>;

    /// Gives a repository a blob of another one; tells whether that one has it.
    fn mount_blob(
        &self,
        repository: &RepositoryName,
        from: &RepositoryName,
        digest: &Digest,
    ) -> Result<bool, CatalogError>;

    /// Takes a blob from a repository, unless an image names it.
    fn remove_blob(&self, repository: &RepositoryName, digest: &Digest) -> Result<(), CatalogError>;

    /// Finds an image.
    fn image(&self, repository: &RepositoryName, reference: &ImageReference) -> Result<StoredImage, CatalogError>;

    /// Remembers that an image was pulled.
    fn note_pull(&self, repository: &RepositoryName, digest: &Digest) -> Result<(), CatalogError>;

    /// Puts an image whose manifest is in the storage into a repository, and moves a tag to it.
    fn put_image(
        &self,
        repository: &RepositoryName,
        image: NewImage,
        tag: Option<&ImageTag>,
    ) -> Result<(), CatalogError>;

    /// Deletes an image with its tags, or a tag alone.
    fn remove_image(&self, repository: &RepositoryName, reference: &ImageReference) -> Result<(), CatalogError>;

    /// Returns tags in order, after a tag, at most so many.
    fn tags(
        &self,
        repository: &RepositoryName,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ImageTag>, CatalogError>;

    /// Returns the images that refer to a digest, by their own digests.
    fn referrers(&self, repository: &RepositoryName, subject: &Digest) -> Result<Vec<Referrer>, CatalogError>;
}

/// What a client shows to be let in.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    pub user: String,
    pub password: String,
}

/// An image as it is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredImage {
    pub digest: Digest,
    pub media_type: MediaType,
    /// The bytes of its manifest.
    pub size: u64,
}

/// An image as it is pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewImage {
    pub digest: Digest,
    /// The bytes of its manifest.
    pub size: u64,
    pub manifest: Manifest,
}

/// An image that refers to another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrer {
    pub digest: Digest,
    pub media_type: MediaType,
    pub size: u64,
    pub artifact_type: Option<String>,
    pub annotations: BTreeMap<String, String>,
}

/// Why the catalogue did not do as asked. The texts are for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    #[error("{0}")]
    RepositoryUnknown(String),
    #[error("{0}")]
    ImageUnknown(String),
    #[error("{0}")]
    BlobUnknown(String),
    /// A manifest names what the repository does not have.
    #[error("{0}")]
    PartUnknown(String),
    /// A tag may not be moved.
    #[error("{0}")]
    TagImmutable(String),
    /// There would be more than there may be.
    #[error("{0}")]
    LimitExceeded(String),
    /// What was to be deleted is named by an image.
    #[error("{0}")]
    InUse(String),
    /// The change could not be made for a reason the client cannot mend.
    #[error("{0}")]
    Unavailable(String),
}
