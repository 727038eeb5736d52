//! Digests: the names of contents, `sha256:` or `sha512:` and lower-case hexadecimal digits.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::{InvalidId, text_identity};

/// The longest text quoted in an error about a digest: `sha512:` and its digits.
const QUOTED_LENGTH_MAX: usize = 7 + 128;

/// The digest algorithms that every client knows (the registered ones of the OCI image specification).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    Sha256,
    Sha512,
}

impl Algorithm {
    pub const ALL: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Sha512];

    pub const fn as_str(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha512 => "sha512",
        }
    }

    /// Returns how many hexadecimal digits a digest has.
    pub const fn digits(self) -> usize {
        match self {
            Algorithm::Sha256 => 64,
            Algorithm::Sha512 => 128,
        }
    }
}

/// The digest of some content.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest {
    text: String,
    algorithm: Algorithm,
}

impl Digest {
    /// Parses `ALGORITHM:DIGITS`.
    pub fn parse(value: &str) -> Result<Self, InvalidId> {
        let parsed = value.split_once(':').and_then(|(name, digits)| {
            let algorithm = Algorithm::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)?;
            let fits = digits.len() == algorithm.digits() && digits.bytes().all(is_digit);
            fits.then(|| Digest { text: value.to_owned(), algorithm })
        });
        parsed.ok_or_else(|| InvalidId {
            kind: "digest",
            value: value.chars().take(QUOTED_LENGTH_MAX).collect(),
            rule: "sha256: and 64 or sha512: and 128 lower-case hexadecimal digits",
        })
    }

    /// Makes the digest of a hash; `None` when the hash is not as long as the algorithm's.
    pub fn of_hash(algorithm: Algorithm, hash: &[u8]) -> Option<Self> {
        let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        Digest::parse(&format!("{}:{digits}", algorithm.as_str())).ok()
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the hexadecimal digits.
    pub fn hex(&self) -> &str {
        &self.text[self.algorithm.as_str().len() + 1..]
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns where a directory of contents keeps this one: by algorithm and first digits, so that no directory becomes too large.
    pub fn file_in(&self, directory: &Path) -> PathBuf {
        let hex = self.hex();
        directory.join(self.algorithm.as_str()).join(&hex[..2]).join(hex)
    }
}

text_identity!(Digest);

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_names_its_algorithm_and_has_its_length() {
        let (short, long) = ("0a".repeat(32), "f9".repeat(64));
        let digest = Digest::parse(&format!("sha256:{short}")).expect("a digest");
        assert_eq!((digest.algorithm(), digest.hex()), (Algorithm::Sha256, short.as_str()));
        assert!(Digest::parse(&format!("sha512:{long}")).is_ok());
        for wrong in [
            String::new(),
            short.clone(),
            format!("sha256:{long}"),
            format!("sha512:{short}"),
            format!("sha256:{}", short.to_uppercase()),
            format!("SHA256:{short}"),
            format!("md5:{short}"),
            format!("sha256:{short} "),
            format!("sha256:../{}", &short[3..]),
        ] {
            assert!(Digest::parse(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_hash_gives_its_digest() {
        let digest = Digest::of_hash(Algorithm::Sha256, &[0xab; 32]).expect("a digest");
        assert_eq!(digest.as_str(), format!("sha256:{}", "ab".repeat(32)));
        assert_eq!(Digest::of_hash(Algorithm::Sha512, &[0; 32]), None);
    }
}
