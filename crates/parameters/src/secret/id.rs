//! How a request names a secret: by name, by ARN, or by an ARN without its last six characters.

use super::Secret;
use super::name::SUFFIX_LENGTH;

/// A secret as a request names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretId(String);

impl SecretId {
    pub fn new(text: impl Into<String>) -> Self {
        SecretId(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Finds the secret that is meant: a full ARN counts before a partial one.
    pub fn find<'a>(&self, secrets: impl Iterator<Item = &'a Secret>) -> Option<&'a Secret> {
        let mut almost = None;
        for secret in secrets {
            if secret.arn == self.0 || secret.name.as_str() == self.0 {
                return Some(secret);
            }
            // An ARN is ASCII, as the name in it is.
            if secret.arn[..secret.arn.len() - SUFFIX_LENGTH - 1] == self.0 {
                almost = Some(secret);
            }
        }
        almost
    }
}
