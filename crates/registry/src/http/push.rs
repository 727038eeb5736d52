//! Blobs from clients: in one piece, in chunks, or from another repository.

use std::fmt::Display;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderName, HeaderValue, LOCATION, RANGE};
use http::{Response, StatusCode};
use http_body::Body;
use seatrial_model::image::{Digest, RepositoryName};

use super::answer::{self, AnswerBody};
use super::range::{ChunkRange, arrived};
use super::refusal::{Code, Refusal};
use super::{Asked, Registry, body};
use crate::limits::BLOB_BYTES_MAX;
use crate::storage::{Claim, UploadId};

const UPLOAD_ID: HeaderName = HeaderName::from_static("docker-upload-uuid");

impl Registry {
    /// Begins an upload, unless the blob is mounted from another repository or comes along whole.
    pub(super) async fn begin_upload<B>(
        &self,
        asked: &Asked,
        repository: RepositoryName,
        body: B,
    ) -> Result<Response<AnswerBody>, Refusal>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Display,
    {
        if let Some(mounted) = self.mount(asked, &repository).await? {
            return Ok(mounted);
        }
        let whole = asked.query.get("digest").map(parse_digest).transpose()?;
        let name = repository.clone();
        let begin = |now| move |storage: &crate::Storage| Ok(storage.uploads.begin(&name, now)?);
        let id = self.storage(begin(self.catalog.now())).await?;
        match whole {
            None => Ok(on_its_way(StatusCode::ACCEPTED, &repository, &id, 0)),
            Some(digest) => {
                let finished = self.write_and_finish(asked, &repository, &id, digest, body).await;
                if finished.is_err() {
                    // Nobody knows its id, so nobody could resume it.
                    let _ = self.storage(move |storage| Ok(storage.uploads.cancel(&repository, &id)?)).await;
                }
                finished
            }
        }
    }

    /// Mounts a blob if that is asked for and can be done. Otherwise the client uploads it.
    async fn mount(&self, asked: &Asked, repository: &RepositoryName) -> Result<Option<Response<AnswerBody>>, Refusal> {
        let Some(digest) = asked.query.get("mount").map(parse_digest).transpose()? else { return Ok(None) };
        let Some(from) = asked.query.get("from").and_then(|from| RepositoryName::parse(from).ok()) else {
            return Ok(None);
        };
        let (name, wanted) = (repository.clone(), digest.clone());
        let is_mounted = self.catalog(move |catalog| Ok(catalog.mount_blob(&name, &from, &wanted)?)).await?;
        Ok(is_mounted.then(|| answer::created(&blob_path(repository, &digest), &digest)))
    }

    pub(super) async fn tell_upload(
        &self,
        repository: RepositoryName,
        id: UploadId,
    ) -> Result<Response<AnswerBody>, Refusal> {
        let length = self.storage.uploads.length(&repository, &id)?;
        Ok(on_its_way(StatusCode::NO_CONTENT, &repository, &id, length))
    }

    pub(super) async fn continue_upload<B>(
        &self,
        asked: &Asked,
        repository: RepositoryName,
        id: UploadId,
        body: B,
    ) -> Result<Response<AnswerBody>, Refusal>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Display,
    {
        let claim = self.write(asked, &repository, &id, body).await?;
        Ok(on_its_way(StatusCode::ACCEPTED, &repository, &id, claim.length()))
    }

    pub(super) async fn finish_upload<B>(
        &self,
        asked: &Asked,
        repository: RepositoryName,
        id: UploadId,
        body: B,
    ) -> Result<Response<AnswerBody>, Refusal>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Display,
    {
        let digest = asked.query.get("digest").ok_or_else(|| {
            Refusal::new(Code::DigestInvalid, "The parameter digest must say what the upload is to be.")
        })?;
        self.write_and_finish(asked, &repository, &id, parse_digest(digest)?, body).await
    }

