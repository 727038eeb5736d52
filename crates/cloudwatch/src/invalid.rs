//! What is wrong with a request, in the terms CloudWatch answers in.

/// The error code with which CloudWatch refuses a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidKind {
    /// A member that must be given is missing.
    MissingParameter,
    /// A member has a value outside its range or form.
    InvalidParameterValue,
    /// Members that exclude each other, or of which one needs the other.
    InvalidParameterCombination,
    /// The service does not do this.
    Unsupported,
}

impl InvalidKind {
    /// Returns the code as the wire has it.
    pub fn code(self) -> &'static str {
        match self {
            InvalidKind::MissingParameter => "MissingParameter",
            InvalidKind::InvalidParameterValue => "InvalidParameterValue",
            InvalidKind::InvalidParameterCombination => "InvalidParameterCombination",
            InvalidKind::Unsupported => "ValidationError",
        }
    }
}

/// A request, or a part of one, that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Invalid {
    pub kind: InvalidKind,
    /// A sentence for the user, naming the member.
    pub message: String,
}

/// The longest piece of a user's text repeated in a message.
const QUOTED_MAX: usize = 64;

impl Invalid {
    pub fn missing(member: &str) -> Self {
        Invalid { kind: InvalidKind::MissingParameter, message: format!("The parameter {member} is required.") }
    }

    pub fn value(message: impl Into<String>) -> Self {
        Invalid { kind: InvalidKind::InvalidParameterValue, message: message.into() }
    }

    pub fn combination(message: impl Into<String>) -> Self {
        Invalid { kind: InvalidKind::InvalidParameterCombination, message: message.into() }
    }

    pub fn unsupported(message: impl Into<String>) -> Self {
        Invalid { kind: InvalidKind::Unsupported, message: message.into() }
    }
}

/// Returns the beginning of a user's text, short enough for a message.
pub(crate) fn quoted(text: &str) -> String {
    text.chars().take(QUOTED_MAX).collect()
}
