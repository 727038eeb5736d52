//! The name of a function, out of the forms in which Lambda takes it.

use std::fmt;

/// The longest name Lambda gives a function.
const NAME_LENGTH_MAX: usize = 140;

/// The name of a function: letters, digits, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FunctionName(String);

/// A text that names no Lambda function.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no function; write its name, or arn:aws:lambda:REGION:ACCOUNT:function:NAME")]
pub(crate) struct InvalidFunction(String);

impl FunctionName {
    /// Reads a plain name.
    pub fn parse(text: &str) -> Result<Self, InvalidFunction> {
        let fits = (1..=NAME_LENGTH_MAX).contains(&text.len());
        if fits && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
            Ok(FunctionName(text.to_owned()))
        } else {
            Err(InvalidFunction(text.to_owned()))
        }
    }

    /// Reads the target of a hook: an ARN or a name, with or without the qualifier of a version or alias, which stands for the same
    /// function here.
    pub fn of_target(text: &str) -> Result<Self, InvalidFunction> {
        let refused = || InvalidFunction(text.to_owned());
        let parts: Vec<&str> = text.split(':').collect();
        let name = match parts.as_slice() {
            ["arn", _, "lambda", _, _, "function", name] | ["arn", _, "lambda", _, _, "function", name, _] => name,
            [name] | [name, _] if *name != "arn" => name,
            _ => return Err(refused()),
        };
        FunctionName::parse(name).map_err(|_| refused())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FunctionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_an_arn_or_a_name_with_or_without_qualifier() {
        let arn = "arn:aws:lambda:us-east-1:123456789012:function:check-orders";
        for target in [arn, &format!("{arn}:live"), &format!("{arn}:$LATEST"), "check-orders", "check-orders:3"] {
            assert_eq!(FunctionName::of_target(target).expect(target).as_str(), "check-orders");
        }
        let china = "arn:aws-cn:lambda:cn-north-1:123456789012:function:f";
        assert_eq!(FunctionName::of_target(china).expect(china).as_str(), "f");
    }

    #[test]
    fn what_names_no_function_is_refused() {
        for target in [
            "",
            "a b",
            "../check",
            "arn:aws:sns:us-east-1:123456789012:topic",
            "arn:aws:lambda:us-east-1:123456789012:function:",
            "arn:aws:lambda:us-east-1:123456789012:layer:name",
            "arn:aws:lambda:us-east-1:123456789012:function:a:b:c",
            "arn:aws",
        ] {
            assert!(FunctionName::of_target(target).is_err(), "{target}");
        }
    }
}
