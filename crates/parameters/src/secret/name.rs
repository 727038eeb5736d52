//! Names of secrets, and the ARNs made of them.

use std::fmt;

use seatrial_model::arn::Scope;
use serde::{Deserialize, Serialize};

use crate::refused::Refused;

/// The longest name.
const NAME_LENGTH_MAX: usize = 512;
/// What AWS adds to the name in an ARN, so that a secret made anew has another one: a hyphen and so many letters and digits.
pub(super) const SUFFIX_LENGTH: usize = 6;
const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The name of a secret.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretName(String);

impl SecretName {
    /// Parses 1 to 512 letters, digits and `/ _ + = . @ - !`.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let fits = (1..=NAME_LENGTH_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+=.@-!".contains(&byte));
        if fits {
            return Ok(SecretName(text.to_owned()));
        }
        Err(Refused::invalid_parameter(format!(
            "Invalid name. Must be 1 to {NAME_LENGTH_MAX} alphanumeric characters, or any of the following: -/_+=.@!"
        )))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes the ARN of a new secret of this name.
    pub fn arn(&self, scope: &Scope, bits: u128) -> String {
        let letters = LETTERS.len() as u128;
        let suffix: String = (0..SUFFIX_LENGTH as u32)
            .map(|position| LETTERS[(bits / letters.pow(position) % letters) as usize] as char)
            .collect();
        scope.arn("secretsmanager", format_args!("secret:{self}-{suffix}")).as_str().to_owned()
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
