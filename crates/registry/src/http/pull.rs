//! Blobs to clients: whole or in part. Deleting them.

use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderValue, RANGE};
use http::{Method, Response, StatusCode};
use seatrial_model::image::{Digest, RepositoryName};

use super::answer::{self, AnswerBody, CONTENT_DIGEST};
use super::range::Wanted;
use super::refusal::{Code, Refusal};
use super::{Asked, Registry, body};

impl Registry {
    pub(super) async fn send_blob(
        &self,
        asked: &Asked,
        repository: RepositoryName,
        digest: Digest,
    ) -> Result<Response<AnswerBody>, Refusal> {
        let wanted = digest.clone();
        let is_there = self.catalog(move |catalog| Ok(catalog.blob(&repository, &wanted)?.is_some())).await?;
        let unknown = || Refusal::new(Code::BlobUnknown, "The repository has no blob with this digest.");
        if !is_there {
            return Err(unknown());
        }
        let wanted = digest.clone();
        let blob = self.storage(move |storage| Ok(storage.blobs.find(&wanted)?)).await?;
        let Some(blob) = blob else {
            tracing::error!(%digest, "a blob that a repository has is not in the storage");
            return Err(unknown());
        };
        let size = blob.size;
        let range = asked.head.headers.get(RANGE).and_then(|value| value.to_str().ok());
        let (status, first, length) = match Wanted::parse(range, size) {
            Wanted::All => (StatusCode::OK, 0, size),
            Wanted::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
            Wanted::Unsatisfiable => {
                let refusal = Refusal::new(Code::RangeUnsatisfiable, format!("The blob has {size} bytes."));
                return Err(refusal.with_header(CONTENT_RANGE, &format!("bytes */{size}")));
            }
        };
        let mut response = answer::empty(status);
        if asked.method == Method::GET {
            *response.body_mut() = body::send(blob, first, length);
        }
        if status == StatusCode::PARTIAL_CONTENT {
            let range = format!("bytes {first}-{}/{size}", first + length - 1);
            answer::set(&mut response, CONTENT_RANGE, &range);
        }
        answer::set(&mut response, CONTENT_DIGEST, digest.as_str());
        let headers = response.headers_mut();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        Ok(response)
    }

    pub(super) async fn delete_blob(
        &self,
        repository: RepositoryName,
        digest: Digest,
    ) -> Result<Response<AnswerBody>, Refusal> {
        // The bytes go when they are swept: another repository may have them.
        self.catalog(move |catalog| Ok(catalog.remove_blob(&repository, &digest)?)).await?;
        Ok(answer::empty(StatusCode::ACCEPTED))
    }
}
