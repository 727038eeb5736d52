//! Ids of versions, which are also what makes a request that is sent twice the same one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::refused::Refused;

/// The shortest id: that of a UUID without hyphens.
const LENGTH_MIN: usize = 32;
/// The longest id.
const LENGTH_MAX: usize = 64;

/// The id of a version: the `ClientRequestToken` of the request that made it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VersionId(String);

impl VersionId {
    /// Parses 32 to 64 characters; `member` is what the request calls it.
    pub fn parse(member: &str, text: &str) -> Result<Self, Refused> {
        if (LENGTH_MIN..=LENGTH_MAX).contains(&text.chars().count()) {
            return Ok(VersionId(text.to_owned()));
        }
        Err(Refused::invalid_parameter(format!("{member} must be {LENGTH_MIN}-{LENGTH_MAX} characters long.")))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
