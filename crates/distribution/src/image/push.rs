//! Pushing an image: blobs first, several at once; then manifests, each after what it names; tags last. What is there is left.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use seatrial_model::image::{Digest, ImageReference, ImageTag};
use tokio::task::spawn_blocking;

use super::order::{OrderError, Ordered, order};
use super::source::ImageSource;
use super::{MANIFESTS_MAX, PARALLEL};
use crate::client::Client;
use crate::client::push_blob::{Blob, Pushed};
use crate::error::DistributionError;
use crate::progress::Progress;
use crate::reference::RepositoryPath;

/// What is to be pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImagePush {
    /// The image: an image manifest or an index.
    pub digest: Digest,
    /// Manifests that refer to it or to a part of it, such as signatures.
    pub referrers: Vec<Digest>,
    /// The tags that the image is to have.
    pub tags: Vec<ImageTag>,
    /// A repository of the same registry that may have some of the blobs, such as that of the base image.
    pub mount_from: Option<RepositoryPath>,
}

/// What was pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushReport {
    pub digest: Digest,
    pub blobs_uploaded: usize,
    pub blobs_skipped: usize,
    pub blobs_mounted: usize,
    pub manifests_pushed: usize,
    pub manifests_skipped: usize,
    /// Tags that point to the image now and did not before.
    pub tags_set: usize,
    /// The bytes of the blobs that were uploaded.
    pub bytes: u64,
}

impl Client {
    /// Pushes an image. Done twice, the second time finds everything there. An image that fails halfway has no tag yet.
    pub async fn push_image(
        &self,
        source: Arc<dyn ImageSource>,
        push: &ImagePush,
        progress: &Arc<dyn Progress>,
    ) -> Result<PushReport, DistributionError> {
        let doing = format!("push {}", self.named(&ImageReference::Digest(push.digest.clone())));
        let manifests = self.read_manifests(&source, push, &doing).await?;
        let mut report = PushReport::of(push.digest.clone());
        let mut blobs = BTreeMap::new();
        for blob in manifests.iter().flat_map(pushable) {
            blobs.insert(blob.0, blob.1);
        }
        let doing = &doing;
        let pushes = blobs.into_iter().map(|(digest, size)| {
            let source = Arc::clone(&source);
            async move {
                let blob = open(source, digest, size, doing).await?;
                let pushed = self.push_blob(&blob, push.mount_from.as_ref(), progress).await?;
                Ok::<_, DistributionError>((pushed, blob.size))
            }
        });
        let mut pushed = stream::iter(pushes).buffer_unordered(PARALLEL);
        while let Some((pushed, size)) = pushed.try_next().await? {
            report.count(pushed, size);
        }
        drop(pushed);
        self.push_manifests(&manifests, push, &mut report).await?;
        Ok(report)
    }

    async fn push_manifests(
        &self,
        manifests: &[Ordered],
        push: &ImagePush,
        report: &mut PushReport,
    ) -> Result<(), DistributionError> {
        for Ordered { digest, bytes, manifest } in manifests {
            let reference = ImageReference::Digest(digest.clone());
            if self.head_before_push(&reference).await?.is_some() {
                report.manifests_skipped += 1;
                continue;
            }
            self.put_manifest(&reference, manifest.media_type.as_str(), bytes.clone().into()).await?;
            report.manifests_pushed += 1;
        }
        let root = manifests.iter().find(|ordered| ordered.digest == push.digest);
        let root = root.expect("the image itself is among what was put in order");
        for tag in &push.tags {
            let reference = ImageReference::Tag(tag.clone());
            // A tag that may not be moved may be where it is wanted.
            if self.head_before_push(&reference).await?.is_some_and(|head| head.digest == push.digest) {
                continue;
            }
            self.put_manifest(&reference, root.manifest.media_type.as_str(), root.bytes.clone().into()).await?;
            report.tags_set += 1;
        }
        Ok(())
    }

    async fn read_manifests(
        &self,
        source: &Arc<dyn ImageSource>,
        push: &ImagePush,
        doing: &str,
    ) -> Result<Vec<Ordered>, DistributionError> {
        let roots: Vec<Digest> = std::iter::once(&push.digest).chain(&push.referrers).cloned().collect();
        let source = Arc::clone(source);
        let ordered = spawn_blocking(move || order(&*source, &roots)).await;
        let ordered = ordered.map_err(|source| DistributionError::Internal { doing: doing.to_owned(), source })?;
        ordered.map_err(|error| explain(error, doing))
    }
}

impl PushReport {
    fn of(digest: Digest) -> Self {
        PushReport {
            digest,
            blobs_uploaded: 0,
            blobs_skipped: 0,
            blobs_mounted: 0,
            manifests_pushed: 0,
            manifests_skipped: 0,
            tags_set: 0,
            bytes: 0,
        }
    }

    fn count(&mut self, pushed: Pushed, size: u64) {
        match pushed {
            Pushed::Uploaded => {
                self.blobs_uploaded += 1;
                self.bytes += size;
            }
            Pushed::Skipped => self.blobs_skipped += 1,
            Pushed::Mounted => self.blobs_mounted += 1,
        }
    }
}

/// Returns the blobs of a manifest that have to be in the registry: layers that are to be had elsewhere do not.
fn pushable(ordered: &Ordered) -> impl Iterator<Item = (Digest, u64)> {
    let wanted = ordered.manifest.blobs();
    let parts = ordered.manifest.config.iter().chain(&ordered.manifest.layers);
    parts.filter(move |part| wanted.contains(&&part.digest)).map(|part| (part.digest.clone(), part.size))
}

/// Looks whether the source has a blob as its manifest describes it, before anything is sent.
async fn open(source: Arc<dyn ImageSource>, digest: Digest, size: u64, doing: &str) -> Result<Blob, DistributionError> {
    let unreadable = |source| DistributionError::Source { doing: doing.to_owned(), source };
    let opening = spawn_blocking({
        let (source, digest) = (Arc::clone(&source), digest.clone());
        move || source.open_blob(&digest)
    });
    let opened = opening.await.map_err(|source| DistributionError::Internal { doing: doing.to_owned(), source })?;
    let (_, actual) = opened.map_err(|error| unreadable(with_name(&digest, error)))?;
    if actual != size {
        let text = format!("the blob {digest} has {actual} bytes and not {size}, as its manifest says");
        return Err(unreadable(std::io::Error::new(std::io::ErrorKind::InvalidData, text)));
    }
    let open = {
        let digest = digest.clone();
        Arc::new(move || source.open_blob(&digest).map(|(file, _)| file))
    };
    Ok(Blob { digest, size, open })
}

fn with_name(digest: &Digest, error: std::io::Error) -> std::io::Error {
    std::io::Error::new(error.kind(), format!("{digest}: {error}"))
}

fn explain(error: OrderError, doing: &str) -> DistributionError {
    let doing = doing.to_owned();
    match error {
        OrderError::Unreadable(digest, error) => DistributionError::Source { doing, source: with_name(&digest, error) },
        OrderError::Invalid(digest, source) => DistributionError::Manifest { doing, digest, source },
        OrderError::WrongDigest { expected, actual } => {
            DistributionError::DigestMismatch { doing, expected, actual: Some(actual) }
        }
        OrderError::TooMany => {
            let what = format!("an image of more than {MANIFESTS_MAX} manifests");
            let source = std::io::Error::new(std::io::ErrorKind::InvalidData, what);
            DistributionError::Source { doing, source }
        }
    }
}
