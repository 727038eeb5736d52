//! Digests of bytes as they pass.

use std::io::{self, Read};

use aws_lc_rs::digest;
use seatrial_model::image::{Algorithm, Digest};

/// How much of a file is hashed at a time.
const READ_BYTES: usize = 256 * 1024;

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
pub(crate) fn digest_of(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish()
}

/// Returns the digest of all there is to read.
pub(crate) fn digest_of_reader(algorithm: Algorithm, mut reader: impl Read) -> io::Result<Digest> {
    let mut hasher = Hasher::new(algorithm);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            length => hasher.update(&buffer[..length]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_the_same_digest_whole_and_in_pieces() {
        let bytes = vec![7; READ_BYTES * 2 + 5];
        for algorithm in Algorithm::ALL {
            let whole = digest_of(algorithm, &bytes);
            assert_eq!(digest_of_reader(algorithm, &bytes[..]).expect("read"), whole);
            assert_eq!(whole.algorithm(), algorithm);
        }
        let abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest_of(Algorithm::Sha256, b"abc").as_str(), abc);
    }
}
