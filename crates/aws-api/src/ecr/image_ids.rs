//! `imageIds`: images named by digest, by tag, or by both, each answered for itself.

use seatrial_engine::images::{ImageRecord, finding};
use seatrial_engine::{Refusal, State};
use seatrial_model::image::{Digest, ImageTag, RepositoryName};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::invalid;

/// The most images that can be named at once, as in ECR.
pub(super) const IDS_MAX: usize = 100;

/// An item of `imageIds`, as it was sent.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ImageId {
    pub image_digest: Option<String>,
    pub image_tag: Option<String>,
}

/// Why one of several images was not found, in ECR's codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub code: &'static str,
    pub reason: String,
}

/// An image that is named, and the tag it is named by.
pub(super) struct Named<'a> {
    pub image: &'a ImageRecord,
    pub tag: Option<ImageTag>,
}

impl Failure {
    pub fn new(code: &'static str, reason: impl Into<String>) -> Self {
        Failure { code, reason: reason.into() }
    }

    fn not_found() -> Self {
        Failure::new("ImageNotFound", "Requested image not found")
    }
}

impl ImageId {
    /// Finds the image.
    pub fn find<'a>(&self, state: &'a State, repository: &RepositoryName) -> Result<Named<'a>, Failure> {
        let digest = self.image_digest.as_deref().map(|digest| {
            let wrong =
                "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'";
            Digest::parse(digest).map_err(|_| Failure::new("InvalidImageDigest", wrong))
        });
        let tag = self.image_tag.as_deref().map(|tag| {
            let wrong = "Invalid request parameters: image tag should be 1 to 128 letters, digits and . _ -";
            ImageTag::parse(tag).map_err(|_| Failure::new("InvalidImageTag", wrong))
        });
        let (digest, tag) = (digest.transpose()?, tag.transpose()?);
        let tagged = tag.as_ref().map(|tag| finding::tagged(state, repository, tag).ok_or_else(Failure::not_found));
        let wanted = match (&digest, tagged.transpose()?) {
            (None, None) => {
                let wrong = "Invalid request parameters: both tag and digest cannot be null";
                return Err(Failure::new("MissingDigestAndTag", wrong));
            }
            (Some(digest), Some(tagged)) if digest != tagged => {
                let wrong = "Requested image tag does not match the requested image digest";
                return Err(Failure::new("ImageTagDoesNotMatchDigest", wrong));
            }
            (Some(digest), _) => digest,
            (None, Some(tagged)) => tagged,
        };
        let image = finding::by_digest(state, repository, wanted).ok_or_else(Failure::not_found)?;
        Ok(Named { image, tag })
    }

    /// Shows the failure to find it.
    pub fn failed(&self, failure: &Failure) -> Value {
        json!({"imageId": self.show(), "failureCode": failure.code, "failureReason": failure.reason})
    }

    pub fn show(&self) -> Value {
        let mut shown = json!({});
        if let Some(digest) = &self.image_digest {
            shown["imageDigest"] = json!(digest);
        }
        if let Some(tag) = &self.image_tag {
            shown["imageTag"] = json!(tag);
        }
        shown
    }
}

pub(super) fn show_id(digest: &Digest, tag: Option<&ImageTag>) -> Value {
    let mut shown = json!({"imageDigest": digest});
    if let Some(tag) = tag {
        shown["imageTag"] = json!(tag);
    }
    shown
}

/// Refuses too many images at once, or none.
pub(super) fn check_count(ids: &[ImageId]) -> Result<(), Refusal> {
    if (1..=IDS_MAX).contains(&ids.len()) {
        return Ok(());
    }
    Err(invalid(format!("Invalid parameter at 'imageIds' failed to satisfy constraint: 1 to {IDS_MAX} images")))
}
