//! Manifests: looked for, fetched, put.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use http::{Method, StatusCode};
use seatrial_model::image::{Algorithm, Descriptor, Digest, ImageReference, MANIFEST_BYTES_MAX, Manifest, MediaType};

use super::Client;
use crate::error::DistributionError;
use crate::transport::call::{Answered, Call, Payload};
use crate::transport::protocol;
use seatrial_image::hash::digest_of;

/// By this header a registry tells which digest something has.
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// By this header a registry of the protocol 1.1 tells that it keeps a list of what refers to a subject. Not all that keep one tell.
const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// A manifest that was fetched. Its bytes have its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedManifest {
    pub digest: Digest,
    pub media_type: String,
    pub bytes: Bytes,
}

/// What is known of a manifest that was only looked for. The digest is the registry's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestHead {
    pub digest: Digest,
    pub media_type: String,
}

impl FetchedManifest {
    /// Reads what the manifest names.
    pub fn parse(&self, doing: &str) -> Result<Manifest, DistributionError> {
        let kind = (!self.media_type.is_empty()).then_some(self.media_type.as_str());
        Manifest::parse(&self.bytes, kind).map_err(|source| DistributionError::Manifest {
            doing: doing.to_owned(),
            digest: self.digest.clone(),
            source,
        })
    }
}

impl Client {
    /// Fetches a manifest; `None` when the repository has none of this name, or is not there itself.
    pub async fn manifest(&self, reference: &ImageReference) -> Result<Option<FetchedManifest>, DistributionError> {
        let call = self.ask_manifest(Method::GET, reference);
        let answered = self.transport.ask(&call, &[StatusCode::OK, StatusCode::NOT_FOUND]).await?;
        if answered.status == StatusCode::NOT_FOUND {
            self.transport.drain(answered).await;
            return Ok(None);
        }
        let (media_type, told) = (media_type(&answered), told_digest(&answered));
        let bytes = self.transport.read(answered, "the manifest", MANIFEST_BYTES_MAX).await?;
        let expected = match reference {
            ImageReference::Digest(digest) => Some(digest.clone()),
            ImageReference::Tag(_) => told,
        };
        let algorithm = expected.as_ref().map_or(Algorithm::Sha256, Digest::algorithm);
        let digest = digest_of(algorithm, &bytes);
        if let Some(expected) = expected.filter(|expected| *expected != digest) {
            return Err(DistributionError::DigestMismatch { doing: call.doing, expected, actual: Some(digest) });
        }
        Ok(Some(FetchedManifest { digest, media_type, bytes: bytes.into() }))
    }

    /// Looks whether there is a manifest.
    pub async fn head_manifest(&self, reference: &ImageReference) -> Result<Option<ManifestHead>, DistributionError> {
        self.head_with(self.ask_manifest(Method::HEAD, reference), reference).await
    }

    /// Looks whether there is a manifest, with a token that can be used for pushing as well.
    pub(crate) async fn head_before_push(
        &self,
        reference: &ImageReference,
    ) -> Result<Option<ManifestHead>, DistributionError> {
        let reading = self.ask_manifest(Method::HEAD, reference);
        let call = Call { headers: reading.headers, ..self.writing(Method::HEAD, reading.target, reading.doing) };
        self.head_with(call, reference).await
    }

    /// Puts a manifest under a tag or its digest. What it names has to be there already.
    pub async fn put_manifest(
        &self,
        reference: &ImageReference,
        media_type: &str,
        bytes: Bytes,
    ) -> Result<(), DistributionError> {
        let subject = self.put(reference, media_type, bytes.clone()).await?;
        if subject.is_told {
            return Ok(());
        }
        // A manifest that cannot be read refers to nothing that could be listed.
        let Ok(manifest) = Manifest::parse(&bytes, Some(media_type)) else { return Ok(()) };
        let Some(of) = &manifest.subject else { return Ok(()) };
        if self.lists_referrers(of).await? {
            return Ok(());
        }
        let digest = match reference {
            ImageReference::Digest(digest) => digest.clone(),
            ImageReference::Tag(_) => digest_of(Algorithm::Sha256, &bytes),
        };
        let part = Descriptor { media_type: media_type.to_owned(), digest, size: bytes.len() as u64, urls: Vec::new() };
        self.list_in_tag(of, &part, &manifest).await
    }

    /// Puts a manifest and nothing else.
    pub(super) async fn put(
        &self,
        reference: &ImageReference,
        media_type: &str,
        bytes: Bytes,
    ) -> Result<Subject, DistributionError> {
        let doing = format!("push {}", self.named(reference));
        if bytes.len() > MANIFEST_BYTES_MAX {
            let what = "the manifest".to_owned();
            return Err(DistributionError::TooLarge { doing, what, limit: MANIFEST_BYTES_MAX as u64 });
        }
        let call = self
            .writing(Method::PUT, self.transport.address(&format!("manifests/{reference}")), doing)
            .header(CONTENT_TYPE, media_type)
            .payload(Payload::Bytes(bytes));
        let answered = self.transport.ask(&call, &[StatusCode::CREATED, StatusCode::OK, StatusCode::ACCEPTED]).await?;
        let subject = Subject { is_told: answered.headers.contains_key(&SUBJECT) };
        self.transport.drain(answered).await;
        Ok(subject)
    }

    async fn head_with(
        &self,
        call: Call,
        reference: &ImageReference,
    ) -> Result<Option<ManifestHead>, DistributionError> {
        let answered = self.transport.ask(&call, &[StatusCode::OK, StatusCode::NOT_FOUND]).await?;
        if answered.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let digest = match (told_digest(&answered), reference) {
            (Some(digest), _) => digest,
            (None, ImageReference::Digest(digest)) => digest.clone(),
            (None, ImageReference::Tag(_)) => {
                let fetched = self.manifest(reference).await?;
                let fetched = fetched.ok_or_else(|| protocol(&answered.from, &call.doing, "a tag that is gone"))?;
                return Ok(Some(ManifestHead { digest: fetched.digest, media_type: fetched.media_type }));
            }
        };
        Ok(Some(ManifestHead { digest, media_type: media_type(&answered) }))
    }

    fn ask_manifest(&self, method: Method, reference: &ImageReference) -> Call {
        let doing = format!("look for {}", self.named(reference));
        let call = self.reading(method, self.transport.address(&format!("manifests/{reference}")), doing);
        MediaType::ALL.into_iter().fold(call, |call, kind| call.header(ACCEPT, kind.as_str()))
    }

    /// Returns the name of an image for people, without its host.
    pub(crate) fn named(&self, reference: &ImageReference) -> String {
        match reference {
            ImageReference::Tag(tag) => format!("{}:{tag}", self.repository),
            ImageReference::Digest(digest) => format!("{}@{digest}", self.repository),
        }
    }
}

/// What a registry told of the subject of a manifest it was given.
pub(super) struct Subject {
    /// The registry lists what refers to the subject by itself.
    pub is_told: bool,
}

fn media_type(answered: &Answered) -> String {
    let text = answered.header(&CONTENT_TYPE).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_owned()
}

fn told_digest(answered: &Answered) -> Option<Digest> {
    answered.header(&CONTENT_DIGEST).and_then(|text| Digest::parse(text).ok())
}
