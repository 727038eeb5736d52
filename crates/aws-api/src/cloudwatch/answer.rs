//! What the operations of CloudWatch share: refusals, required members, pages.

use seatrial_aws_wire::page::Listing;
use seatrial_aws_wire::{AnyTimestamp, Input};
use seatrial_cloudwatch::Invalid;
use seatrial_cloudwatch::query::DataError;
use seatrial_engine::Refusal;
use seatrial_model::Timestamp;
use serde_json::Value;

use crate::operations::OperationError;

/// Members that may differ between the pages of one listing.
const PAGING_MEMBERS: [&str; 3] = ["NextToken", "MaxRecords", "MaxDatapoints"];

impl From<Invalid> for OperationError {
    fn from(invalid: Invalid) -> Self {
        Refusal::from(invalid).into()
    }
}

pub(super) fn invalid_value(message: impl Into<String>) -> Refusal {
    Invalid::value(message).into()
}

pub(super) fn combination(message: impl Into<String>) -> Refusal {
    Invalid::combination(message).into()
}

pub(super) fn validation(message: impl Into<String>) -> Refusal {
    Refusal::new("ValidationError", message)
}

pub(super) fn invalid_token() -> Refusal {
    Refusal::new("InvalidNextToken", "The NextToken is not one that this request was answered with.")
}

/// Makes the refusal of queries that cannot be answered, with all that led to it.
pub(super) fn unanswerable(error: &DataError) -> Refusal {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    validation(message)
}

/// Returns a member that must be given.
pub(super) fn required<T>(member: &str, value: Option<T>) -> Result<T, Refusal> {
    value.ok_or_else(|| Invalid::missing(member).into())
}

/// Reads `StartTime` and `EndTime`.
pub(super) fn range(start: Option<AnyTimestamp>, end: Option<AnyTimestamp>) -> Result<(Timestamp, Timestamp), Refusal> {
    let (AnyTimestamp(start), AnyTimestamp(end)) = (required("StartTime", start)?, required("EndTime", end)?);
    if start >= end {
        return Err(validation("The parameter StartTime must be less than the parameter EndTime."));
    }
    Ok((start, end))
}

/// Reads a page size.
pub(super) fn size(member: &str, asked: Option<i64>, otherwise: usize, highest: usize) -> Result<usize, Refusal> {
    match asked {
        None => Ok(otherwise),
        Some(size) if (1..=highest as i64).contains(&size) => Ok(size as usize),
        Some(size) => Err(invalid_value(format!("The parameter {member} must be 1 to {highest}, not {size}."))),
    }
}

/// Names a listing by everything that was asked but the page.
pub(super) fn listing(operation: &str, input: &Input) -> Listing {
    let mut asked = input.value().clone();
    if let Some(members) = asked.as_object_mut() {
        members.retain(|member, _| !PAGING_MEMBERS.contains(&member.as_str()));
    }
    Listing::new(operation, [asked.to_string().as_str()])
}

/// Leaves out the members of an answer that are not there.
pub(super) fn without_nulls(mut answer: Value) -> Value {
    if let Some(members) = answer.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    answer
}
