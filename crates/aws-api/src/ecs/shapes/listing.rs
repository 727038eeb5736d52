//! `maxResults` and `nextToken` of the listing operations.

use seatrial_aws_wire::ServiceError;
use serde::Deserialize;

use super::invalid;

/// The largest page of any listing of ECS.
pub const PAGE_SIZE_MAX: i64 = 100;

/// The page asked for, as on the wire.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WirePage {
    pub next_token: Option<String>,
    pub max_results: Option<i64>,
}

/// The page asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    pub token: Option<String>,
    /// 1 to 100.
    pub size: usize,
}

impl WirePage {
    /// Fills in the operation's own default.
    pub(super) fn check(self, default: usize) -> Result<PageRequest, ServiceError> {
        let size = match self.max_results {
            None => default,
            Some(size) if (1..=PAGE_SIZE_MAX).contains(&size) => size as usize,
            Some(_) => return Err(invalid(format!("maxResults must be between 1 and {PAGE_SIZE_MAX}."))),
        };
        Ok(PageRequest { token: self.next_token.filter(|token| !token.is_empty()), size })
    }
}
