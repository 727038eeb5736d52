//! What the tests of parameters share: a way to put, and one table a file.

mod filters;
mod names;
mod properties;
mod puts;
mod versions;

use seatrial_model::arn::Scope;
use seatrial_model::{AccountId, Region, SecretText, Timestamp};

use super::tier::Population;
use super::{Draft, Overwrite, Parameter, ParameterType, PutRequest};
use crate::refused::Refused;
use crate::stored_value::StoredValue;
use crate::tagging::Tags;

fn scope() -> Scope {
    Scope {
        region: Region::parse("us-east-1").expect("a region"),
        account: AccountId::parse("123456789012").expect("an account"),
    }
}

/// A request for a text; overwriting when there is something to overwrite.
fn request(name: &str, value: &str) -> PutRequest {
    PutRequest {
        name: name.to_owned(),
        value: SecretText::new(value),
        kind: Some(ParameterType::String),
        overwrite: Overwrite::Refused,
        description: None,
        key_id: None,
        allowed_pattern: None,
        data_type: None,
        tier: None,
        policies: None,
        tags: Tags::new(),
    }
}

fn put(existing: Option<Parameter>, request: PutRequest) -> Result<Parameter, Refused> {
    let draft = Draft::new(request, existing.as_ref(), Population::default(), &scope())?;
    let value = StoredValue::Plain(draft.value().expose().to_owned());
    Ok(Parameter::with(existing, draft, value, Timestamp::EPOCH, "arn:aws:iam::123456789012:user/seatrial"))
}

/// A parameter with so many versions.
fn with_versions(name: &str, count: usize) -> Parameter {
    let mut parameter = put(None, request(name, "1")).expect("a parameter");
    for version in 2..=count {
        let again = PutRequest { overwrite: Overwrite::Allowed, ..request(name, &version.to_string()) };
        parameter = put(Some(parameter), again).expect("another version");
    }
    parameter
}

fn code<T>(outcome: Result<T, Refused>) -> &'static str {
    outcome.err().map_or("", |refused| refused.code)
}
