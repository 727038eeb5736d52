//! Names of image repositories.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::{InvalidId, text_identity};

/// The lengths ECR accepts.
const LENGTHS: std::ops::RangeInclusive<usize> = 2..=256;

/// The name of an image repository, such as `shop/web`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepositoryName(String);

impl RepositoryName {
    /// Parses a name as ECR's CreateRepository does: parts between slashes, each of lower-case letters and digits with single
    /// `.`, `_` or `-` between them.
    pub fn parse(value: &str) -> Result<Self, InvalidId> {
        if LENGTHS.contains(&value.len()) && value.split('/').all(is_part) {
            return Ok(RepositoryName(value.to_owned()));
        }
        Err(InvalidId {
            kind: "repository name",
            value: value.chars().take(*LENGTHS.end()).collect(),
            rule: "2 to 256 lower-case letters and digits, with single . _ - or / between them",
        })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

text_identity!(RepositoryName);

fn is_part(part: &str) -> bool {
    let words = part.split(['.', '_', '-']);
    words
        .into_iter()
        .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_ecr_takes() {
        for name in ["ab", "shop/web", "a/b/c", "0.1-x_y/z", &"a".repeat(256)] {
            assert!(RepositoryName::parse(name).is_ok(), "{name}");
        }
        for name in [
            "",
            "a",
            "Shop",
            "shop/",
            "/shop",
            "shop//web",
            "a--b",
            "a..b",
            "-a",
            "a-",
            "a b",
            "a:b",
            "a@b",
            "../ab",
            "ä-b",
            &"a".repeat(257),
        ] {
            assert!(RepositoryName::parse(name).is_err(), "{name}");
        }
    }
}