    pub(super) async fn cancel_upload(
        &self,
        repository: RepositoryName,
        id: UploadId,
    ) -> Result<Response<AnswerBody>, Refusal> {
        self.storage(move |storage| Ok(storage.uploads.cancel(&repository, &id)?)).await?;
        Ok(answer::empty(StatusCode::NO_CONTENT))
    }

    async fn write_and_finish<B>(
        &self,
        asked: &Asked,
        repository: &RepositoryName,
        id: &UploadId,
        digest: Digest,
        body: B,
    ) -> Result<Response<AnswerBody>, Refusal>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Display,
    {
        let claim = self.write(asked, repository, id, body).await?;
        let (named, now) = (digest.clone(), self.catalog.now());
        // The bytes are durable before the repository names them.
        let size = self.storage(move |_| Ok(claim.finish(&named, now)?)).await?;
        let (name, added) = (repository.clone(), digest.clone());
        self.catalog(move |catalog| Ok(catalog.add_blob(&name, &added, size)?)).await?;
        Ok(answer::created(&blob_path(repository, &digest), &digest))
    }

    /// Writes a body at the end of an upload, if that is where it says it belongs.
    async fn write<B>(
        &self,
        asked: &Asked,
        repository: &RepositoryName,
        id: &UploadId,
        body: B,
    ) -> Result<Claim, Refusal>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Display,
    {
        let (name, upload, now) = (repository.clone(), id.clone(), self.catalog.now());
        let claim = self.storage(move |storage| Ok(storage.uploads.claim(&name, &upload, now)?)).await?;
        let limit = check_order(asked, &claim).map_err(|refusal| tell_progress(refusal, repository, id, &claim))?;
        body::receive(body, claim, limit).await
    }
}

/// Checks where a chunk says it belongs; returns how long it may be.
fn check_order(asked: &Asked, claim: &Claim) -> Result<u64, Refusal> {
    let header = |name| asked.head.headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
    let room = BLOB_BYTES_MAX.saturating_sub(claim.length());
    let announced = header(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| length > room) {
        return Err(crate::storage::UploadError::TooLarge.into());
    }
    let Some(range) = header(CONTENT_RANGE) else { return Ok(room) };
    let range = ChunkRange::parse(range).ok_or_else(|| {
        Refusal::new(Code::ChunkOutOfOrder, "The header Content-Range must be the first and the last byte: 0-99.")
    })?;
    if range.first != claim.length() {
        let text = format!("The upload has {} bytes; the next chunk must begin there.", claim.length());
        return Err(Refusal::new(Code::ChunkOutOfOrder, text));
    }
    if announced.is_some_and(|length| length != range.length()) {
        let text = "The headers Content-Range and Content-Length do not agree.";
        return Err(Refusal::new(Code::SizeInvalid, text));
    }
    Ok(room.min(range.length()))
}

/// Tells a client whose chunk is refused where to go on.
fn tell_progress(refusal: Refusal, repository: &RepositoryName, id: &UploadId, claim: &Claim) -> Refusal {
    refusal
        .with_header(LOCATION, &upload_path(repository, id))
        .with_header(RANGE, &arrived(claim.length()))
        .with_header(UPLOAD_ID, id.as_str())
}

fn on_its_way(status: StatusCode, repository: &RepositoryName, id: &UploadId, length: u64) -> Response<AnswerBody> {
    let mut response = answer::empty(status);
    answer::set(&mut response, LOCATION, &upload_path(repository, id));
    answer::set(&mut response, RANGE, &arrived(length));
    answer::set(&mut response, UPLOAD_ID, id.as_str());
    response
}

fn upload_path(repository: &RepositoryName, id: &UploadId) -> String {
    format!("/v2/{repository}/blobs/uploads/{id}")
}

fn blob_path(repository: &RepositoryName, digest: &Digest) -> String {
    format!("/v2/{repository}/blobs/{digest}")
}

fn parse_digest(text: &str) -> Result<Digest, Refusal> {
    Digest::parse(text).map_err(|error| Refusal::new(Code::DigestInvalid, error.to_string()))
}
