//! Digests of bytes as they pass.

use aws_lc_rs::digest;
use seatrial_model::image::{Algorithm, Digest};

/// Computes a digest piece by piece.
#[derive(Clone)]
pub(crate) struct Hasher {
    algorithm: Algorithm,
    context: digest::Context,
}

impl Hasher {
    pub fn new(algorithm: Algorithm) -> Self {
        let known = match algorithm {
            Algorithm::Sha256 => &digest::SHA256,
            Algorithm::Sha512 => &digest::SHA512,
        };
        Hasher { algorithm, context: digest::Context::new(known) }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    pub fn finish(self) -> Digest {
        let hash = self.context.finish();
        Digest::of_hash(self.algorithm, hash.as_ref()).expect("a hash is as long as its algorithm's")
    }
}

/// Returns the digest of some bytes.
#[cfg(test)]
pub(crate) fn digest_of(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish()
}
