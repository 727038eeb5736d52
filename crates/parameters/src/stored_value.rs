//! What is kept of a value: itself, or what sealing made of it.

use serde::{Deserialize, Serialize};

/// A value as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredValue {
    /// The value, which is nobody's secret.
    Plain(String),
    /// The value encrypted, as a text; only the keeper of the key can read it.
    Sealed(String),
}
