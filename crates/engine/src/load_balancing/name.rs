//! The names of load balancers and target groups.

use std::fmt;

use crate::refusal::Refusal;

/// The longest name of a load balancer or target group.
pub const NAME_LENGTH_MAX: usize = 32;

/// A name of a load balancer or target group: 1 to 32 letters, digits and hyphens, no hyphen at either end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceName(String);

impl ResourceName {
    /// Parses a name; `noun` says in the refusal what it should have named.
    pub fn parse(noun: &str, text: &str) -> Result<Self, Refusal> {
        let refuse = |rule: &str| {
            let shown: String = text.chars().take(NAME_LENGTH_MAX + 1).collect();
            Err(Refusal::new("ValidationError", format!("{noun} name '{shown}' {rule}")))
        };
        if text.is_empty() || text.len() > NAME_LENGTH_MAX {
            return refuse(&format!("must have 1 to {NAME_LENGTH_MAX} characters"));
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return refuse("can only contain characters that are alphanumeric characters or hyphens(-)");
        }
        if text.starts_with('-') || text.ends_with('-') {
            return refuse("cannot begin or end with a hyphen(-)");
        }
        Ok(ResourceName(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_letters_digits_and_inner_hyphens() {
        for good in ["a", "hello-dev-web", "A1", &"x".repeat(32)] {
            assert!(ResourceName::parse("Target group", good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "a_b", "a.b", "é", &"x".repeat(33)] {
            let refusal = ResourceName::parse("Target group", bad).expect_err(bad);
            assert_eq!(refusal.code, "ValidationError");
        }
    }
}
