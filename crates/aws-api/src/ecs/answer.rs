//! What the answers of several ECS operations share: failures and pages.

use seatrial_aws_wire::page::Listing;
use seatrial_engine::Refusal;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::operations::OperationError;

/// Looks each reference up; what is missing goes into `failures[]` under the ARN that `find` gives, with the reason MISSING.
pub(super) fn found_and_missing<R>(
    references: impl IntoIterator<Item = R>,
    mut find: impl FnMut(R) -> Result<Value, String>,
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

/// The largest page of any listing of ECS.
const PAGE_SIZE_MAX: i64 = 100;

/// The `nextToken` and `maxResults` of a listing, and how many items it gives when it is not asked for a number.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageRequest<'a> {
    pub token: Option<&'a str>,
    pub size: Option<i64>,
    pub default_size: usize,
}

/// Returns one page of items as `{ member: [...], nextToken }`.
pub(super) fn page<T, K: Ord + Serialize + DeserializeOwned>(
    listing: &Listing,
    member: &str,
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> K,
    show: impl Fn(T) -> Value,
    request: PageRequest<'_>,
) -> Result<Value, OperationError> {
    let size = match request.size {
        None => request.default_size,
        Some(size) if (1..=PAGE_SIZE_MAX).contains(&size) => size as usize,
        Some(_) => return Err(Refusal::invalid(format!("maxResults must be between 1 and {PAGE_SIZE_MAX}.")).into()),
    };
    let token = request.token.filter(|token| !token.is_empty());
    let page = listing
        .page(items, key, token, size)
        .map_err(|_| Refusal::invalid("Invalid token: it belongs to another request or was changed."))?;
    let mut answer = json!({ member: page.items.into_iter().map(show).collect::<Vec<_>>() });
    if let Some(token) = page.next_token {
        answer["nextToken"] = json!(token);
    }
    Ok(answer)
}
