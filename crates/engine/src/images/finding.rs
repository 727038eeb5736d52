//! Finding images and tags.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

use seatrial_model::Timestamp;
use seatrial_model::image::{Digest, ImageReference, ImageTag, RepositoryName};

use super::records::ImageRecord;
use super::{keys, refusals, repositories};
use crate::refusal::Refusal;
use crate::state::State;
use crate::transaction::Transaction;

/// How old the last recorded pull has to be before another one is recorded: ECR records one a day at least, and not every one.
pub const PULL_RECORDED_AFTER: Duration = Duration::from_secs(60);

/// Finds an image by tag or digest.
pub fn find<'a>(
    state: &'a State,
    repository: &RepositoryName,
    reference: &ImageReference,
) -> Result<&'a ImageRecord, Refusal> {
    repositories::find(state, repository)?;
    let found = match reference {
        ImageReference::Digest(digest) => by_digest(state, repository, digest),
        ImageReference::Tag(tag) => {
            tagged(state, repository, tag).and_then(|digest| by_digest(state, repository, digest))
        }
    };
    found.ok_or_else(|| {
        let image = match reference {
            ImageReference::Digest(digest) => format!("{{imageDigest:'{digest}', imageTag:'null'}}"),
            ImageReference::Tag(tag) => format!("{{imageDigest:'null', imageTag:'{tag}'}}"),
        };
        refusals::image_not_found(state, repository, &image)
    })
}

pub fn by_digest<'a>(state: &'a State, repository: &RepositoryName, digest: &Digest) -> Option<&'a ImageRecord> {
    state.images.get(&keys::by_digest(repository, digest))
}

/// Returns what a tag points to.
pub fn tagged<'a>(state: &'a State, repository: &RepositoryName, tag: &ImageTag) -> Option<&'a Digest> {
    state.image_tags.get(&keys::by_tag(repository, tag)).map(|record| &record.digest)
}

/// Returns the images of a repository, by digest.
pub fn images<'a>(state: &'a State, repository: &RepositoryName) -> impl Iterator<Item = &'a ImageRecord> {
    state.images.under(&keys::of(repository)).map(|(_, image)| image)
}

/// Returns the tags of a repository in order, and what they point to.
pub fn tags<'a>(state: &'a State, repository: &RepositoryName) -> impl Iterator<Item = (&'a ImageTag, &'a Digest)> {
    state.image_tags.under(&keys::of(repository)).map(|(_, record)| (&record.tag, &record.digest))
}

/// Returns the tags of every image of a repository that has any.
pub fn tags_by_digest<'a>(state: &'a State, repository: &RepositoryName) -> BTreeMap<&'a Digest, Vec<&'a ImageTag>> {
    let mut found: BTreeMap<&Digest, Vec<&ImageTag>> = BTreeMap::new();
    for (tag, digest) in tags(state, repository) {
        found.entry(digest).or_default().push(tag);
    }
    found
}

/// Returns the tags that come after a text, in order.
pub fn tags_after<'a>(
    state: &'a State,
    repository: &RepositoryName,
    after: Option<&str>,
) -> impl Iterator<Item = &'a ImageTag> {
    let after = after.map(str::to_owned);
    let is_after = move |tag: &&ImageTag| after.as_deref().is_none_or(|after| tag.as_str() > after);
    tags(state, repository).map(|(tag, _)| tag).filter(is_after)
}

/// Returns the names of repositories that come after a text, in order.
pub fn repositories_after<'a>(state: &'a State, after: Option<&str>) -> impl Iterator<Item = &'a RepositoryName> {
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    state.repositories.range(from).map(|(_, repository)| &repository.name)
}

/// Records that an image was pulled, unless that was recorded a moment ago.
pub fn note_pull(tx: &mut Transaction<'_>, repository: &RepositoryName, digest: &Digest) {
    let now = tx.now;
    if let Some(image) = tx.state.images.get_mut(&keys::by_digest(repository, digest)) {
        image.pulled_at = Some(now);
    }
}

/// Tells whether a pull now is to be recorded.
pub fn is_pull_news(image: &ImageRecord, now: Timestamp) -> bool {
    image.pulled_at.is_none_or(|pulled| now.since(pulled) >= PULL_RECORDED_AFTER)
}
