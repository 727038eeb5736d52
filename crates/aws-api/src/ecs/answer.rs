//! What the answers of several ECS operations share: failures, pages, limits on the number of names.

use seatrial_aws_wire::page::Listing;
use seatrial_engine::Refusal;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::operations::OperationError;

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

/// Looks each reference up; what is missing goes into `failures[]` with the reason MISSING.
pub(super) fn found_and_missing(
    references: &[String],
    mut find: impl FnMut(&str) -> Result<Value, String>,
) -> (Vec<Value>, Vec<Value>) {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for reference in references {
        match find(reference) {
            Ok(value) => found.push(value),
            Err(arn) => failures.push(json!({ "arn": arn, "reason": "MISSING" })),
        }
    }
    (found, failures)
}

/// The bounds and default of `maxResults`.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageSize {
    pub default: usize,
    pub highest: usize,
}

impl PageSize {
    pub fn of(self, asked: Option<i64>) -> Result<usize, Refusal> {
        match asked {
            None => Ok(self.default),
            Some(size) if (1..=self.highest as i64).contains(&size) => Ok(size as usize),
            Some(_) => Err(Refusal::invalid(format!("maxResults must be between 1 and {}.", self.highest))),
        }
    }
}

/// Returns one page of items as `{ member: [...], nextToken }`.
pub(super) fn page<T, K: Ord + Serialize + DeserializeOwned>(
    listing: &Listing,
    member: &str,
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> K,
    show: impl Fn(T) -> Value,
    token: Option<&str>,
    size: usize,
) -> Result<Value, OperationError> {
    let page = listing
        .page(items, key, token, size)
        .map_err(|_| Refusal::invalid("Invalid token: it belongs to another request or was changed."))?;
    let mut answer = json!({ member: page.items.into_iter().map(show).collect::<Vec<_>>() });
    if let Some(token) = page.next_token {
        answer["nextToken"] = json!(token);
    }
    Ok(answer)
}
