//! Tags of images, and the two ways to name an image in its repository.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use crate::id::{InvalidId, text_identity};

/// The longest tag (OCI distribution specification 1.1, "Pulling manifests").
const LENGTH_MAX: usize = 128;

/// The tag of a name that gives none.
const TAG_DEFAULT: &str = "latest";

/// A tag of an image.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageTag(String);

impl ImageTag {
    /// Parses 1 to 128 letters, digits, `.`, `_` and `-`, of which the first is no `.` and no `-`.
    pub fn parse(value: &str) -> Result<Self, InvalidId> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let fits = (1..=LENGTH_MAX).contains(&value.len())
            && value.bytes().next().is_some_and(is_word)
            && value.bytes().all(|byte| is_word(byte) || byte == b'.' || byte == b'-');
        if fits {
            return Ok(ImageTag(value.to_owned()));
        }
        Err(InvalidId {
            kind: "image tag",
            value: value.chars().take(LENGTH_MAX).collect(),
            rule: "1 to 128 letters, digits, dots, underscores and hyphens, beginning with none of . -",
        })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

text_identity!(ImageTag);

/// An image as a client names it within a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageReference {
    Tag(ImageTag),
    Digest(Digest),
}

impl ImageReference {
    /// What a name asks for: its digest where it has one, else its tag, else `latest`.
    pub fn of(tag: Option<&ImageTag>, digest: Option<&Digest>) -> Self {
        match (digest, tag) {
            (Some(digest), _) => ImageReference::Digest(digest.clone()),
            (None, Some(tag)) => ImageReference::Tag(tag.clone()),
            (None, None) => ImageReference::Tag(ImageTag(TAG_DEFAULT.to_owned())),
        }
    }

    /// Parses a digest, which is what has a colon, or a tag.
    pub fn parse(value: &str) -> Result<Self, InvalidId> {
        if value.contains(':') {
            Digest::parse(value).map(ImageReference::Digest)
        } else {
            ImageTag::parse(value).map(ImageReference::Tag)
        }
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImageReference::Tag(tag) => tag.fmt(f),
            ImageReference::Digest(digest) => digest.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_a_tag_or_a_digest() {
        for tag in ["latest", "1.4.0", "_x", "A-b_c.d", &"t".repeat(128)] {
            assert!(matches!(ImageReference::parse(tag), Ok(ImageReference::Tag(_))), "{tag}");
        }
        let digest = format!("sha256:{}", "0".repeat(64));
        assert!(matches!(ImageReference::parse(&digest), Ok(ImageReference::Digest(_))));
        for wrong in ["", ".a", "-a", "a b", "a/b", "sha256:0", "é", &"t".repeat(129)] {
            assert!(ImageReference::parse(wrong).is_err(), "{wrong}");
        }
    }
}
