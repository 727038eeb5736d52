//! Why a layout cannot be read or written.

use std::io;
use std::path::{Path, PathBuf};

use seatrial_model::image::{Digest, InvalidManifest};

use crate::configuration::InvalidConfiguration;
use crate::platform::NoImageForPlatform;

/// Why a layout cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    #[error("{0} is no OCI image layout: it has no `oci-layout`; write one with `buildah push IMAGE oci:{0}`")]
    NotALayout(PathBuf),
    #[error("the layout {path} has the version {version:?}; only 1.0.0 is known")]
    Version { path: PathBuf, version: String },
    #[error("cannot {doing} {path}")]
    System {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} cannot be read: {why}")]
    Malformed { path: PathBuf, why: String },
    #[error("the layout has no image with the name {name:?}; it has {available}")]
    NoSuchName { name: String, available: String },
    #[error("the layout has {count} images: name one of {available}")]
    Several { count: usize, available: String },
    #[error("the layout has no image")]
    Empty,
    #[error("the layout does not have {0}, which the image names: copy the image again")]
    MissingBlob(Digest),
    #[error("{digest} has {found} bytes instead of {stated}: copy the image again")]
    Size { digest: Digest, stated: u64, found: u64 },
    #[error("the file of {0} has other contents than its digest says: copy the image again")]
    Damaged(Digest),
    #[error("{digest} has more than {limit} bytes, which is too large for a manifest or a configuration")]
    TooLarge { digest: Digest, limit: u64 },
    #[error("the manifest {digest} is not valid")]
    Manifest {
        digest: Digest,
        #[source]
        source: InvalidManifest,
    },
    #[error("the configuration of the image is not valid")]
    Configuration(#[source] InvalidConfiguration),
    #[error("the layout has no image for this machine")]
    Platform(#[source] Box<NoImageForPlatform>),
    #[error("the image is for {found}, which does not run on {wanted}: build it for {wanted}")]
    OtherPlatform { found: String, wanted: String },
    #[error("the image's index names an index that names an index, and so on")]
    TooNested,
}

pub(super) fn system(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> LayoutError {
    let path = path.to_owned();
    move |source| LayoutError::System { doing, path: path.clone(), source }
}
