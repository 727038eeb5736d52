//! Names of repositories as the distribution specification has them, which is more than ECR takes.

use std::fmt;

/// The longest name that registries agree on.
const LENGTH_MAX: usize = 255;

/// The name of a repository within its registry, such as `shop/web`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RepositoryPath(String);

impl RepositoryPath {
    /// Parses parts between slashes, each of lower-case letters and digits with `.`, `_`, `__` or hyphens between them; the error
    /// says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() <= LENGTH_MAX && text.split('/').all(is_part) {
            return Ok(RepositoryPath(text.to_owned()));
        }
        let shown: String = text.chars().take(LENGTH_MAX).collect();
        Err(format!(
            "{shown:?} is no repository, which has up to {LENGTH_MAX} lower-case letters and digits with . _ __ - or / between them"
        ))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RepositoryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_part(part: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_separator = |text: &str| matches!(text, "" | "." | "_" | "__") || text.bytes().all(|byte| byte == b'-');
    part.starts_with(is_word) && part.ends_with(is_word) && part.split(is_word).all(is_separator)
}
