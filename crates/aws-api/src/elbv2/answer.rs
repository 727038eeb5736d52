//! What the operations of ELBv2 share: pages, ranges, refusals of requests that cannot be.

use std::fmt::Display;
use std::ops::RangeInclusive;

use seatrial_aws_wire::page::Listing;
use seatrial_engine::Refusal;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::operations::OperationError;

/// The largest page, and the one given when the request names no size.
const PAGE_SIZE_MAX: i64 = 400;
/// The most resources a request can name.
const NAMED_AT_ONCE_MAX: usize = 20;

pub(super) fn validation(message: impl Into<String>) -> Refusal {
    Refusal::new("ValidationError", message)
}

/// Makes the refusal of something ELB could do and this engine cannot.
pub(super) fn not_implemented(what: impl Display) -> Refusal {
    Refusal::new("InvalidConfigurationRequest", format!("{what} is not implemented by this engine"))
}

/// Reads a number that has to be within a range.
pub(super) fn within<T: TryFrom<i64> + Into<i64> + Copy + Display>(
    member: &str,
    value: i64,
    range: RangeInclusive<T>,
) -> Result<T, Refusal> {
    let (low, high) = (*range.start(), *range.end());
    match T::try_from(value) {
        Ok(number) if (low.into()..=high.into()).contains(&value) => Ok(number),
        Ok(_) | Err(_) => Err(validation(format!("{member} '{value}' must be between {low} and {high} inclusive"))),
    }
}

/// Refuses more names or ARNs than one request can have.
pub(super) fn check_named(named: &[String]) -> Result<(), Refusal> {
    if named.len() > NAMED_AT_ONCE_MAX {
        return Err(validation(format!("A request can name at most {NAMED_AT_ONCE_MAX} resources")));
    }
    Ok(())
}

/// Shortens what a client sent for a message about it.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(128).collect()
}

/// The `Marker` and `PageSize` of a listing.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageRequest<'a> {
    pub marker: Option<&'a str>,
    pub size: Option<i64>,
}

/// Returns one page of items as `{ member: [...], NextMarker }`.
pub(super) fn page<T, K: Ord + Serialize + DeserializeOwned>(
    listing: &Listing,
    member: &str,
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> K,
    show: impl Fn(T) -> Value,
    request: PageRequest<'_>,
) -> Result<Value, OperationError> {
    let size = within("PageSize", request.size.unwrap_or(PAGE_SIZE_MAX), 1..=PAGE_SIZE_MAX)?;
    let marker = request.marker.filter(|marker| !marker.is_empty());
    let page = listing
        .page(items, key, marker, size as usize)
        .map_err(|_| validation("The marker belongs to another request or was changed"))?;
    let mut answer = json!({ member: page.items.into_iter().map(show).collect::<Vec<_>>() });
    if let Some(marker) = page.next_token {
        answer["NextMarker"] = json!(marker);
    }
    Ok(answer)
}
