//! The name of an operation.

use std::fmt;

/// Longer than any AWS operation name (the longest has 60 characters).
const OPERATION_NAME_LENGTH_MAX: usize = 128;

/// The name of an operation, such as `DescribeServices`. Letters and digits only, so it is safe to print.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OperationName(String);

/// A text that cannot name an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an operation name has 1 to {OPERATION_NAME_LENGTH_MAX} letters and digits")]
pub struct InvalidOperationName;

impl OperationName {
    pub fn parse(text: &str) -> Result<Self, InvalidOperationName> {
        let fits = (1..=OPERATION_NAME_LENGTH_MAX).contains(&text.len());
        if fits && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            Ok(OperationName(text.to_owned()))
        } else {
            Err(InvalidOperationName)
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OperationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
