//! What somebody has changed by hand.

use serde::Serialize;

/// What of an infrastructure is not as it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// In the order of their addresses.
    pub resources: Vec<DriftedResource>,
    /// Resources of which nobody can tell.
    pub unchecked: Vec<String>,
}

/// A resource that is not as it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DriftedResource {
    pub address: String,
    pub kind: String,
    /// `changed` or `gone`.
    pub what: &'static str,
    /// The settings that differ, as far as they are told.
    pub settings: Vec<String>,
}

impl Drift {
    /// Whether everything is as it was made, as far as anybody can tell.
    pub fn is_none(&self) -> bool {
        self.resources.is_empty()
    }
}
