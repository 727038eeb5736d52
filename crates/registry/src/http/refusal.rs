//! Every error a client can get, in the protocol's own form.

use std::fmt;
use std::io;

use http::header::{CONNECTION, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use seatrial_model::image::RepositoryName;
use serde_json::json;

use super::answer::{self, AnswerBody};
use crate::catalog::CatalogError;
use crate::storage::UploadError;

/// The codes of the protocol, and a few that Docker's registry has beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    BlobUnknown,
    BlobUploadInvalid,
    BlobUploadUnknown,
    /// Chunks out of order; the header `Range` says what has arrived.
    ChunkOutOfOrder,
    Denied,
    /// Something that an image names is not deleted: the status by which the specification says that a deletion is not to be had.
    DeletionDenied,
    DigestInvalid,
    Internal,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestTooLarge,
    ManifestUnknown,
    MethodNotAllowed,
    NameInvalid,
    NameUnknown,
    NotFound,
    PaginationNumberInvalid,
    RangeUnsatisfiable,
    RequestTimeout,
    SizeInvalid,
    StorageFull,
    TagInvalid,
    TooManyRequests,
    Unauthorized,
    Unsupported,
    /// Another request is writing to the upload, or has just ended; soon it is free.
    UploadBusy,
}

impl Code {
    const fn parts(self) -> (&'static str, StatusCode) {
        match self {
            Code::BlobUnknown => ("BLOB_UNKNOWN", StatusCode::NOT_FOUND),
            Code::BlobUploadInvalid => ("BLOB_UPLOAD_INVALID", StatusCode::BAD_REQUEST),
            Code::BlobUploadUnknown => ("BLOB_UPLOAD_UNKNOWN", StatusCode::NOT_FOUND),
            Code::ChunkOutOfOrder => ("BLOB_UPLOAD_INVALID", StatusCode::RANGE_NOT_SATISFIABLE),
            Code::Denied => ("DENIED", StatusCode::FORBIDDEN),
            Code::DeletionDenied => ("DENIED", StatusCode::METHOD_NOT_ALLOWED),
            Code::DigestInvalid => ("DIGEST_INVALID", StatusCode::BAD_REQUEST),
            Code::Internal => ("UNKNOWN", StatusCode::INTERNAL_SERVER_ERROR),
            Code::ManifestBlobUnknown => ("MANIFEST_BLOB_UNKNOWN", StatusCode::BAD_REQUEST),
            Code::ManifestInvalid => ("MANIFEST_INVALID", StatusCode::BAD_REQUEST),
            Code::ManifestTooLarge => ("MANIFEST_INVALID", StatusCode::PAYLOAD_TOO_LARGE),
            Code::ManifestUnknown => ("MANIFEST_UNKNOWN", StatusCode::NOT_FOUND),
            Code::MethodNotAllowed => ("UNSUPPORTED", StatusCode::METHOD_NOT_ALLOWED),
            Code::NameInvalid => ("NAME_INVALID", StatusCode::BAD_REQUEST),
            Code::NameUnknown => ("NAME_UNKNOWN", StatusCode::NOT_FOUND),
            Code::NotFound => ("UNSUPPORTED", StatusCode::NOT_FOUND),
            Code::PaginationNumberInvalid => ("PAGINATION_NUMBER_INVALID", StatusCode::BAD_REQUEST),
            Code::RangeUnsatisfiable => ("RANGE_INVALID", StatusCode::RANGE_NOT_SATISFIABLE),
            Code::RequestTimeout => ("BLOB_UPLOAD_INVALID", StatusCode::REQUEST_TIMEOUT),
            Code::SizeInvalid => ("SIZE_INVALID", StatusCode::BAD_REQUEST),
            Code::StorageFull => ("UNKNOWN", StatusCode::INSUFFICIENT_STORAGE),
            Code::TagInvalid => ("TAG_INVALID", StatusCode::BAD_REQUEST),
            Code::TooManyRequests => ("TOOMANYREQUESTS", StatusCode::TOO_MANY_REQUESTS),
            Code::Unauthorized => ("UNAUTHORIZED", StatusCode::UNAUTHORIZED),
            Code::Unsupported => ("UNSUPPORTED", StatusCode::BAD_REQUEST),
            Code::UploadBusy => ("BLOB_UPLOAD_INVALID", StatusCode::SERVICE_UNAVAILABLE),
        }
    }

