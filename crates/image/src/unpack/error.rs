//! Why an image cannot be unpacked.

use std::io;
use std::path::PathBuf;

use seatrial_model::image::Digest;

/// Why an image cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    #[error("{0} exists already: an image is unpacked into a new directory")]
    Exists(PathBuf),
    #[error("cannot {doing} {path}")]
    System {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "the configuration knows {in_configuration} layers, but the manifest has {in_manifest}: they are not of the same image"
    )]
    LayerCount { in_configuration: usize, in_manifest: usize },
    #[error("the layer {layer} is of the type {media_type:?}, which is not known here: tar, tar+gzip and tar+zstd are")]
    UnknownType { layer: Digest, media_type: String },
    #[error(
        "the layer {0} is a foreign one, which is not in the registry but elsewhere; such images (Windows base images) are not run"
    )]
    Foreign(Digest),
    #[error("the layer {layer} cannot be unpacked")]
    Layer {
        layer: Digest,
        #[source]
        source: LayerError,
    },
    #[error(
        "the layer {layer} is not the configuration's: it has the diff_id {found} instead of {expected}; push the image again"
    )]
    DiffId { layer: Digest, expected: Digest, found: Digest },
    #[error("{0} is removed again and again while it is unpacked: sweep the cache less eagerly")]
    Swept(Digest),
}

/// Why a layer cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    #[error("its bytes cannot be read or decompressed: the file may be damaged, pull the image again")]
    Read(#[source] io::Error),
    #[error("it ends in the middle of {0}: the file may be damaged, pull the image again")]
    Truncated(&'static str),
    #[error("it is no tar archive: {0}")]
    Malformed(&'static str),
    #[error("the image has more than {0} bytes when unpacked, which is the limit")]
    TooManyBytes(u64),
    #[error("the image has more than {0} files, which is the limit")]
    TooManyEntries(u64),
    #[error("the entry {path:?} cannot be unpacked")]
    Entry {
        path: String,
        #[source]
        source: EntryError,
    },
}

/// Why an entry of a layer cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    #[error("the path is empty")]
    Empty,
    #[error("the path has a NUL in it")]
    Nul,
    #[error("the path has a `..` in it")]
    LeadsUp,
    #[error("the path has more than {0} bytes")]
    TooLong(usize),
    #[error("the path has a name of more than {0} bytes")]
    NameTooLong(usize),
    #[error("the path leads more than {0} directories deep")]
    TooDeep(usize),
    #[error("the image's root can only be a directory")]
    Root,
    #[error("it is a whiteout of nothing that could have a name")]
    Whiteout,
    #[error("the path goes through more than {0} symbolic links")]
    TooManyLinks(usize),
    #[error("the path goes through something that is no directory")]
    NotADirectory,
    #[error("it links to {0:?}, which the image does not have")]
    LinkToNothing(String),
    #[error("sparse files are not unpacked: make the layer without `--sparse`")]
    Sparse,
    #[error("entries of the type {0:?} are not known here")]
    UnknownType(char),
    #[error("the owner {0} is no number of a user or group")]
    Owner(u64),
    #[error("cannot {doing}")]
    System {
        doing: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("its contents cannot be read")]
    Layer(#[source] Box<LayerError>),
}

impl From<LayerError> for EntryError {
    fn from(error: LayerError) -> Self {
        EntryError::Layer(Box::new(error))
    }
}

/// Says what failed: `.map_err(failed("make the directory"))`.
pub(super) fn failed<E: Into<io::Error>>(doing: &'static str) -> impl Fn(E) -> EntryError {
    move |error| EntryError::System { doing, source: error.into() }
}
