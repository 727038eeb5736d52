//! What the operations of Secrets Manager share: the secret a request names, page sizes, tokens.

use seatrial_aws_wire::Input;
use seatrial_aws_wire::page::Listing;
use seatrial_parameters::secret::SecretId;
use seatrial_parameters::{Refused, VersionId};
use serde::Deserialize;

/// The largest page, which is the usual one.
const PAGE_MAX: i64 = 100;
/// Members that may differ between the pages of one listing.
const PAGING_MEMBERS: [&str; 2] = ["NextToken", "MaxResults"];

/// A request that says nothing but which secret.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfSecret {
    secret_id: String,
}

impl OfSecret {
    pub fn id(self) -> SecretId {
        SecretId::new(self.secret_id)
    }
}

/// Reads `ClientRequestToken`.
pub(super) fn token(text: Option<String>) -> Result<Option<VersionId>, Refused> {
    version("ClientRequestToken", text)
}

/// Reads the id of a version.
pub(super) fn version(member: &str, text: Option<String>) -> Result<Option<VersionId>, Refused> {
    text.map(|text| VersionId::parse(member, &text)).transpose()
}

/// Reads a page size.
pub(super) fn size(asked: Option<i64>) -> Result<usize, Refused> {
    match asked.unwrap_or(PAGE_MAX) {
        size @ 1..=PAGE_MAX => Ok(size as usize),
        size => Err(Refused::invalid_parameter(format!("MaxResults must be 1 to {PAGE_MAX}, not {size}."))),
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

pub(super) fn invalid_token() -> Refused {
    Refused::new("InvalidNextTokenException", "The NextToken value is invalid.")
}
