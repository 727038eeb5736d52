//! Why something is not done, in words for whoever pushes or pulls: what happened, and what to do.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use http::StatusCode;
use seatrial_model::image::{Digest, InvalidManifest};

use crate::credentials::CredentialError;

/// Why the registry, or the way to it, did not do as asked. `doing` is what was being done, such as `push shop/web:v1`.
#[derive(Debug, thiserror::Error)]
pub enum DistributionError {
    #[error("{registry} does not let you {doing}: {shown}; {}", advice(registry))]
    Unauthorised { registry: String, doing: String, shown: String },
    #[error("{registry} does not let this user {doing}: {said}; ask its owner for the permission")]
    Denied { registry: String, doing: String, said: String },
    #[error("{registry} has no repository {repository}, so it cannot {doing}{}", creation(registry, repository))]
    RepositoryUnknown { registry: String, repository: String, doing: String },
    #[error("{registry} has no image {image} in {repository}; look whether it was pushed, and to this registry")]
    ImageUnknown { registry: String, repository: String, image: String },
    #[error(
        "{registry} keeps the tag as it is and does not {doing}: {said}; push under another tag, or let the repository change its tags"
    )]
    TagImmutable { registry: String, doing: String, said: String },
    #[error("could not {doing}: {what} is larger than {limit} bytes")]
    TooLarge { doing: String, what: String, limit: u64 },
    #[error(
        "could not {doing}: {registry} takes nothing so large ({said}); make it smaller, or raise the registry's limit"
    )]
    TooLargeForRegistry { registry: String, doing: String, said: String },
    #[error(
        "could not {doing}: {host} cannot be reached; look whether it answers, and for a proxy or firewall in between"
    )]
    Unreachable {
        host: String,
        doing: String,
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    #[error(
        "could not {doing}: {host} cannot be trusted; it needs a certificate that this machine's authorities have signed"
    )]
    Untrusted {
        host: String,
        doing: String,
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    #[error("could not prepare TLS; it needs the certificates of authorities (on Debian, the package ca-certificates)")]
    Tls(#[source] io::Error),
    #[error("could not {doing}: the connection to {host} broke off")]
    Broken {
        host: String,
        doing: String,
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    #[error("could not {doing}: nothing moved between here and {host} for {} s", limit.as_secs_f64())]
    TimedOut { host: String, doing: String, limit: Duration },
    #[error("could not {doing}: {host} gets too many requests ({said}); try again {}", later(*retry_after))]
    TooManyRequests { host: String, doing: String, said: String, retry_after: Option<Duration> },
    #[error("could not {doing}: {host} answered {status} ({said}); try again {}", later(*retry_after))]
    Unavailable { host: String, doing: String, status: StatusCode, said: String, retry_after: Option<Duration> },
    #[error("could not {doing}: {host} answered {status} ({said})")]
    Refused { host: String, doing: String, status: StatusCode, said: String },
    #[error("could not {doing}: {host} answered what the protocol does not have: {what}")]
    Protocol { host: String, doing: String, what: String },
    #[error(
        "could not {doing}: {host} wants the password sent to {to}, which is neither encrypted nor on this machine"
    )]
    Insecure { host: String, doing: String, to: String },
    #[error("could not {doing}: the digest should be {expected}, and is {}; the content was changed on its way or at its source",
        actual.as_ref().map_or("another", Digest::as_str))]
    DigestMismatch { doing: String, expected: Digest, actual: Option<Digest> },
    #[error("could not {doing}: the manifest {digest} cannot be used")]
    Manifest {
        doing: String,
        digest: Digest,
        #[source]
        source: InvalidManifest,
    },
    #[error("{image} has no variant for {wanted}; it has {has}")]
    PlatformUnknown { image: String, wanted: String, has: String },
    #[error("could not {doing}: the file that is sent cannot be read")]
    Source {
        doing: String,
        #[source]
        source: io::Error,
    },
    #[error("could not {doing}: {} cannot be written", path.display())]
    Write {
        doing: String,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("could not {doing}: a part of the work ended early")]
    Internal {
        doing: String,
        #[source]
        source: tokio::task::JoinError,
    },
    #[error(transparent)]
    Credentials(#[from] CredentialError),
}

impl DistributionError {
    /// Returns the whole story, causes included.
    pub fn tell(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        text
    }

    /// Tells whether the same may succeed a little later.
    pub fn can_heal(&self) -> bool {
        matches!(
            self,
            DistributionError::Unreachable { .. }
                | DistributionError::Broken { .. }
                | DistributionError::TimedOut { .. }
                | DistributionError::TooManyRequests { .. }
                | DistributionError::Unavailable { .. }
        )
    }

    /// Returns how long the registry wants to be left alone.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            DistributionError::TooManyRequests { retry_after, .. }
            | DistributionError::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Tells whether the registry answered with a status.
    pub(crate) fn is_status(&self, wanted: StatusCode) -> bool {
        matches!(self, DistributionError::Refused { status, .. } if *status == wanted)
    }
}

fn is_ecr(registry: &str) -> bool {
    registry.contains(".dkr.ecr")
}

fn advice(registry: &str) -> String {
    if is_ecr(registry) {
        format!(
            "ECR's passwords last for 12 hours: aws ecr get-login-password | docker login -u AWS --password-stdin {registry}"
        )
    } else {
        format!("log in with: docker login {registry}")
    }
}

fn creation(registry: &str, repository: &str) -> String {
    if is_ecr(registry) {
        format!("; ECR wants it created first: aws ecr create-repository --repository-name {repository}")
    } else {
        "; some registries, ECR among them, want it created first".to_owned()
    }
}

fn later(retry_after: Option<Duration>) -> String {
    retry_after.map_or_else(|| "later".to_owned(), |pause| format!("in {} s", pause.as_secs()))
}
