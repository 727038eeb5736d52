//! Blobs: looked for, and taken over from another repository.

use http::header::{CONTENT_LENGTH, LOCATION};
use http::{Method, StatusCode, Uri};
use seatrial_model::image::Digest;

use super::Client;
use crate::error::DistributionError;
use crate::reference::RepositoryPath;
use crate::transport::call::{Answered, Call};
use crate::transport::scopes::Scopes;
use crate::transport::{address, protocol};

/// What a registry did about a blob of another repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mounted {
    /// The repository has it now.
    Mounted,
    /// The other repository does not have it, or is not to be read; the registry began an upload instead.
    UploadBegun(Upload),
}

/// An upload that a registry has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Where the next request about it goes.
    pub(crate) location: Uri,
    /// The bytes that the registry has.
    pub(crate) arrived: u64,
}

impl Client {
    /// Looks whether the repository has a blob.
    pub async fn has_blob(&self, digest: &Digest) -> Result<bool, DistributionError> {
        let doing = format!("look for the blob {digest} of {}", self.repository);
        let call = self.writing(Method::HEAD, self.transport.address(&format!("blobs/{digest}")), doing);
        let answered = self.transport.ask(&call, &[StatusCode::OK, StatusCode::NOT_FOUND]).await?;
        Ok(answered.status == StatusCode::OK)
    }

    /// Takes a blob over from another repository of the same registry.
    pub async fn mount(&self, digest: &Digest, from: &RepositoryPath) -> Result<Mounted, DistributionError> {
        let doing = format!("take the blob {digest} over from {from} to {}", self.repository);
        let pairs = [("mount", digest.as_str()), ("from", from.as_str())];
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let target = self.transport.address(&format!("blobs/uploads/?{query}"));
        let scopes = Scopes::push(&self.repository).and_pull(from);
        let call = Call::new(Method::POST, target, &scopes, doing).header(CONTENT_LENGTH, "0");
        let answered = self.transport.ask(&call, &[StatusCode::CREATED, StatusCode::ACCEPTED]).await?;
        let outcome = match answered.status {
            StatusCode::CREATED => Mounted::Mounted,
            _ => Mounted::UploadBegun(begun(&answered)?),
        };
        self.transport.drain(answered).await;
        Ok(outcome)
    }

    pub(super) async fn begin_upload(&self, doing: &str) -> Result<Upload, DistributionError> {
        let call = self.writing(Method::POST, self.transport.address("blobs/uploads/"), doing);
        let answered = self.transport.ask(&call, &[StatusCode::ACCEPTED]).await?;
        let upload = begun(&answered)?;
        self.transport.drain(answered).await;
        Ok(upload)
    }
}

fn begun(answered: &Answered) -> Result<Upload, DistributionError> {
    let location = location(answered)
        .ok_or_else(|| protocol(&answered.from, &answered.doing, "an upload without an address to go on at"))?;
    Ok(Upload { location, arrived: 0 })
}

/// Returns where an upload goes on; nowhere that is less private than where it began.
pub(super) fn location(answered: &Answered) -> Option<Uri> {
    let location = address::resolve(&answered.from, answered.header(&LOCATION)?)?;
    (address::is_private(&location) || !address::is_private(&answered.from)).then_some(location)
}
