//! Labels of versions: names that can move from one version to another.

use super::Parameter;
use crate::refused::Refused;

/// The most labels a version may have.
pub const LABELS_MAX: usize = 10;
/// The longest label.
const LABEL_LENGTH_MAX: usize = 100;

/// Tells whether a text can be a label: letters, digits and `. - _`, not beginning with a digit, `aws` or `ssm`.
pub fn is_valid(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    (1..=LABEL_LENGTH_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        && !text.starts_with(|first: char| first.is_ascii_digit())
        && !lower.starts_with("aws")
        && !lower.starts_with("ssm")
}

/// What came of labelling a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled {
    pub version: u64,
    /// Those that cannot be labels; they are not on the version.
    pub invalid: Vec<String>,
}

/// What came of taking labels from a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unlabelled {
    pub removed: Vec<String>,
    /// Those that were not on the version.
    pub invalid: Vec<String>,
}

impl Parameter {
    /// Puts labels on a version, or on the newest one. A label that is on another version moves.
    pub fn label(&mut self, number: Option<u64>, labels: &[String]) -> Result<Labelled, Refused> {
        let number = self.existing(number)?;
        let (valid, invalid): (Vec<&String>, Vec<&String>) = labels.iter().partition(|label| is_valid(label));
        let has = self.labels_of(number);
        let fresh = valid.iter().filter(|label| !has.contains(&label.as_str()));
        let fresh: std::collections::BTreeSet<_> = fresh.collect();
        if has.len() + fresh.len() > LABELS_MAX {
            return Err(Refused::new(
                "ParameterVersionLabelLimitExceeded",
                format!(
                    "A parameter version can have maximum {LABELS_MAX} labels. Move one or more labels to another version and try again."
                ),
            ));
        }
        self.labels.extend(valid.into_iter().map(|label| (label.clone(), number)));
        Ok(Labelled { version: number, invalid: invalid.into_iter().cloned().collect() })
    }

    /// Takes labels from a version.
    pub fn unlabel(&mut self, number: u64, labels: &[String]) -> Result<Unlabelled, Refused> {
        let number = self.existing(Some(number))?;
        let is_on = |label: &&String| self.labels.get(*label) == Some(&number);
        let (removed, invalid): (Vec<&String>, Vec<&String>) = labels.iter().partition(is_on);
        let unlabelled = Unlabelled {
            removed: removed.into_iter().cloned().collect(),
            invalid: invalid.into_iter().cloned().collect(),
        };
        self.labels.retain(|label, _| !unlabelled.removed.contains(label));
        Ok(unlabelled)
    }

    fn existing(&self, number: Option<u64>) -> Result<u64, Refused> {
        let selector = number.map(super::Selector::Version);
        self.select(selector.as_ref()).map(|version| version.number)
    }
}
