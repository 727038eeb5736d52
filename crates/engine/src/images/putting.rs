//! Putting images.

use seatrial_model::image::{Digest, ImageTag, Manifest, RepositoryName};

use super::records::{ImageRecord, ImageTagRecord};
use super::{blobs, finding, keys, refusals, repositories};
use crate::refusal::Refusal;
use crate::state::State;
use crate::transaction::Transaction;

/// The most images of a repository. ECR has 100,000; here their rows are in memory, and some operations look at all of them.
const IMAGES_MAX: usize = 20_000;
/// The most tags of an image: more than any release process gives it, and each push of a tag counts them.
const TAGS_MAX: usize = 1000;

/// An image whose manifest is stored.
#[derive(Clone, Debug)]
pub struct NewImage {
    pub digest: Digest,
    pub size: u64,
    pub manifest: Manifest,
}

/// Puts an image into a repository and moves a tag to it. Putting what is there already changes nothing but the tag.
pub fn put(
    tx: &mut Transaction<'_>,
    repository: &RepositoryName,
    image: NewImage,
    tag: Option<&ImageTag>,
) -> Result<ImageRecord, Refusal> {
    let settings = repositories::find(tx.state, repository)?;
    if let Some(tag) = tag
        && settings.mutability.is_fixed(tag)
        && finding::tagged(tx.state, repository, tag).is_some_and(|digest| *digest != image.digest)
    {
        let message = format!(
            "The image tag '{tag}' already exists in the '{repository}' repository and cannot be overwritten because the tag is immutable."
        );
        return Err(Refusal::new(refusals::TAG_ALREADY_EXISTS, message));
    }
    require_parts(tx.state, repository, &image.manifest)?;
    let key = keys::by_digest(repository, &image.digest);
    require_room(tx.state, repository, &image.digest, tag)?;
    if !tx.state.images.contains(&key) {
        let NewImage { digest, size, manifest } = image.clone();
        let repository = repository.clone();
        let record = ImageRecord { repository, digest, size, manifest, pushed_at: tx.now, pulled_at: None };
        tx.state.images.insert(key.as_str(), record);
    }
    if let Some(tag) = tag {
        let record = ImageTagRecord { repository: repository.clone(), tag: tag.clone(), digest: image.digest.clone() };
        tx.state.image_tags.insert(keys::by_tag(repository, tag), record);
    }
    Ok(tx.state.images.get(&key).cloned().expect("it has just been put"))
}

/// Refuses an image too many, and a tag too many of an image.
fn require_room(
    state: &State,
    repository: &RepositoryName,
    digest: &Digest,
    tag: Option<&ImageTag>,
) -> Result<(), Refusal> {
    let limit = |message: String| Err(Refusal::new(refusals::LIMIT_EXCEEDED, message));
    let is_new = finding::by_digest(state, repository, digest).is_none();
    if is_new && finding::images(state, repository).count() >= IMAGES_MAX {
        return limit(format!("The repository with name '{repository}' has {IMAGES_MAX} images; delete some of them."));
    }
    let others = finding::tags(state, repository).filter(|(known, tagged)| *tagged == digest && Some(*known) != tag);
    if tag.is_some() && others.count() >= TAGS_MAX {
        return limit(format!("The image {digest} has {TAGS_MAX} tags; delete some of them."));
    }
    Ok(())
}

/// Refuses a manifest that names what the repository does not have.
fn require_parts(state: &State, repository: &RepositoryName, manifest: &Manifest) -> Result<(), Refusal> {
    let is_missing = |digest: &&Digest| blobs::find(state, repository, digest).is_none();
    let missing: Vec<&Digest> = manifest.blobs().into_iter().filter(is_missing).collect();
    if !missing.is_empty() {
        let message = format!(
            "Layers with digests '[{}]' required for pushing image into repository with name '{repository}' do not exist",
            refusals::listed(&missing)
        );
        return Err(Refusal::new(refusals::LAYERS_NOT_FOUND, message));
    }
    let children = manifest.children.iter().map(|child| &child.digest);
    let missing: Vec<&Digest> =
        children.filter(|child| finding::by_digest(state, repository, child).is_none()).collect();
    if !missing.is_empty() {
        let message = format!(
            "Images with digests '[{}]' required for pushing image into repository with name '{repository}' do not exist",
            refusals::listed(&missing)
        );
        return Err(Refusal::new(refusals::REFERENCED_IMAGES_NOT_FOUND, message));
    }
    Ok(())
}
