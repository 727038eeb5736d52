//! Names of images as people write them: `[HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]`.
//!
//! What is left out is what Docker takes it for: Docker Hub's host, its `library/`, the tag `latest`.

mod host;
mod repository;

use std::fmt;
use std::str::FromStr;

use seatrial_model::image::{Digest, ImageReference, ImageTag};

pub use host::RegistryHost;
pub(crate) use host::is_loopback;
pub use repository::RepositoryPath;

/// The longest name that is read: a host, a repository, a tag and a SHA-512 digest at their longest.
const LENGTH_MAX: usize = 255 + 255 + 128 + 136 + 8;

/// Where Docker Hub keeps the repositories that are named by one word.
const OFFICIAL: &str = "library/";

/// The name of an image in a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageName {
    pub registry: RegistryHost,
    pub repository: RepositoryPath,
    pub tag: Option<ImageTag>,
    pub digest: Option<Digest>,
}

/// Why a text is not the name of an image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no name of an image: {fault}; write [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]")]
pub struct InvalidImageName {
    text: String,
    fault: String,
}

impl ImageName {
    /// Parses a name. The first part is a host when it has a dot or a colon or is `localhost`; otherwise the name is one of Docker Hub.
    pub fn parse(text: &str) -> Result<Self, InvalidImageName> {
        let invalid = |fault: String| InvalidImageName { text: text.chars().take(LENGTH_MAX).collect(), fault };
        if text.len() > LENGTH_MAX {
            return Err(invalid(format!("it has more than {LENGTH_MAX} characters")));
        }
        if text.contains("://") {
            return Err(invalid("it is an address; leave out what stands before the host".to_owned()));
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(Digest::parse(digest).map_err(|error| invalid(error.to_string()))?)),
            None => (text, None),
        };
        let (rest, tag) = match rest.rsplit_once(':') {
            // A colon before a slash belongs to a port.
            Some((rest, tag)) if !tag.contains('/') => {
                (rest, Some(ImageTag::parse(tag).map_err(|error| invalid(error.to_string()))?))
            }
            Some(_) | None => (rest, None),
        };
        let (host, path) = match rest.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (Some(host), path),
            Some(_) | None => (None, rest),
        };
        let registry = match host {
            Some(host) => RegistryHost::parse(host).map_err(&invalid)?,
            None => RegistryHost::docker_hub(),
        };
        let repository = if registry.is_docker_hub() && !path.contains('/') {
            RepositoryPath::parse(&format!("{OFFICIAL}{path}"))
        } else {
            RepositoryPath::parse(path)
        };
        Ok(ImageName { registry, repository: repository.map_err(invalid)?, tag, digest })
    }

    /// Returns what to ask the registry for: the digest where there is one, or else the tag, or else `latest`.
    pub fn reference(&self) -> ImageReference {
        ImageReference::of(self.tag.as_ref(), self.digest.as_ref())
    }
}

/// Writes the full name, with host.
impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for ImageName {
    type Err = InvalidImageName;

    fn from_str(text: &str) -> Result<Self, InvalidImageName> {
        ImageName::parse(text)
    }
}

#[cfg(test)]
mod tests;
