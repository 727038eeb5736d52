//! What the operations of Parameter Store share: refusals, references, names in lists, pages.

use seatrial_aws_wire::Input;
use seatrial_aws_wire::page::Listing;
use seatrial_engine::{Engine, Refusal};
use seatrial_parameters::{Reference, Refused};

use crate::operations::OperationError;

/// The most names in a request.
const NAMES_MAX: usize = 10;
/// Members that may differ between the pages of one listing.
const PAGING_MEMBERS: [&str; 2] = ["NextToken", "MaxResults"];

impl From<Refused> for OperationError {
    fn from(refused: Refused) -> Self {
        Refusal::from(refused).into()
    }
}

/// Reads what a request names.
pub(super) fn reference(engine: &Engine, name: &str) -> Result<Reference, Refused> {
    Reference::parse(name, &engine.settings().scope)
}

/// Reads what a request names where no version can be chosen.
pub(super) fn whole(engine: &Engine, name: &str) -> Result<Reference, Refused> {
    let reference = reference(engine, name)?;
    if reference.selector().is_some() {
        return Err(Refused::validation("A version or label can't be chosen here."));
    }
    Ok(reference)
}

/// Checks how many names a request lists.
pub(super) fn check_names(names: &[String]) -> Result<(), Refused> {
    if (1..=NAMES_MAX).contains(&names.len()) {
        return Ok(());
    }
    Err(Refused::validation(format!("Value at 'names' failed to satisfy constraint: 1 to {NAMES_MAX} names")))
}

/// Reads a page size.
pub(super) fn size(asked: Option<i64>, otherwise: usize, highest: usize) -> Result<usize, Refused> {
    match asked {
        None => Ok(otherwise),
        Some(size) if (1..=highest as i64).contains(&size) => Ok(size as usize),
        Some(size) => Err(Refused::validation(format!(
            "Value '{size}' at 'maxResults' failed to satisfy constraint: between 1 and {highest}"
        ))),
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
    Refused::new("InvalidNextToken", "The specified token isn't valid.")
}
