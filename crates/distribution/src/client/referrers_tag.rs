//! The list of what refers to an image, for registries of the protocol 1.0: an index under a tag made of the subject's digest.
//!
//! Two who change the list at once may lose one of the entries; the protocol has no remedy. The manifests themselves are not lost.

use seatrial_model::image::{Descriptor, Digest, ImageReference, ImageTag, Manifest, MediaType};
use serde_json::json;

use super::Client;
use super::listings::Referrer;
use crate::error::DistributionError;

/// The longest part of a digest in the tag (OCI distribution specification 1.1, "Referrers Tag Schema").
const DIGITS_MAX: usize = 64;

impl Client {
    /// Adds a manifest to the list of its subject.
    pub(super) async fn list_in_tag(
        &self,
        subject: &Digest,
        part: &Descriptor,
        manifest: &Manifest,
    ) -> Result<(), DistributionError> {
        let mut list = self.referrers_in_tag(subject).await?.unwrap_or_default();
        if list.iter().any(|referrer| referrer.digest == part.digest) {
            return Ok(());
        }
        list.push(Referrer {
            media_type: part.media_type.clone(),
            digest: part.digest.clone(),
            size: part.size,
            artifact_type: manifest.artifact_type.clone(),
            annotations: (!manifest.annotations.is_empty()).then(|| manifest.annotations.clone()),
        });
        let index = json!({"schemaVersion": 2, "mediaType": MediaType::OciIndex.as_str(), "manifests": list});
        let reference = ImageReference::Tag(tag_of_referrers(subject));
        self.put(&reference, MediaType::OciIndex.as_str(), index.to_string().into_bytes().into()).await?;
        Ok(())
    }
}

/// Returns the tag that stands for the list of what refers to a subject.
pub(super) fn tag_of_referrers(subject: &Digest) -> ImageTag {
    let digits = &subject.hex()[..subject.hex().len().min(DIGITS_MAX)];
    ImageTag::parse(&format!("{}-{digits}", subject.algorithm().as_str())).expect("algorithm and digits make a tag")
}

#[cfg(test)]
mod tests {
    use seatrial_model::image::Algorithm;

    use super::*;
    use seatrial_image::hash::digest_of;

    #[test]
    fn a_subject_of_any_algorithm_has_a_tag() {
        for (algorithm, length) in [(Algorithm::Sha256, 7 + 64), (Algorithm::Sha512, 7 + 64)] {
            let subject = digest_of(algorithm, b"subject");
            let tag = tag_of_referrers(&subject);
            assert_eq!(tag.as_str().len(), length);
            assert!(subject.as_str().replace(':', "-").starts_with(tag.as_str()));
        }
    }
}
