//! Secrets: names, versions, stages, deletion, and which of them a filter finds.

pub mod deletion;
pub mod filter;
pub mod id;
pub mod name;
pub mod stage;
pub mod value;
pub mod version_id;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use seatrial_model::Timestamp;
use serde::{Deserialize, Serialize};

pub use deletion::Deletion;
pub use filter::Filter;
pub use id::SecretId;
pub use name::SecretName;
pub use stage::Stage;
pub use value::{Form, NewValue};
pub use version_id::VersionId;

use crate::refused::Refused;
use crate::stored_value::StoredValue;
use crate::tagging::Tags;

/// How many versions are kept before the oldest without stages leave.
pub const VERSIONS_KEPT: usize = 100;
/// How long a version is kept in any case.
const VERSION_AGE_MIN: Duration = Duration::from_secs(24 * 3600);
/// The most versions: a writer that runs wild within a day must not fill the disk, and a secret is written as a whole.
const VERSIONS_MAX: usize = 200;
/// The most secrets, as in AWS.
pub const SECRETS_MAX: usize = 500_000;
/// The longest description, in characters.
const DESCRIPTION_LENGTH_MAX: usize = 2048;
/// The longest name of a key.
const KEY_ID_LENGTH_MAX: usize = 2048;

/// A secret with the versions it keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Secret {
    name: SecretName,
    arn: String,
    description: Option<String>,
    /// The key it names. Every value is sealed with the engine's own key all the same.
    key_id: Option<String>,
    created_at: Timestamp,
    changed_at: Timestamp,
    deletion: Option<Deletion>,
    versions: BTreeMap<VersionId, SecretVersion>,
    tags: Tags,
}

/// One version of a secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecretVersion {
    pub id: VersionId,
    pub created_at: Timestamp,
    pub form: Form,
    pub value: StoredValue,
    pub stages: BTreeSet<Stage>,
}

impl Secret {
    /// Makes a secret without a version.
    pub fn new(name: SecretName, arn: String, now: Timestamp) -> Self {
        Secret {
            name,
            arn,
            description: None,
            key_id: None,
            created_at: now,
            changed_at: now,
            deletion: None,
            versions: BTreeMap::new(),
            tags: Tags::new(),
        }
    }

    pub fn name(&self) -> &SecretName {
        &self.name
    }

    pub fn arn(&self) -> &str {
        &self.arn
    }

    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    pub fn changed_at(&self) -> Timestamp {
        self.changed_at
    }

    pub fn deletion(&self) -> Option<Deletion> {
        self.deletion
    }

    pub fn tags(&self) -> &Tags {
        &self.tags
    }

    pub fn tags_mut(&mut self) -> &mut Tags {
        &mut self.tags
    }

    /// Returns the versions that are kept, ordered by id.
    pub fn versions(&self) -> impl Iterator<Item = &SecretVersion> {
        self.versions.values()
    }

    pub fn version(&self, id: &VersionId) -> Option<&SecretVersion> {
        self.versions.get(id)
    }

    /// Changes what is said of the secret; what is absent stays.
    pub fn describe(
        &mut self,
        description: Option<String>,
        key_id: Option<String>,
        now: Timestamp,
    ) -> Result<(), Refused> {
        if description.as_ref().is_some_and(|text| text.chars().count() > DESCRIPTION_LENGTH_MAX) {
            return Err(Refused::invalid_parameter(format!(
                "A description may have {DESCRIPTION_LENGTH_MAX} characters."
            )));
        }
        if key_id.as_ref().is_some_and(|text| text.len() > KEY_ID_LENGTH_MAX) {
            return Err(Refused::invalid_parameter(format!("A KmsKeyId may have {KEY_ID_LENGTH_MAX} characters.")));
        }
        if let Some(text) = description {
            self.description = Some(text).filter(|text| !text.is_empty());
        }
        if let Some(text) = key_id {
            self.key_id = Some(text).filter(|text| !text.is_empty());
        }
        self.changed_at = now;
        Ok(())
    }

    /// Adds a version with stages, which leave the versions they were on. Without stages it becomes AWSCURRENT, as the first version
    /// does in any case.
    pub fn add(
        &mut self,
        id: VersionId,
        form: Form,
        value: StoredValue,
        stages: Option<BTreeSet<Stage>>,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let mut stages = stages.unwrap_or_else(|| BTreeSet::from([Stage::current()]));
        if self.versions.is_empty() {
            stages.insert(Stage::current());
        }
        stage::check_count(stages.len())?;
        self.make_room(now)?;
        let version = SecretVersion { id: id.clone(), created_at: now, form, value, stages: BTreeSet::new() };
        self.versions.insert(id.clone(), version);
        for stage in stages {
            self.put_stage(&stage, Some(&id));
        }
        self.changed_at = now;
        Ok(())
    }

    /// Returns the version that is asked for: by id, by stage, by both, or AWSCURRENT.
    pub fn select(&self, id: Option<&VersionId>, stage: Option<&Stage>) -> Result<&SecretVersion, Refused> {
        let missing = |what: String| {
            Refused::new(
                "ResourceNotFoundException",
                format!("Secrets Manager can't find the specified secret value for {what}."),
            )
        };
        let Some(id) = id else {
            let current = Stage::current();
            let stage = stage.unwrap_or(&current);
            let found = self.versions.values().find(|version| version.stages.contains(stage));
            return found.ok_or_else(|| missing(format!("staging label: {stage}")));
        };
        let version = self.versions.get(id).ok_or_else(|| missing(format!("VersionId: {id}")))?;
        if stage.is_some_and(|stage| !version.stages.contains(stage)) {
            return Err(Refused::invalid_request(
                "You provided a VersionStage that is not associated to the provided VersionId.",
            ));
        }
        Ok(version)
    }

    /// Lets the oldest versions without stages leave when there are many, unless they are young.
    fn make_room(&mut self, now: Timestamp) -> Result<(), Refused> {
        while self.versions.len() >= VERSIONS_KEPT {
            let spare =
                |version: &&SecretVersion| version.stages.is_empty() && version.created_at + VERSION_AGE_MIN <= now;
            let oldest = self.versions.values().filter(spare).min_by_key(|version| version.created_at);
            let Some(id) = oldest.map(|version| version.id.clone()) else { break };
            self.versions.remove(&id);
        }
        if self.versions.len() >= VERSIONS_MAX {
            return Err(Refused::new(
                "LimitExceededException",
                format!("The secret has {VERSIONS_MAX} versions that are younger than a day or have stages."),
            ));
        }
        Ok(())
    }
}

/// Makes the refusal of a secret that is not there.
pub fn not_found() -> Refused {
    Refused::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

#[cfg(test)]
mod tests;
