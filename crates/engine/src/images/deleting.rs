//! Deleting images and tags.

use seatrial_model::image::{Digest, ImageTag, Manifest, RepositoryName};

use super::{blobs, finding, keys, refusals};
use crate::refusal::Refusal;
use crate::transaction::Transaction;

/// Deletes an image with its tags; returns the tags. An image that an index names stays. Its blobs stay for a grace period.
pub fn delete(
    tx: &mut Transaction<'_>,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Vec<ImageTag>, Refusal> {
    let names_it = |manifest: &Manifest| manifest.children.iter().any(|child| child.digest == *digest);
    if let Some(index) = finding::images(tx.state, repository).find(|image| names_it(&image.manifest)) {
        let message = format!("Requested image referenced by manifest list: [{}]", index.digest);
        return Err(Refusal::new(refusals::REFERENCED_BY_INDEX, message));
    }
    let Some(image) = tx.state.images.remove(&keys::by_digest(repository, digest)) else {
        let image = format!("{{imageDigest:'{digest}', imageTag:'null'}}");
        return Err(refusals::image_not_found(tx.state, repository, &image));
    };
    // A client may be about to push another image with the same blobs.
    for blob in image.manifest.contents() {
        blobs::keep(tx, repository, blob);
    }
    let tags: Vec<ImageTag> = finding::tags(tx.state, repository)
        .filter(|(_, tagged)| *tagged == digest)
        .map(|(tag, _)| tag.clone())
        .collect();
    for tag in &tags {
        tx.state.image_tags.remove(&keys::by_tag(repository, tag));
    }
    Ok(tags)
}

/// Deletes a tag; the image it points to stays. Returns the image's digest.
pub fn untag(tx: &mut Transaction<'_>, repository: &RepositoryName, tag: &ImageTag) -> Result<Digest, Refusal> {
    match tx.state.image_tags.remove(&keys::by_tag(repository, tag)) {
        Some(record) => Ok(record.digest),
        None => {
            let image = format!("{{imageDigest:'null', imageTag:'{tag}'}}");
            Err(refusals::image_not_found(tx.state, repository, &image))
        }
    }
}
