//! What nobody names any more.
//!
//! Two steps, each safe at any time. First blobs leave repositories none of whose images name them, after a grace period in which a
//! push may be about to name them ([`drop_loose_blobs`]). Then bytes that no row names can go, if they are older than the same grace
//! period ([`is_named`]): a push stores bytes before it names them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use seatrial_model::image::{Digest, RepositoryName};

use super::records::ImageBlob;
use crate::state::State;
use crate::transaction::Transaction;

/// How long a blob is kept without an image that names it: longer than any push between its first blob and its manifest, and than a
/// client that was told of a blob takes to use it.
pub const GRACE_PERIOD: Duration = Duration::from_secs(2 * 3600);

/// Takes blobs that no image names from their repositories; returns how many.
pub fn drop_loose_blobs(tx: &mut Transaction<'_>) -> usize {
    let grace = tx.scale.apply(GRACE_PERIOD);
    let mut named: BTreeMap<&RepositoryName, BTreeSet<&Digest>> = BTreeMap::new();
    for image in tx.state.images.values() {
        named.entry(&image.repository).or_default().extend(image.manifest.contents());
    }
    let is_loose = |blob: &ImageBlob| {
        let is_named = named.get(&blob.repository).is_some_and(|digests| digests.contains(&blob.digest));
        !is_named && tx.now.since(blob.loose_since) > grace
    };
    let loose: Vec<String> =
        tx.state.image_blobs.iter().filter(|(_, blob)| is_loose(blob)).map(|(key, _)| key.clone()).collect();
    for key in &loose {
        tx.state.image_blobs.remove(key);
    }
    loose.len()
}

/// Returns every digest under which bytes are needed.
pub fn named(state: &State) -> BTreeSet<&Digest> {
    let manifests = state.images.values().map(|image| &image.digest);
    state.image_blobs.values().map(|blob| &blob.digest).chain(manifests).collect()
}
