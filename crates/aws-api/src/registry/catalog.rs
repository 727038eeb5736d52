//! The engine's tables as the registry's catalogue.

use seatrial_engine::images::{blobs, deleting, finding, putting, refusals, repositories, tokens};
use seatrial_engine::{Engine, Refusal};
use seatrial_model::Timestamp;
use seatrial_model::image::{Digest, ImageReference, ImageTag, RepositoryName};
use seatrial_registry::{Catalog, CatalogError, Credential, NewImage, Referrer, StoredImage};

/// The repositories and images of an engine.
#[derive(Clone)]
pub struct EngineCatalog {
    engine: Engine,
}

impl EngineCatalog {
    pub fn new(engine: Engine) -> Self {
        EngineCatalog { engine }
    }
}

impl Catalog for EngineCatalog {
    fn now(&self) -> Timestamp {
        self.engine.now()
    }

    fn admits(&self, credential: &Credential) -> bool {
        let now = self.engine.now();
        self.engine.read(|state| tokens::admits(state, &credential.user, &credential.password, now))
    }

    fn has_repository(&self, repository: &RepositoryName) -> bool {
        self.engine.read(|state| repositories::find(state, repository).is_ok())
    }

    fn repositories(&self, after: Option<&str>, limit: usize) -> Vec<RepositoryName> {
        self.engine.read(|state| finding::repositories_after(state, after).take(limit).cloned().collect())
    }

    fn blob(&self, repository: &RepositoryName, digest: &Digest) -> Result<Option<u64>, CatalogError> {
        let (now, scale) = (self.engine.now(), self.engine.settings().scale);
        let found = self.engine.read(|state| {
            let blob = blobs::find(state, repository, digest)?;
            Some((blob.size, blobs::is_to_be_kept(state, blob, now, scale)))
        });
        match found {
            None => Ok(None),
            Some((size, false)) => Ok(Some(size)),
            Some((_, true)) => self
                .engine
                .transact(|tx| {
                    blobs::keep(tx, repository, digest);
                    Ok(blobs::find(tx.state, repository, digest).map(|blob| blob.size))
                })
                .map_err(translate),
        }
    }

    fn add_blob(&self, repository: &RepositoryName, digest: &Digest, size: u64) -> Result<(), CatalogError> {
        self.engine.transact(|tx| blobs::add(tx, repository, digest, size)).map_err(translate)
    }

    fn mount_blob(
        &self,
        repository: &RepositoryName,
        from: &RepositoryName,
        digest: &Digest,
    ) -> Result<bool, CatalogError> {
        self.engine.transact(|tx| blobs::mount(tx, repository, from, digest)).map_err(translate)
    }

    fn remove_blob(&self, repository: &RepositoryName, digest: &Digest) -> Result<(), CatalogError> {
        self.engine.transact(|tx| blobs::remove(tx, repository, digest)).map_err(translate)
    }

    fn image(&self, repository: &RepositoryName, reference: &ImageReference) -> Result<StoredImage, CatalogError> {
        let found = self.engine.read(|state| {
            let image = finding::find(state, repository, reference)?;
            let (digest, media_type) = (image.digest.clone(), image.manifest.media_type);
            Ok::<_, Refusal>(StoredImage { digest, media_type, size: image.size })
        });
        found.map_err(translate)
    }

    fn note_pull(&self, repository: &RepositoryName, digest: &Digest) -> Result<(), CatalogError> {
        let now = self.engine.now();
        let is_news = self.engine.read(|state| {
            finding::by_digest(state, repository, digest).is_some_and(|image| finding::is_pull_news(image, now))
        });
        if is_news {
            let noted = self.engine.transact(|tx| {
                finding::note_pull(tx, repository, digest);
                Ok(())
            });
            noted.map_err(translate)?;
        }
        Ok(())
    }

    fn put_image(
        &self,
        repository: &RepositoryName,
        image: NewImage,
        tag: Option<&ImageTag>,
    ) -> Result<(), CatalogError> {
        let NewImage { digest, size, manifest } = image;
        let image = putting::NewImage { digest, size, manifest };
        let put = self.engine.transact(|tx| putting::put(tx, repository, image, tag));
        put.map(drop).map_err(translate)
    }

    fn remove_image(&self, repository: &RepositoryName, reference: &ImageReference) -> Result<(), CatalogError> {
        let removed = self.engine.transact(|tx| {
            repositories::find(tx.state, repository)?;
            match reference {
                ImageReference::Digest(digest) => deleting::delete(tx, repository, digest).map(drop),
                ImageReference::Tag(tag) => deleting::untag(tx, repository, tag).map(drop),
            }
        });
        removed.map_err(translate)
    }

    fn tags(
        &self,
        repository: &RepositoryName,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ImageTag>, CatalogError> {
        let found = self.engine.read(|state| {
            repositories::find(state, repository)?;
            Ok::<_, Refusal>(finding::tags_after(state, repository, after).take(limit).cloned().collect())
        });
        found.map_err(translate)
    }

    fn referrers(&self, repository: &RepositoryName, subject: &Digest) -> Result<Vec<Referrer>, CatalogError> {
        let found = self.engine.read(|state| {
            repositories::find(state, repository)?;
            let images = finding::images(state, repository);
            let referrers = images.filter(|image| image.manifest.subject.as_ref() == Some(subject));
            let referrers = referrers.map(|image| Referrer {
                digest: image.digest.clone(),
                media_type: image.manifest.media_type,
                size: image.size,
                artifact_type: image.manifest.artifact_type.clone(),
                annotations: image.manifest.annotations.clone(),
            });
            Ok::<_, Refusal>(referrers.collect())
        });
        found.map_err(translate)
    }
}

/// Says in the registry's terms why the engine refused.
fn translate(refusal: Refusal) -> CatalogError {
    let variant = match refusal.code {
        refusals::REPOSITORY_NOT_FOUND => CatalogError::RepositoryUnknown,
        refusals::IMAGE_NOT_FOUND => CatalogError::ImageUnknown,
        refusals::BLOB_NOT_FOUND => CatalogError::BlobUnknown,
        refusals::LAYERS_NOT_FOUND | refusals::REFERENCED_IMAGES_NOT_FOUND => CatalogError::PartUnknown,
        refusals::TAG_ALREADY_EXISTS => CatalogError::TagImmutable,
        refusals::LIMIT_EXCEEDED => CatalogError::LimitExceeded,
        refusals::REFERENCED_BY_INDEX | refusals::BLOB_IN_USE => CatalogError::InUse,
        _ => CatalogError::Unavailable,
    };
    variant(refusal.message)
}
