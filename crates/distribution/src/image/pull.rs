//! Pulling an image into a layout: manifests first, then what they name, several blobs at once; the index of the layout last.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use seatrial_model::image::{Digest, ImageReference, Manifest};
use serde::Deserialize;
use tokio::task::spawn_blocking;

use super::layout::{Entry, Layout};
use super::platform::{Platform, PlatformChoice};
use super::{MANIFESTS_MAX, PARALLEL};
use crate::client::Client;
use crate::client::manifests::FetchedManifest;
use crate::error::DistributionError;
use crate::progress::{Advance, Progress};

/// The largest blob that is pulled: ECR's quota of a layer (52,000 MiB), to which an image that is built on it would have to be pushed.
const BLOB_BYTES_MAX: u64 = 52_000 * 1024 * 1024;

/// What was pulled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullReport {
    /// The image that the layout's index names: the one of the wanted platform, or the index of all.
    pub digest: Digest,
    pub blobs_pulled: usize,
    /// Blobs that the layout had.
    pub blobs_skipped: usize,
    /// Layers that are to be had elsewhere, and were left there.
    pub blobs_elsewhere: usize,
    /// The bytes of the blobs that were pulled.
    pub bytes: u64,
}

/// The children of an index, with what they run on.
#[derive(Deserialize)]
struct Variants {
    #[serde(default)]
    manifests: Vec<Variant>,
}

#[derive(Deserialize)]
struct Variant {
    digest: Digest,
    platform: Option<Platform>,
}

/// The manifests of an image, as far as they are pulled.
#[derive(Default)]
struct Found {
    manifests: Vec<FetchedManifest>,
    /// With their sizes.
    blobs: BTreeMap<Digest, u64>,
    elsewhere: BTreeSet<Digest>,
}

impl Client {
    /// Pulls an image into a layout, which may have other images. Its tag becomes the image's name there.
    pub async fn pull_image(
        &self,
        reference: &ImageReference,
        choice: &PlatformChoice,
        layout: &Layout,
        progress: &Arc<dyn Progress>,
    ) -> Result<PullReport, DistributionError> {
        let doing = &format!("pull {}", self.named(reference));
        let root = self.choose(reference, choice, doing).await?;
        let entry = Entry {
            media_type: root.parse(doing)?.media_type.as_str().to_owned(),
            digest: root.digest.clone(),
            size: root.bytes.len() as u64,
            name: match reference {
                ImageReference::Tag(tag) => Some(tag.to_string()),
                ImageReference::Digest(_) => None,
            },
        };
        let found = self.collect(root, doing).await?;
        if let Some((digest, _)) = found.blobs.iter().find(|(_, size)| **size > BLOB_BYTES_MAX) {
            let what = format!("the blob {digest}");
            return Err(DistributionError::TooLarge { doing: doing.clone(), what, limit: BLOB_BYTES_MAX });
        }
        let mut report = PullReport {
            digest: entry.digest.clone(),
            blobs_pulled: 0,
            blobs_skipped: 0,
            blobs_elsewhere: found.elsewhere.len(),
            bytes: 0,
        };
        let pulls = found.blobs.into_iter().map(|(digest, size)| async move {
            let was_there = self.pull_into(layout, &digest, size, doing, progress).await?;
            Ok::<_, DistributionError>((was_there, size))
        });
        let mut pulls = stream::iter(pulls).buffer_unordered(PARALLEL);
        while let Some((was_there, size)) = pulls.try_next().await? {
            if was_there {
                report.blobs_skipped += 1;
            } else {
                report.blobs_pulled += 1;
                report.bytes += size;
            }
        }
        drop(pulls);
        on_disk(layout, doing, move |layout| {
            for manifest in &found.manifests {
                layout.put(&manifest.digest, &manifest.bytes)?;
            }
            layout.name(&entry)
        })
        .await?;
        Ok(report)
    }

