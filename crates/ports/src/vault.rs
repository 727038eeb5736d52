//! Sealing: values that are kept on disk only encrypted, with a key that is kept elsewhere.

use seatrial_model::SecretText;
use serde::{Deserialize, Serialize};

/// Names a key without telling it: sixteen hexadecimal digits of its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealingKeyId(String);

impl SealingKeyId {
    pub fn new(digits: impl Into<String>) -> Self {
        SealingKeyId(digits.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A sealed value and what it was sealed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    pub key: SealingKeyId,
    /// Base64.
    pub text: String,
}

/// Why a value could not be sealed or opened. No variant holds the value.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error(
        "the key file {path} is missing; put it back from a backup, for without it no SecureString and no secret can be read or written"
    )]
    KeyMissing { path: String },
    #[error("the key file {path} is damaged; put it back from a backup")]
    KeyDamaged { path: String },
    #[error(
        "the key file {path} holds key {found}, and the values are sealed with key {wanted}; put that one back from a backup"
    )]
    OtherKey { path: String, wanted: String, found: String },
    /// Changed since, or taken from another place of the database.
    #[error("the sealed value is damaged; put a new one, or bring the database back from a backup")]
    ValueDamaged,
    #[error("could not {action} the key file {path}")]
    Io {
        action: &'static str,
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("the cryptographic library failed to {action}")]
    Library { action: &'static str },
}

/// Seals and opens values.
pub trait Vault: Send + Sync {
    /// Seals a value for one place, which `context` names. `key` is the key all values so far are sealed with; when there is none yet,
    /// a key is made and is durable before this returns.
    fn seal(&self, key: Option<&SealingKeyId>, context: &str, value: &SecretText) -> Result<Sealed, VaultError>;

    /// Opens what was sealed for the same place.
    fn open(&self, context: &str, sealed: &str) -> Result<SecretText, VaultError>;
}
