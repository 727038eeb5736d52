//! The blobs of repositories.

use std::time::Duration;

use seatrial_model::image::{Digest, RepositoryName};
use seatrial_model::{TimeScale, Timestamp};

use super::garbage::GRACE_PERIOD;
use super::records::ImageBlob;
use super::{keys, refusals, repositories};
use crate::refusal::Refusal;
use crate::state::State;
use crate::transaction::Transaction;

/// How much of the grace period has to have passed before asking for a blob extends it: not every question is worth a write.
const EXTENDED_AFTER: Duration = Duration::from_secs(GRACE_PERIOD.as_secs() / 4);

/// Finds a blob of a repository.
pub fn find<'a>(state: &'a State, repository: &RepositoryName, digest: &Digest) -> Option<&'a ImageBlob> {
    state.image_blobs.get(&keys::by_digest(repository, digest))
}

/// Tells whether a client that is told of the blob now can rely on it only after [`keep`].
pub fn is_to_be_kept(state: &State, blob: &ImageBlob, now: Timestamp, scale: TimeScale) -> bool {
    now.since(blob.loose_since) > scale.apply(EXTENDED_AFTER) && !is_named(state, blob)
}

/// Lets a blob's grace period begin anew.
pub fn keep(tx: &mut Transaction<'_>, repository: &RepositoryName, digest: &Digest) {
    let now = tx.now;
    if let Some(blob) = tx.state.image_blobs.get_mut(&keys::by_digest(repository, digest)) {
        blob.loose_since = now;
    }
}

/// Gives a repository a blob whose bytes are stored.
pub fn add(tx: &mut Transaction<'_>, repository: &RepositoryName, digest: &Digest, size: u64) -> Result<(), Refusal> {
    repositories::find(tx.state, repository)?;
    let blob = ImageBlob { repository: repository.clone(), digest: digest.clone(), size, loose_since: tx.now };
    tx.state.image_blobs.insert(keys::by_digest(repository, digest), blob);
    Ok(())
}

/// Gives a repository a blob of another one; tells whether that one has it.
pub fn mount(
    tx: &mut Transaction<'_>,
    repository: &RepositoryName,
    from: &RepositoryName,
    digest: &Digest,
) -> Result<bool, Refusal> {
    let Some(size) = find(tx.state, from, digest).map(|blob| blob.size) else { return Ok(false) };
    add(tx, repository, digest, size)?;
    Ok(true)
}

/// Takes a blob from a repository, unless an image names it.
pub fn remove(tx: &mut Transaction<'_>, repository: &RepositoryName, digest: &Digest) -> Result<(), Refusal> {
    repositories::find(tx.state, repository)?;
    let Some(blob) = find(tx.state, repository, digest) else {
        let message = format!("The repository {repository} has no blob {digest}.");
        return Err(Refusal::new(refusals::BLOB_NOT_FOUND, message));
    };
    if is_named(tx.state, blob) {
        let message =
            format!("An image of the repository {repository} names the blob {digest}; delete the image first.");
        return Err(Refusal::new(refusals::BLOB_IN_USE, message));
    }
    tx.state.image_blobs.remove(&keys::by_digest(repository, digest));
    Ok(())
}

/// Tells whether an image of the blob's repository names it.
fn is_named(state: &State, blob: &ImageBlob) -> bool {
    let images = state.images.under(&keys::of(&blob.repository));
    images.map(|(_, image)| image).any(|image| image.manifest.contents().any(|digest| *digest == blob.digest))
}