    /// Finds the manifest to begin with: what is named, or the one of the wanted platform in it.
    async fn choose(
        &self,
        reference: &ImageReference,
        choice: &PlatformChoice,
        doing: &str,
    ) -> Result<FetchedManifest, DistributionError> {
        let named = self.require(reference).await?;
        let (PlatformChoice::One(wanted), true) = (choice, named.parse(doing)?.media_type.is_index()) else {
            return Ok(named);
        };
        // It was parsed as an index; members it may leave out can still be wrong.
        let variants: Variants = serde_json::from_slice(&named.bytes)
            .map_err(|error| self.odd(doing, format!("an index that cannot be read: {error}")))?;
        let fitting = variants
            .manifests
            .iter()
            .find(|variant| variant.platform.as_ref().is_some_and(|platform| wanted.takes(platform)));
        let Some(fitting) = fitting else {
            let has: Vec<String> =
                variants.manifests.iter().filter_map(|variant| Some(variant.platform.as_ref()?.to_string())).collect();
            return Err(DistributionError::PlatformUnknown {
                image: format!("{}/{}", self.registry(), self.named(reference)),
                wanted: wanted.to_string(),
                has: if has.is_empty() { "none that says what it is for".to_owned() } else { has.join(", ") },
            });
        };
        self.require(&ImageReference::Digest(fitting.digest.clone())).await
    }

    /// Fetches the manifests below one, each once.
    async fn collect(&self, root: FetchedManifest, doing: &str) -> Result<Found, DistributionError> {
        let mut found = Found::default();
        let mut seen = BTreeSet::from([root.digest.clone()]);
        let mut unread = vec![root];
        while let Some(fetched) = unread.pop() {
            let manifest = fetched.parse(doing)?;
            for child in &manifest.children {
                if !seen.insert(child.digest.clone()) {
                    continue;
                }
                if seen.len() > MANIFESTS_MAX {
                    return Err(self.odd(doing, format!("an image of more than {MANIFESTS_MAX} manifests")));
                }
                unread.push(self.require(&ImageReference::Digest(child.digest.clone())).await?);
            }
            found.add(&manifest);
            found.manifests.push(fetched);
        }
        Ok(found)
    }

    /// Pulls a blob, unless the layout has it; tells whether it had.
    async fn pull_into(
        &self,
        layout: &Layout,
        digest: &Digest,
        size: u64,
        doing: &str,
        progress: &Arc<dyn Progress>,
    ) -> Result<bool, DistributionError> {
        let begun = on_disk(layout, doing, {
            let digest = digest.clone();
            move |layout| if layout.has(&digest, size)? { Ok(None) } else { layout.begin(&digest).map(Some) }
        });
        let Some(begun) = begun.await? else {
            progress.advance(Advance { blob: digest, done: size, total: size });
            return Ok(true);
        };
        let (path, file) = (begun.path().to_owned(), begun.reopen());
        let file = file.map_err(|source| write_error(doing, path.clone(), source))?;
        self.pull_blob(digest, size, file, &path, progress).await?;
        let digest = digest.clone();
        on_disk(layout, doing, move |layout| layout.keep(begun, &digest)).await?;
        Ok(false)
    }

    fn odd(&self, doing: &str, what: String) -> DistributionError {
        DistributionError::Protocol { host: self.registry().to_string(), doing: doing.to_owned(), what }
    }

    async fn require(&self, reference: &ImageReference) -> Result<FetchedManifest, DistributionError> {
        let unknown = || DistributionError::ImageUnknown {
            registry: self.registry().to_string(),
            repository: self.repository().to_string(),
            image: reference.to_string(),
        };
        self.manifest(reference).await?.ok_or_else(unknown)
    }
}

impl Found {
    fn add(&mut self, manifest: &Manifest) {
        for part in manifest.config.iter().chain(&manifest.layers) {
            if part.urls.is_empty() {
                self.blobs.insert(part.digest.clone(), part.size);
            } else {
                self.elsewhere.insert(part.digest.clone());
            }
        }
    }
}

/// Does something with a layout off the threads that serve connections.
async fn on_disk<T: Send + 'static>(
    layout: &Layout,
    doing: &str,
    work: impl FnOnce(&Layout) -> io::Result<T> + Send + 'static,
) -> Result<T, DistributionError> {
    let owned = layout.clone();
    let done = spawn_blocking(move || work(&owned)).await;
    let done = done.map_err(|source| DistributionError::Internal { doing: doing.to_owned(), source })?;
    done.map_err(|source| write_error(doing, layout.directory().to_owned(), source))
}

fn write_error(doing: &str, path: PathBuf, source: io::Error) -> DistributionError {
    DistributionError::Write { doing: doing.to_owned(), path, source }
}
