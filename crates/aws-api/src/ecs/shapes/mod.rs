//! What ECS's operations are asked: request shapes with ECS's own required members and limits.
//!
//! A wrong type is a `SerializationException` that names the member; a missing or impossible value is ECS's own error. Members the
//! engine does not know are accepted, as AWS accepts members newer than an SDK. References (names or ARNs) stay texts: only the
//! engine can say what they mean.

pub mod account_settings;
pub mod clusters;
pub mod deployments;
pub mod listing;
pub mod services;
pub mod tags;
pub mod task_definitions;
pub mod tasks;

use seatrial_aws_wire::{Input, ServiceError};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::operations::OperationError;

/// The members of a request that are kept for readers without acting on them.
pub type Document = Map<String, Value>;

/// A request that reads itself from an operation's input.
pub trait Request: Sized {
    /// The members as they are on the wire.
    type Wire: DeserializeOwned;

    /// Checks what ECS checks before it looks anything up.
    fn check(wire: Self::Wire, input: &Input) -> Result<Self, ServiceError>;

    fn read(input: &Input) -> Result<Self, OperationError> {
        Ok(Self::check(input.read()?, input)?)
    }
}

/// Whether tags are asked for by `include: ["TAGS"]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncludeTags {
    No,
    Yes,
}

impl IncludeTags {
    fn parse(include: &[String]) -> Self {
        if include.iter().any(|field| field == "TAGS") { IncludeTags::Yes } else { IncludeTags::No }
    }
}

/// Makes ECS's error for a value that cannot be.
pub(crate) fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::sender("InvalidParameterException", message)
}

/// Makes ECS's error for something it could do and this engine cannot.
pub(crate) fn unsupported(what: &str) -> ServiceError {
    ServiceError::sender("UnsupportedFeatureException", format!("{what} is not implemented by this engine."))
}

/// Takes a member that must be there and not blank.
fn required(value: Option<String>, message: &str) -> Result<String, ServiceError> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| invalid(message))
}

/// Refuses a text that is none of the values ECS knows.
fn one_of(value: Option<&str>, member: &str, values: &[&str]) -> Result<(), ServiceError> {
    match value {
        Some(value) if !values.contains(&value) => {
            Err(invalid(format!("{member} should be one of [{}]", values.join(","))))
        }
        Some(_) | None => Ok(()),
    }
}

/// Refuses an empty list of references, or one longer than a call may have.
fn bounded(references: Vec<String>, noun: &str, most: usize) -> Result<Vec<String>, ServiceError> {
    if references.is_empty() {
        return Err(invalid(format!("{noun} cannot be empty.")));
    }
    if references.len() > most {
        return Err(invalid(format!("{noun} cannot have more than {most} elements.")));
    }
    Ok(references)
}

/// The longest `clientToken`.
const CLIENT_TOKEN_LENGTH_MAX: usize = 36;

fn client_token(token: Option<String>) -> Result<Option<String>, ServiceError> {
    let fits = |token: &String| token.len() <= CLIENT_TOKEN_LENGTH_MAX && token.bytes().all(|b| b.is_ascii_graphic());
    match token {
        Some(token) if !fits(&token) => Err(invalid(format!(
            "The client token must have at most {CLIENT_TOKEN_LENGTH_MAX} printable ASCII characters."
        ))),
        token => Ok(token),
    }
}

/// Returns the members of the input other than those named.
fn other_members(input: &Input, handled: &[&str]) -> Document {
    let members = input.value().as_object();
    members
        .into_iter()
        .flatten()
        .filter(|(name, _)| !handled.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
pub(crate) mod test_support {
    use seatrial_aws_wire::Protocol;

    use super::*;

    pub(crate) fn read<R: Request>(body: Value) -> Result<R, OperationError> {
        let input = Input::from_json(body.to_string().as_bytes(), Protocol::AwsJson11).expect("a JSON object");
        R::read(&input)
    }

    /// Returns the code and message with which a request is refused.
    pub(crate) fn refusal<R: Request + std::fmt::Debug>(body: Value) -> (String, String) {
        match read::<R>(body).expect_err("the request is refused") {
            OperationError::Failed(error) => (error.code().to_owned(), error.message().to_owned()),
            OperationError::NotImplemented => panic!("a shape does not decide that"),
        }
    }
}
