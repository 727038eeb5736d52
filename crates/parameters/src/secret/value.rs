//! Values of secrets: texts or bytes, one of them.

use seatrial_model::SecretText;
use serde::{Deserialize, Serialize};

use crate::refused::Refused;

/// The most bytes of a value.
const VALUE_BYTES_MAX: usize = 65_536;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// `SecretString`.
    Text,
    /// `SecretBinary`, kept as base64.
    Binary,
}

/// A value to be sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewValue {
    pub form: Form,
    pub text: SecretText,
}

/// `SecretBinary` of a request: base64, and how many bytes it stands for.
#[derive(Clone, Debug)]
pub struct BinaryMember {
    pub base64: SecretText,
    pub bytes: usize,
}

impl NewValue {
    /// Reads `SecretString` and `SecretBinary`, of which at most one may be given.
    pub fn parse(string: Option<SecretText>, binary: Option<BinaryMember>) -> Result<Option<Self>, Refused> {
        let (form, text, bytes) = match (string, binary) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => {
                return Err(Refused::invalid_parameter(
                    "You can't specify both a SecretString value and a SecretBinary value in the same request.",
                ));
            }
            (Some(text), None) => (Form::Text, text.clone(), text.expose().len()),
            (None, Some(BinaryMember { base64, bytes })) => (Form::Binary, base64, bytes),
        };
        if !(1..=VALUE_BYTES_MAX).contains(&bytes) {
            return Err(Refused::invalid_parameter(format!("A secret value must have 1 to {VALUE_BYTES_MAX} bytes.")));
        }
        Ok(Some(NewValue { form, text }))
    }
}
