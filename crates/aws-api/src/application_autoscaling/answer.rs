//! What the operations share: the resource a request names, filters, pages.

use seatrial_aws_wire::Input;
use seatrial_aws_wire::page::Listing;
use seatrial_engine::Refusal;
use seatrial_engine::auto_scaling::ScalableResource;
use seatrial_engine::auto_scaling::resource::{check_dimension, check_namespace};
use serde::Deserialize;

/// Members that may differ between the pages of one listing.
const PAGING_MEMBERS: [&str; 2] = ["NextToken", "MaxResults"];
/// The most names in a filter (shape `ResourceIdsMaxLen1600`).
const NAMES_MAX: usize = 50;

/// The members by which every command names its resource.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfResource {
    service_namespace: String,
    resource_id: String,
    scalable_dimension: String,
}

impl OfResource {
    pub fn resource(&self) -> Result<ScalableResource, Refusal> {
        ScalableResource::parse(&self.service_namespace, &self.resource_id, &self.scalable_dimension)
    }
}

/// The members by which a listing is narrowed down and paged.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Narrowed {
    service_namespace: String,
    resource_id: Option<String>,
    scalable_dimension: Option<String>,
    pub max_results: Option<i64>,
    pub next_token: Option<String>,
}

impl Narrowed {
    /// Returns the resource that is asked about; none asks about all.
    pub fn resource(&self) -> Result<Option<ScalableResource>, Refusal> {
        check_namespace(&self.service_namespace)?;
        if let Some(dimension) = &self.scalable_dimension {
            check_dimension(dimension)?;
        }
        match (&self.resource_id, &self.scalable_dimension) {
            (Some(resource), _) => ScalableResource::parse_id(resource).map(Some),
            (None, Some(_)) => Err(validation("ResourceId must be given with a ScalableDimension.")),
            (None, None) => Ok(None),
        }
    }
}

/// Reads a page size.
pub(super) fn size(asked: Option<i64>, highest: usize) -> Result<usize, Refusal> {
    match asked {
        None => Ok(highest),
        Some(size) if (1..=highest as i64).contains(&size) => Ok(size as usize),
        Some(size) => Err(validation(format!("MaxResults must be 1 to {highest}, not {size}."))),
    }
}

/// Refuses a filter of too many names.
pub(super) fn check_names(member: &str, names: &[String]) -> Result<(), Refusal> {
    if names.len() <= NAMES_MAX {
        return Ok(());
    }
    Err(validation(format!("{member} may have at most {NAMES_MAX} members.")))
}

/// Names a listing by everything that was asked but the page.
pub(super) fn listing(operation: &str, input: &Input) -> Listing {
    let mut asked = input.value().clone();
    if let Some(members) = asked.as_object_mut() {
        members.retain(|member, _| !PAGING_MEMBERS.contains(&member.as_str()));
    }
    Listing::new(operation, [asked.to_string().as_str()])
}

pub(super) fn invalid_token() -> Refusal {
    Refusal::new("InvalidNextTokenException", "The NextToken value is not valid.")
}

pub(super) fn validation(message: impl Into<String>) -> Refusal {
    Refusal::new("ValidationException", message)
}
