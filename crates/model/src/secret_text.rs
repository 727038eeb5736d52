//! A text that must not be seen by accident: it has no `Display`, no serialised form, and a `Debug` that tells nothing.
//!
//! Whoever shows or sends one says so with [`SecretText::expose`], which is what a reader of the code looks for.

use std::fmt;

/// The plaintext of a parameter or secret.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

impl SecretText {
    pub fn new(text: impl Into<String>) -> Self {
        SecretText(text.into())
    }

    /// Returns the text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debugging_shows_nothing_of_it() {
        assert_eq!(format!("{:?}", Some(SecretText::new("hunter2"))), "Some(SecretText(…))");
    }
}
