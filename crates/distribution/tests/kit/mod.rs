//! What the tests share: images to push, registries to push them to, and what goes wrong on the way.
#![allow(dead_code, unused_imports, reason = "each test binary uses a part of it")]

mod cutting;
mod docker_registry;
mod image;
mod server;
mod skopeo;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use seatrial_distribution::{
    Advance, Client, Credential, CredentialSource, ImageName, ImagePush, Options, Patience, Progress, SchemeChoice,
    Silent,
};
use seatrial_model::SecretText;
use seatrial_model::image::{Digest, ImageReference, ImageTag};

pub use cutting::CuttingProxy;
pub use docker_registry::{DockerRegistry, PASSWORD};
pub use image::{Image, OCI_INDEX, OCI_MANIFEST, descriptor, digest_of, noise};
pub use server::{Answer, Asked, Server, answer, broken_off, collect, endless, forget, receive, zeros};
pub use skopeo::skopeo;

/// A client that does not wait long, for nothing here is far away.
pub fn hasty() -> Options {
    let patience =
        Patience { pause_first: Duration::from_millis(5), still_max: Duration::from_secs(20), ..Patience::default() };
    Options { patience, ..Options::default() }
}

pub fn name(text: &str) -> ImageName {
    ImageName::parse(text).expect("a name")
}

pub fn tag(text: &str) -> ImageTag {
    ImageTag::parse(text).expect("a tag")
}

pub fn tagged(text: &str) -> ImageReference {
    ImageReference::Tag(tag(text))
}

pub fn by_digest(digest: &Digest) -> ImageReference {
    ImageReference::Digest(digest.clone())
}

pub fn password(user: &str, password: &str) -> CredentialSource {
    CredentialSource::Given(Credential::password(user, SecretText::new(password)))
}

pub fn silent() -> Arc<dyn Progress> {
    Arc::new(Silent)
}

pub async fn open(image: &str, credentials: &CredentialSource) -> Client {
    Client::open(&name(image), credentials, &hasty()).await.expect("a client")
}

pub async fn anonymous(image: &str) -> Client {
    open(image, &CredentialSource::Anonymous).await
}

pub fn push_of(digest: &Digest, tags: &[&str]) -> ImagePush {
    ImagePush {
        digest: digest.clone(),
        referrers: Vec::new(),
        tags: tags.iter().map(|text| tag(text)).collect(),
        mount_from: None,
    }
}

/// Remembers how far transfers were.
#[derive(Default)]
pub struct Noted(Mutex<Vec<(Digest, u64, u64)>>);

impl Noted {
    pub fn all(&self) -> Vec<(Digest, u64, u64)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Progress for Noted {
    fn advance(&self, advance: Advance<'_>) {
        let noted = (advance.blob.clone(), advance.done, advance.total);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(noted);
    }
}

pub fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
