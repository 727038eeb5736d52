//! The operations of the protocol, on one repository.
//!
//! `manifests`, `blobs` and `listings` ask; `push_blob` and `pull_blob` move bytes; `referrers_tag` does for registries of the protocol
//! 1.0 what 1.1 does by itself.

pub(crate) mod blobs;
pub(crate) mod listings;
pub(crate) mod manifests;
mod pull_blob;
pub(crate) mod push_blob;
mod referrers_tag;

use std::fmt;

use http::{Method, Uri};

use crate::credentials::CredentialSource;
use crate::error::DistributionError;
use crate::options::Options;
use crate::reference::{ImageName, RegistryHost, RepositoryPath};
use crate::transport::Transport;
use crate::transport::call::Call;
use crate::transport::scopes::Scopes;

/// A client of one repository.
pub struct Client {
    transport: Transport,
    registry: RegistryHost,
    repository: RepositoryPath,
}

impl Client {
    /// Prepares a client for the repository of an image. Finds its credentials; nothing is sent yet.
    pub async fn open(
        image: &ImageName,
        credentials: &CredentialSource,
        options: &Options,
    ) -> Result<Self, DistributionError> {
        let login = credentials.find(image).await?;
        let transport = Transport::open(image, login, options).await?;
        Ok(Client { transport, registry: image.registry.clone(), repository: image.repository.clone() })
    }

    pub fn registry(&self) -> &RegistryHost {
        &self.registry
    }

    pub fn repository(&self) -> &RepositoryPath {
        &self.repository
    }

    fn reading(&self, method: Method, target: Uri, doing: impl Into<String>) -> Call {
        Call::new(method, target, &Scopes::pull(&self.repository), doing)
    }

    fn writing(&self, method: Method, target: Uri, doing: impl Into<String>) -> Call {
        Call::new(method, target, &Scopes::push(&self.repository), doing)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("registry", &self.registry)
            .field("repository", &self.repository)
            .finish_non_exhaustive()
    }
}
