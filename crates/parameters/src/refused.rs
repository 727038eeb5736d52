//! Why a request is not carried out, under the code its AWS service answers with.

/// A refused request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// The name of the exception in the service's model.
    pub code: &'static str,
    /// A sentence for the user. It never repeats a value.
    pub message: String,
}

/// The longest piece of a user's text repeated in a message.
const QUOTED_MAX: usize = 128;

impl Refused {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Refused { code, message: message.into() }
    }

    /// Systems Manager's refusal of a member that is out of range or form.
    pub fn validation(message: impl Into<String>) -> Self {
        Refused::new("ValidationException", message)
    }

    /// Secrets Manager's refusal of a member that is out of range or form.
    pub fn invalid_parameter(message: impl Into<String>) -> Self {
        Refused::new("InvalidParameterException", message)
    }

    /// Secrets Manager's refusal of what the secret's state does not allow.
    pub fn invalid_request(message: impl Into<String>) -> Self {
        Refused::new("InvalidRequestException", message)
    }
}

/// Returns the beginning of a user's text, short enough for a message.
pub(crate) fn quoted(text: &str) -> String {
    text.chars().take(QUOTED_MAX).collect()
}
