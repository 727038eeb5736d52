//! Why an image cannot be built.

use std::io;
use std::path::{Path, PathBuf};

use crate::layout::LayoutError;

/// Why an image cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    #[error("cannot {doing} {path}")]
    Source {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{0} is neither a file nor a directory nor a symbolic link; leave it out with the ignore list")]
    Special(PathBuf),
    #[error("{0} has changed while it was read: build again when nothing writes to it")]
    Changed(PathBuf),
    #[error("{0:?} is no place in an image: give an absolute path without `..`, such as /app/server")]
    Path(String),
    #[error("{0} would be a directory and something else at once: two entries of the layer contradict each other")]
    Conflict(String),
    #[error("the name of {0} begins with `.wh.`, which would take files away instead of adding one")]
    Whiteout(String),
    #[error("the ignore list has the pattern {pattern:?}, which cannot be read: {why}")]
    Pattern { pattern: String, why: String },
    #[error("{0} is no time since 1970 that an image can have")]
    Time(u64),
    #[error("the name {0:?} of an environment variable is empty or has a `=` in it")]
    Variable(String),
    #[error("an index needs at least one image")]
    NoImages,
    #[error("cannot write the layer")]
    Write(#[source] io::Error),
    #[error("cannot read the base image or write the new one")]
    Layout(#[from] LayoutError),
}

pub(super) fn source(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> PackError {
    let path = path.to_owned();
    move |source| PackError::Source { doing, path: path.clone(), source }
}
