//! Secrets and digests: deriving the signing key and computing a signature with it.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::scope::CredentialScope;
use super::{ALGORITHM, TERMINATOR};

/// The secret half of a credential. Never printed.
#[derive(Clone)]
pub struct SecretAccessKey(String);

impl SecretAccessKey {
    pub fn new(secret: impl Into<String>) -> Self {
        SecretAccessKey(secret.into())
    }

    /// Gives the secret itself, for the one place that hands it to its owner.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretAccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretAccessKey(..)")
    }
}

/// The SHA-256 digest of a request body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BodyDigest([u8; 32]);

impl BodyDigest {
    pub fn of(body: &[u8]) -> Self {
        BodyDigest(Sha256::digest(body).into())
    }

    /// Takes a digest computed while the body arrived.
    pub const fn from_bytes(digest: [u8; 32]) -> Self {
        BodyDigest(digest)
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let lower = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let mut digest = [0; 32];
        (lower && hex::decode_to_slice(text, &mut digest).is_ok()).then_some(BodyDigest(digest))
    }
}

impl fmt::Display for BodyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for BodyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BodyDigest({self})")
    }
}

/// Computes the signature of a canonical request.
pub(super) fn signature(
    secret: &SecretAccessKey,
    scope: &CredentialScope,
    signed_at: &str,
    canonical_request: &[u8],
) -> [u8; 32] {
    let digest = hex::encode(Sha256::digest(canonical_request));
    let text = format!("{ALGORITHM}\n{signed_at}\n{scope}\n{digest}");
    mac(&signing_key(secret, scope), text.as_bytes())
}

fn signing_key(secret: &SecretAccessKey, scope: &CredentialScope) -> [u8; 32] {
    let date = mac(format!("AWS4{}", secret.expose()).as_bytes(), scope.date().as_bytes());
    let region = mac(&date, scope.region().as_bytes());
    let service = mac(&region, scope.service().as_bytes());
    mac(&service, TERMINATOR.as_bytes())
}

fn mac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.chain_update(text).finalize().into_bytes().into()
}