    /// Returns after how many seconds the same request may be welcome.
    fn retry_after(self) -> Option<u16> {
        [(Code::TooManyRequests, 60), (Code::UploadBusy, 1)]
            .into_iter()
            .find_map(|(code, seconds)| (code == self).then_some(seconds))
    }
}

/// A request that is refused.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    code: Code,
    message: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Refusal { code, message: message.into(), headers: Vec::new() }
    }

    /// Adds a header, unless its value cannot be one.
    pub fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.extend(HeaderValue::from_str(value).map(|value| (name, value)));
        self
    }

    pub fn unauthorized(message: &str) -> Self {
        Refusal::new(Code::Unauthorized, message).with_header(WWW_AUTHENTICATE, "Basic realm=\"seatrial\"")
    }

    pub fn repository_unknown(repository: &RepositoryName) -> Self {
        let message = format!(
            "The repository {repository} does not exist; create it with: aws ecr create-repository --repository-name {repository}"
        );
        Refusal::new(Code::NameUnknown, message)
    }

    pub fn upload_unknown() -> Self {
        UploadError::Unknown.into()
    }

    pub fn internal() -> Self {
        Refusal::new(Code::Internal, "The registry failed to carry out the request; `seatrial engine logs` says why.")
    }

    pub fn status(&self) -> StatusCode {
        self.code.parts().1
    }

    /// Makes the answer. Where a body was announced, its rest is not read and the connection ends.
    pub fn into_response(self, has_body: bool) -> Response<AnswerBody> {
        let (code, status) = self.code.parts();
        let body = json!({"errors": [{"code": code, "message": self.message}]});
        let mut response = answer::json(status, &body);
        let headers = response.headers_mut();
        for (name, value) in self.headers {
            headers.insert(name, value);
        }
        headers.extend(self.code.retry_after().map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds))));
        if has_body {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.parts().0, self.message)
    }
}

impl From<CatalogError> for Refusal {
    fn from(error: CatalogError) -> Self {
        let code = match error {
            CatalogError::RepositoryUnknown(_) => Code::NameUnknown,
            CatalogError::ImageUnknown(_) => Code::ManifestUnknown,
            CatalogError::BlobUnknown(_) => Code::BlobUnknown,
            CatalogError::PartUnknown(_) => Code::ManifestBlobUnknown,
            CatalogError::TagImmutable(_) => Code::TagInvalid,
            CatalogError::LimitExceeded(_) => Code::Denied,
            CatalogError::InUse(_) => Code::DeletionDenied,
            CatalogError::Unavailable(_) => Code::Internal,
        };
        Refusal::new(code, error.to_string())
    }
}

impl From<UploadError> for Refusal {
    fn from(error: UploadError) -> Self {
        let code = match error {
            UploadError::Io(error) => return error.into(),
            UploadError::Unknown => Code::BlobUploadUnknown,
            UploadError::Busy => Code::UploadBusy,
            UploadError::TooMany => Code::TooManyRequests,
            UploadError::TooLarge => Code::SizeInvalid,
            UploadError::WrongDigest { .. } => Code::DigestInvalid,
        };
        Refusal::new(code, error.to_string())
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        tracing::error!(%error, "the registry's storage failed");
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Refusal::new(Code::StorageFull, "The disk of the engine is full; free some space and push again.")
            }
            _ => Refusal::internal(),
        }
    }
}
