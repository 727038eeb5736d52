//! Names of parameters: single words, or paths of at most fifteen levels.

use std::fmt;

use seatrial_model::arn::Scope;
use serde::{Deserialize, Serialize};

use crate::refused::{Refused, quoted};

/// The longest name, counted with the ARN before it.
const LENGTH_WITH_ARN_MAX: usize = 1011;
/// The most levels of a path, the parameter's own included.
const LEVELS_MAX: usize = 15;
/// What no name of a user may begin with, in any case.
const RESERVED: [&str; 2] = ["aws", "ssm"];

/// The name of a parameter.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ParameterName(String);

impl ParameterName {
    /// Parses the name of a parameter that is to be made.
    pub fn parse(text: &str, scope: &Scope) -> Result<Self, Refused> {
        if !is_well_formed(text) {
            return Err(Refused::validation(
                "Parameter name must be a fully qualified name: letters, digits and . - _; as a path it begins with / and each part \
                 between slashes holds at least one of these.",
            ));
        }
        if let Some(word) = reserved(text) {
            return Err(match text.starts_with('/') {
                true => Refused::new(
                    "AccessDeniedException",
                    format!("No access to reserved parameter name: {}.", quoted(text)),
                ),
                false => Refused::validation(format!(
                    "Parameter name: can't be prefixed with \"{word}\" (case-insensitive)."
                )),
            });
        }
        if text.starts_with('/') && text.matches('/').count() > LEVELS_MAX {
            return Err(Refused::new(
                "HierarchyLevelLimitExceededException",
                format!("A hierarchy can have a maximum of {LEVELS_MAX} levels; {} has more.", quoted(text)),
            ));
        }
        let name = ParameterName(text.to_owned());
        if name.arn(scope).len() > LENGTH_WITH_ARN_MAX {
            return Err(Refused::validation(format!(
                "Parameter name is too long: with the ARN before it it may have {LENGTH_WITH_ARN_MAX} characters."
            )));
        }
        Ok(name)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether the name is a path.
    pub fn is_path(&self) -> bool {
        self.0.starts_with('/')
    }

    /// Returns the ARN. A word and a path of one level have the same one, as in AWS.
    pub fn arn(&self, scope: &Scope) -> String {
        let resource = self.0.strip_prefix('/').unwrap_or(&self.0);
        scope.arn("ssm", format_args!("parameter/{resource}")).as_str().to_owned()
    }
}

/// Tells whether a text could be a parameter's name, reserved ones included.
pub(super) fn is_well_formed(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
    };
    match text.strip_prefix('/') {
        Some(path) => path.split('/').all(is_part),
        None => is_part(text),
    }
}

fn reserved(text: &str) -> Option<&'static str> {
    let bare = text.strip_prefix('/').unwrap_or(text).to_ascii_lowercase();
    RESERVED.into_iter().find(|word| bare.starts_with(word))
}

impl fmt::Display for ParameterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ParameterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
