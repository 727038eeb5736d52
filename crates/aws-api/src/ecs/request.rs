//! What ECS checks in a request before it looks anything up: members that must be there, values out of a list, lengths.
//!
//! A wrong type is refused by [`Input::read`] and [`Input::check`] as a `SerializationException`; everything here is an
//! `InvalidParameterException` in ECS's words.

use seatrial_aws_wire::Input;
use seatrial_engine::Refusal;
use seatrial_engine::state::Document;
use sha2::{Digest, Sha256};

/// Takes a member that must be there and not empty; `name` is how ECS's message calls it.
pub(super) fn required(value: Option<String>, name: &str) -> Result<String, Refusal> {
    let given = value.filter(|value| !value.is_empty());
    given.ok_or_else(|| Refusal::invalid(format!("{name} can not be blank.")))
}

/// Refuses a value that is none of those ECS knows.
pub(super) fn one_of(value: Option<&str>, name: &str, known: &[&str]) -> Result<(), Refusal> {
    match value {
        Some(value) if !known.contains(&value) => {
            Err(Refusal::invalid(format!("{name} should be one of [{}]", known.join(","))))
        }
        Some(_) | None => Ok(()),
    }
}

/// Refuses a request that names nothing, or too much.
pub(super) fn check_count(what: &str, count: usize, highest: usize) -> Result<(), Refusal> {
    if count == 0 {
        return Err(Refusal::invalid(format!("{what} cannot be empty.")));
    }
    if count > highest {
        return Err(Refusal::invalid(format!("{what} cannot have more than {highest} elements.")));
    }
    Ok(())
}

/// Takes a `clientToken`: printable ASCII characters, of a number each operation has its own limit for.
pub(super) fn client_token(token: Option<String>, longest: usize) -> Result<Option<String>, Refusal> {
    match token {
        Some(token) if token.len() > longest || !token.bytes().all(|b| b.is_ascii_graphic()) => {
            Err(Refusal::invalid(format!("clientToken can have at most {longest} printable ASCII characters.")))
        }
        token => Ok(token),
    }
}

/// Returns a digest of the request. Objects have their members in the order of their names, so that equal requests have equal ones.
pub(super) fn digest(input: &Input) -> String {
    let digest = Sha256::digest(input.value().to_string());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the members of a request that are kept without acting on them: all but those handled.
pub(super) fn others(input: &Input, handled: &[&str]) -> Document {
    input.value().as_object().map(|members| without(members, handled)).unwrap_or_default()
}

/// Returns the members of an object other than those named.
pub(super) fn without(members: &Document, named: &[&str]) -> Document {
    let kept = members.iter().filter(|(name, _)| !named.contains(&name.as_str()));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}
