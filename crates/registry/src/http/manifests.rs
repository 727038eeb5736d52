//! Manifests: to clients, from clients, and away.

use std::fmt::Display;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};
use http_body::Body;
use seatrial_model::image::{Algorithm, ImageReference, InvalidManifest, MANIFEST_BYTES_MAX, Manifest, RepositoryName};

use super::answer::{self, AnswerBody, CONTENT_DIGEST};
use super::refusal::{Code, Refusal};
use super::{Asked, Registry, blocking, body};
use crate::catalog::NewImage;
use crate::storage::digest_of;

/// Tells a client that pushed an image with a subject that its referrers are listed.
const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

impl Registry {
    pub(super) async fn send_manifest(
        &self,
        asked: &Asked,
        repository: RepositoryName,
        name: String,
    ) -> Result<Response<AnswerBody>, Refusal> {
        let reference = known(&name)?;
        let is_pull = asked.method == Method::GET;
        let image = self
            .catalog(move |catalog| {
                let image = catalog.image(&repository, &reference)?;
                if is_pull {
                    catalog.note_pull(&repository, &image.digest)?;
                }
                Ok(image)
            })
            .await?;
        let mut response = answer::empty(StatusCode::OK);
        if is_pull {
            let digest = image.digest.clone();
            let bytes = self.storage(move |storage| Ok(storage.blobs.read(&digest)?)).await?;
            let Some(bytes) = bytes else {
                tracing::error!(digest = %image.digest, "a manifest that a repository has is not in the storage");
                return Err(unknown(&name));
            };
            *response.body_mut() = answer::full(bytes);
        }
        answer::set(&mut response, CONTENT_DIGEST, image.digest.as_str());
        let headers = response.headers_mut();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(image.size));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(image.media_type.as_str()));
        Ok(response)
    }

    pub(super) async fn put_manifest<B>(
        &self,
        asked: &Asked,
        repository: RepositoryName,
        name: String,
        body: B,
    ) -> Result<Response<AnswerBody>, Refusal>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Display,
    {
        let reference =
            ImageReference::parse(&name).map_err(|error| Refusal::new(Code::ManifestInvalid, error.to_string()))?;
        let bytes = body::collect(body, MANIFEST_BYTES_MAX, Code::ManifestTooLarge).await?;
        let content_type = asked.head.headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?").to_owned());
        let (registry, now) = (self.clone(), self.catalog.now());
        let name = repository.clone();
        let (digest, subject) = blocking(move || {
            let manifest = Manifest::parse(&bytes, content_type.as_deref())?;
            let (digest, tag) = match &reference {
                ImageReference::Tag(tag) => (digest_of(Algorithm::Sha256, &bytes), Some(tag)),
                ImageReference::Digest(named) => (digest_of(named.algorithm(), &bytes), None),
            };
            if let ImageReference::Digest(named) = &reference
                && *named != digest
            {
                let text = format!("The manifest that was sent has the digest {digest}.");
                return Err(Refusal::new(Code::DigestInvalid, text));
            }
            // The bytes are durable before a row names them.
            registry.storage.blobs.put(&digest, &bytes, now)?;
            let subject = manifest.subject.clone();
            let image = NewImage { digest: digest.clone(), size: bytes.len() as u64, manifest };
            registry.catalog.put_image(&name, image, tag)?;
            Ok((digest, subject))
        })
        .await?;
        let mut response = answer::created(&format!("/v2/{repository}/manifests/{digest}"), &digest);
        if let Some(subject) = subject {
            answer::set(&mut response, SUBJECT, subject.as_str());
        }
        Ok(response)
    }

    pub(super) async fn delete_manifest(
        &self,
        repository: RepositoryName,
        name: String,
    ) -> Result<Response<AnswerBody>, Refusal> {
        let reference = known(&name)?;
        self.catalog(move |catalog| Ok(catalog.remove_image(&repository, &reference)?)).await?;
        Ok(answer::empty(StatusCode::ACCEPTED))
    }
}

/// Reads the name of an image that must be there: under a wrong name there is none.
fn known(name: &str) -> Result<ImageReference, Refusal> {
    ImageReference::parse(name).map_err(|_| unknown(name))
}

fn unknown(name: &str) -> Refusal {
    let shown: String = name.chars().take(140).collect();
    Refusal::new(Code::ManifestUnknown, format!("The repository has no image {shown}."))
}

impl From<InvalidManifest> for Refusal {
    fn from(error: InvalidManifest) -> Self {
        let code = match error {
            InvalidManifest::TooLarge(_) => Code::ManifestTooLarge,
            InvalidManifest::Malformed(_)
            | InvalidManifest::UnknownType(_)
            | InvalidManifest::TypeMismatch { .. }
            | InvalidManifest::SchemaVersion(_)
            | InvalidManifest::Missing(_)
            | InvalidManifest::Ambiguous
            | InvalidManifest::TooManyReferences(_) => Code::ManifestInvalid,
        };
        Refusal::new(code, error.to_string())
    }
}
