//! A member of a request that holds a secret: read without any message that could repeat it.

use seatrial_model::SecretText;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A secret text of a request.
#[derive(Clone, Debug)]
pub(crate) struct SecretMember(pub SecretText);

impl<'de> Deserialize<'de> for SecretMember {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // serde's own message would quote a number or a text that is in a place of another type.
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(SecretMember(SecretText::new(text))),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                Err(D::Error::custom("expected a string"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_refused_without_being_repeated() {
        let error = serde_json::from_str::<SecretMember>("271828").expect_err("no text");
        assert!(!error.to_string().contains("271828"), "{error}");
    }
}
