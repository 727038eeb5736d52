//! Digests of bytes as they pass.

use std::io::{self, Read};

use aws_lc_rs::digest;
use seatrial_model::image::{Algorithm, Digest};

/// How much of a file is hashed at a time.
const READ_BYTES: usize = 256 * 1024;

/// Computes a digest piece by piece.
#[derive(Clone)]
pub struct Hasher {
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

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    /// Hashes everything there is to read.
    pub fn update_from(&mut self, mut reader: impl Read) -> io::Result<()> {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            match reader.read(&mut buffer)? {
                0 => return Ok(()),
                length => self.update(&buffer[..length]),
            }
        }
    }

    pub fn finish(self) -> Digest {
        let hash = self.context.finish();
        Digest::of_hash(self.algorithm, hash.as_ref()).expect("a hash is as long as its algorithm's")
    }
}

/// Returns the digest of some bytes.
pub fn digest_of(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish()
}

/// Returns the digest of all there is to read.
pub fn digest_of_reader(algorithm: Algorithm, reader: impl Read) -> io::Result<Digest> {
    let mut hasher = Hasher::new(algorithm);
    hasher.update_from(reader)?;
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_texts_have_their_known_digests() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest_of(Algorithm::Sha256, b"").as_str(), empty);
        let abc = digest_of(Algorithm::Sha512, b"abc");
        assert!(abc.as_str().starts_with("sha512:ddaf35a193617abacc417349ae204131"), "{abc}");
        let mut hasher = Hasher::new(Algorithm::Sha512);
        hasher.update_from(&b"abc"[..]).expect("readable");
        assert_eq!(hasher.finish(), abc);
    }
}
