//! What a repository has.

use std::collections::BTreeMap;

use aws_sdk_ecr::primitives::DateTime;

use super::repository::REPOSITORY_MISSING;
use crate::aws::{CallError, Connection, DoingExt};

/// The tag of the image that was pushed last.
pub(crate) const LATEST: &str = "latest";
/// The tag of the image that stands in where there is none.
pub(crate) const FALLBACK: &str = "seatrial-fallback";

/// What an image's configuration is, as ECR tells it in `artifactMediaType`; an index has none.
const CONFIGURATIONS: [&str; 2] =
    ["application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json"];

/// The images of a repository.
#[derive(Clone, Debug, PartialEq)]
pub enum Stored {
    NoRepository,
    /// The newest first. What has no tag is not among them: parts of an index, and what a tag was taken from.
    Images(Vec<StoredImage>),
}

/// An image of a repository.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredImage {
    pub digest: String,
    pub tags: Vec<String>,
    pub pushed_at: Option<DateTime>,
}

impl StoredImage {
    /// Whether it only stands in for an image.
    pub fn is_fallback(&self) -> bool {
        self.tags.iter().any(|tag| tag.starts_with(FALLBACK))
    }
}

impl Stored {
    /// Those that somebody meant to deploy, the newest first.
    pub fn real(&self) -> impl Iterator<Item = &StoredImage> {
        let images = match self {
            Stored::NoRepository => &[][..],
            Stored::Images(images) => images,
        };
        images.iter().filter(|image| !image.is_fallback())
    }
}

/// Lists the images of a repository.
pub async fn stored(connection: &Connection, repository: &str) -> Result<Stored, CallError> {
    let mut pages = connection.ecr.describe_images().repository_name(repository).into_paginator().send();
    let mut images = BTreeMap::new();
    while let Some(page) = pages.next().await {
        let page = match page.doing(|| format!("looking at the images of {repository}")) {
            Err(error) if error.has_code(REPOSITORY_MISSING) => return Ok(Stored::NoRepository),
            page => page?,
        };
        for detail in page.image_details.unwrap_or_default() {
            let (Some(digest), Some(tags)) = (detail.image_digest, detail.image_tags) else { continue };
            // Signatures and lists of files are tagged by what they are of, and builders keep their caches beside images.
            let is_image = detail.artifact_media_type.as_deref().is_none_or(|kind| CONFIGURATIONS.contains(&kind));
            let is_own = |tag: &String| !tag.starts_with("sha256-");
            if is_image && tags.iter().any(is_own) {
                let image = StoredImage { digest: digest.clone(), tags, pushed_at: detail.image_pushed_at };
                images.insert(digest, image);
            }
        }
    }
    let mut images: Vec<StoredImage> = images.into_values().collect();
    images.sort_by(|one, other| other.pushed_at.cmp(&one.pushed_at).then_with(|| one.digest.cmp(&other.digest)));
    Ok(Stored::Images(images))
}
