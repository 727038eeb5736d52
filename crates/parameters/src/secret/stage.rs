//! Stages of versions: labels of which each is on at most one version. AWSCURRENT and AWSPREVIOUS move together.

use std::collections::BTreeSet;
use std::fmt;

use seatrial_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Secret, VersionId};
use crate::refused::Refused;

const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";
/// The longest stage, in characters.
const STAGE_LENGTH_MAX: usize = 256;
/// The most stages of a secret's versions.
const STAGES_MAX: usize = 20;

/// A staging label.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stage(String);

impl Stage {
    /// Parses 1 to 256 characters.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        if (1..=STAGE_LENGTH_MAX).contains(&text.chars().count()) {
            return Ok(Stage(text.to_owned()));
        }
        Err(Refused::invalid_parameter(format!("A VersionStage must be 1-{STAGE_LENGTH_MAX} characters long.")))
    }

    pub fn current() -> Self {
        Stage(CURRENT.to_owned())
    }

    pub fn previous() -> Self {
        Stage(PREVIOUS.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Parses the stages of a request.
pub fn parse_all(list: &[String]) -> Result<BTreeSet<Stage>, Refused> {
    let stages = list.iter().map(|text| Stage::parse(text)).collect::<Result<BTreeSet<_>, _>>()?;
    check_count(stages.len())?;
    Ok(stages)
}

pub(super) fn check_count(count: usize) -> Result<(), Refused> {
    if (1..=STAGES_MAX).contains(&count) {
        return Ok(());
    }
    Err(Refused::invalid_parameter(format!("VersionStages must hold 1 to {STAGES_MAX} stages.")))
}

impl Secret {
    /// UpdateSecretVersionStage: moves a stage to a version, or takes it away. The version it is on must be named.
    pub fn move_stage(
        &mut self,
        stage: &Stage,
        from: Option<&VersionId>,
        to: Option<&VersionId>,
        now: Timestamp,
    ) -> Result<(), Refused> {
        if let Some(unknown) = from.into_iter().chain(to).find(|id| self.version(id).is_none()) {
            return Err(Refused::new(
                "ResourceNotFoundException",
                format!("Secrets Manager can't find the specified secret value for VersionId: {unknown}."),
            ));
        }
        let on = self.versions().find(|version| version.stages.contains(stage)).map(|version| version.id.clone());
        match (&on, from) {
            (Some(on), None) if Some(on) != to => {
                return Err(Refused::invalid_parameter(format!(
                    "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to version {on}, so \
                     you must explicitly reference that version in RemoveFromVersionId."
                )));
            }
            (on, Some(from)) if on.as_ref() != Some(from) => {
                return Err(Refused::invalid_parameter(format!(
                    "Staging label {stage} isn't attached to version {from}, which RemoveFromVersionId names."
                )));
            }
            (_, _) => {}
        }
        if to.is_none() && stage.as_str() == CURRENT {
            return Err(Refused::invalid_parameter(format!(
                "You can only move staging label {CURRENT} to a different secret version. It can't be completely removed."
            )));
        }
        let attached: BTreeSet<&Stage> = self.versions().flat_map(|version| &version.stages).collect();
        if to.is_some() && !attached.contains(stage) && attached.len() >= STAGES_MAX {
            return Err(Refused::new(
                "LimitExceededException",
                format!("The versions of a secret may have {STAGES_MAX} stages."),
            ));
        }
        self.put_stage(stage, to);
        self.changed_at = now;
        Ok(())
    }

    /// Puts a stage on a version and takes it from the one it was on. AWSCURRENT leaves AWSPREVIOUS behind.
    pub(super) fn put_stage(&mut self, stage: &Stage, to: Option<&VersionId>) {
        let mut left = None;
        for version in self.versions.values_mut() {
            if Some(&version.id) != to && version.stages.remove(stage) {
                left = Some(version.id.clone());
            }
        }
        if let Some(version) = to.and_then(|id| self.versions.get_mut(id)) {
            version.stages.insert(stage.clone());
        }
        if stage.as_str() == CURRENT && left.is_some() {
            self.put_stage(&Stage::previous(), left.as_ref());
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
