//! Keys of rows: a repository's rows stand together. No name of a repository has an `@`.

use seatrial_model::image::{Digest, ImageTag, RepositoryName};

/// The key of an image or a blob.
pub(super) fn by_digest(repository: &RepositoryName, digest: &Digest) -> String {
    format!("{repository}@{digest}")
}

pub(super) fn by_tag(repository: &RepositoryName, tag: &ImageTag) -> String {
    format!("{repository}@{tag}")
}

/// What all keys of a repository's rows begin with.
pub(super) fn of(repository: &RepositoryName) -> String {
    format!("{repository}@")
}
