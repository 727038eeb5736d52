//! Parameters: names, versions, labels, tiers, policies, and which of them a filter finds.

pub mod data_type;
pub mod filter;
pub mod label;
pub mod name;
mod pattern;
pub mod policy;
pub mod put;
pub mod reference;
pub mod tier;
mod value;

use std::collections::{BTreeMap, VecDeque};

use seatrial_model::Timestamp;
use serde::{Deserialize, Serialize};

pub use data_type::{DataType, ParameterType};
pub use filter::{Filter, Listing};
pub use name::ParameterName;
pub use policy::Policy;
pub use put::{Draft, Overwrite, PutRequest};
pub use reference::{Reference, Selector};
pub use tier::{Tier, TierChoice};

use crate::refused::Refused;
use crate::stored_value::StoredValue;
use crate::tagging::Tags;

/// How many versions a parameter keeps.
pub const VERSIONS_MAX: usize = 100;

/// A parameter with the versions it keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    name: ParameterName,
    /// Oldest first, at least one.
    versions: VecDeque<ParameterVersion>,
    /// Which version a label is on.
    labels: BTreeMap<String, u64>,
    tags: Tags,
}

/// One version of a parameter. It is never changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParameterVersion {
    pub number: u64,
    pub value: StoredValue,
    pub kind: ParameterType,
    pub tier: Tier,
    pub description: Option<String>,
    /// Present if, and only if, the value is a SecureString.
    pub key_id: Option<String>,
    pub allowed_pattern: Option<String>,
    pub data_type: DataType,
    pub policies: Vec<Policy>,
    pub modified_at: Timestamp,
    /// The ARN of who put it.
    pub modified_by: String,
}

impl Parameter {
    /// Adds what was drafted to the parameter it was drafted for, or makes a new one of it. The oldest version leaves when there are
    /// too many; that it may is part of the draft.
    pub fn with(
        existing: Option<Parameter>,
        draft: Draft,
        value: StoredValue,
        now: Timestamp,
        modified_by: &str,
    ) -> Parameter {
        let mut parameter = existing.unwrap_or_else(|| Parameter {
            name: draft.name().clone(),
            versions: VecDeque::new(),
            labels: BTreeMap::new(),
            tags: draft.tags().clone(),
        });
        parameter.versions.push_back(draft.into_version(value, now, modified_by));
        if parameter.versions.len() > VERSIONS_MAX {
            parameter.versions.pop_front();
        }
        parameter
    }

    pub fn name(&self) -> &ParameterName {
        &self.name
    }

    pub fn tags(&self) -> &Tags {
        &self.tags
    }

    pub fn tags_mut(&mut self) -> &mut Tags {
        &mut self.tags
    }

    /// Returns the newest version.
    pub fn latest(&self) -> &ParameterVersion {
        self.versions.back().expect("a parameter has at least one version")
    }

    /// Returns the versions that are kept, oldest first.
    pub fn versions(&self) -> impl Iterator<Item = &ParameterVersion> {
        self.versions.iter()
    }

    /// Returns the version a selector names, or the newest one without.
    pub fn select(&self, selector: Option<&Selector>) -> Result<&ParameterVersion, Refused> {
        let Some(selector) = selector else { return Ok(self.latest()) };
        let number = match selector {
            Selector::Version(number) => Some(*number),
            Selector::Label(label) => self.labels.get(label).copied(),
        };
        number.and_then(|number| self.version(number)).ok_or_else(|| {
            let what = match selector {
                Selector::Version(number) => format!("version {number}"),
                Selector::Label(label) => format!("label {label}"),
            };
            Refused::new(
                "ParameterVersionNotFound",
                format!("Systems Manager could not find {what} of {}. Verify the version and try again.", self.name),
            )
        })
    }

    /// Returns the labels of a version.
    pub fn labels_of(&self, number: u64) -> Vec<&str> {
        self.labels.iter().filter(|(_, on)| **on == number).map(|(label, _)| label.as_str()).collect()
    }

    fn version(&self, number: u64) -> Option<&ParameterVersion> {
        self.versions.iter().find(|version| version.number == number)
    }
}

/// Makes the refusal of a name nothing has.
pub fn not_found(name: &str) -> Refused {
    Refused::new("ParameterNotFound", format!("Parameter {} not found.", crate::refused::quoted(name)))
}

#[cfg(test)]
mod tests;
