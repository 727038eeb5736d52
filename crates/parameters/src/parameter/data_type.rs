//! What kind of value a parameter holds.

use serde::{Deserialize, Serialize};

use crate::refused::{Refused, quoted};

/// `Type` of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParameterType {
    String,
    StringList,
    SecureString,
}

impl ParameterType {
    pub const ALL: [ParameterType; 3] = [ParameterType::String, ParameterType::StringList, ParameterType::SecureString];

    pub fn parse(text: &str) -> Result<Self, Refused> {
        let found = ParameterType::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| {
            Refused::validation(format!(
                "Value '{}' at 'type' failed to satisfy constraint: one of String, StringList, SecureString",
                quoted(text)
            ))
        })
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            ParameterType::String => "String",
            ParameterType::StringList => "StringList",
            ParameterType::SecureString => "SecureString",
        }
    }
}

/// `DataType` of a parameter: what its value is the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DataType {
    Text,
    /// The id of a machine image. Its form is checked, its existence is not: there are no images here.
    Image,
    Integration,
}

impl DataType {
    pub fn parse(text: &str) -> Result<Self, Refused> {
        match text {
            "text" => Ok(DataType::Text),
            "aws:ec2:image" => Ok(DataType::Image),
            "aws:ssm:integration" => Ok(DataType::Integration),
            other => Err(Refused::validation(format!(
                "The following data type is not supported: {}. It is one of text, aws:ec2:image, aws:ssm:integration.",
                quoted(other)
            ))),
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            DataType::Text => "text",
            DataType::Image => "aws:ec2:image",
            DataType::Integration => "aws:ssm:integration",
        }
    }

    /// Tells whether a value is of the form of this type.
    pub fn admits(self, value: &str) -> bool {
        match self {
            DataType::Text | DataType::Integration => true,
            DataType::Image => value.strip_prefix("ami-").is_some_and(|id| {
                (8..=17).contains(&id.len())
                    && id.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
            }),
        }
    }
}
