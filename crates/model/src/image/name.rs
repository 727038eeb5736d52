//! Names of images as task definitions have them: a registry's host, a repository, a tag, a digest.

use std::fmt;

use super::digest::Digest;
use super::tag::{ImageReference, ImageTag};
use crate::id::InvalidId;

/// The longest name that is read: a host, a repository, a tag and a digest at their longest.
const LENGTH_MAX: usize = 1024;

/// The name of an image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageName {
    /// `HOST[:PORT]`; none where the registry is whatever the client takes for its default.
    pub registry: Option<String>,
    /// As it is written, not checked: registries differ in what they take.
    pub repository: String,
    pub tag: Option<ImageTag>,
    pub digest: Option<Digest>,
}

impl ImageName {
    /// Parses `[HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]`. The first part is a host when it has a dot or a colon, or is `localhost`, as
    /// Docker decides it.
    pub fn parse(value: &str) -> Result<Self, InvalidId> {
        let wrong = || InvalidId {
            kind: "image name",
            value: value.chars().take(LENGTH_MAX).collect(),
            rule: "[host[:port]/]repository[:tag][@digest]",
        };
        if value.len() > LENGTH_MAX {
            return Err(wrong());
        }
        let (named, digest) = match value.split_once('@') {
            Some((named, digest)) => (named, Some(Digest::parse(digest)?)),
            None => (value, None),
        };
        let (registry, path) = match named.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (Some(host.to_owned()), path),
            Some(_) | None => (None, named),
        };
        let (repository, tag) = match path.split_once(':') {
            Some((repository, tag)) => (repository, Some(ImageTag::parse(tag)?)),
            None => (path, None),
        };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
        if repository.is_empty() || !repository.bytes().all(is_name) || registry.as_deref() == Some("") {
            return Err(wrong());
        }
        Ok(ImageName { registry, repository: repository.to_owned(), tag, digest })
    }

    /// What is asked for in the repository: the digest where there is one, else the tag, else `latest`.
    pub fn reference(&self) -> ImageReference {
        ImageReference::of(self.tag.as_ref(), self.digest.as_ref())
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(registry) = &self.registry {
            write!(f, "{registry}/")?;
        }
        f.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(name: &str) -> (Option<String>, String, String) {
        let parsed = ImageName::parse(name).expect(name);
        assert_eq!(parsed.to_string(), name);
        let reference = parsed.reference().to_string();
        (parsed.registry, parsed.repository, reference)
    }

    #[test]
    fn names_fall_into_their_parts_as_docker_takes_them_apart() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let some = |host: &str| Some(host.to_owned());
        assert_eq!(parts("nginx"), (None, "nginx".to_owned(), "latest".to_owned()));
        assert_eq!(parts("shop/web:1.0"), (None, "shop/web".to_owned(), "1.0".to_owned()));
        assert_eq!(
            parts("127.0.0.1:4880/shop/web"),
            (some("127.0.0.1:4880"), "shop/web".to_owned(), "latest".to_owned())
        );
        assert_eq!(parts("localhost/web:x"), (some("localhost"), "web".to_owned(), "x".to_owned()));
        let pinned = format!("registry.example/web:1@{digest}");
        assert_eq!(parts(&pinned), (some("registry.example"), "web".to_owned(), digest));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for wrong in
            ["", ":1", "web:", "web@", "web@sha256:1", "a b", "host.example/", "web:1:2", "wéb", &"a".repeat(1025)]
        {
            assert!(ImageName::parse(wrong).is_err(), "{wrong}");
        }
    }
}
