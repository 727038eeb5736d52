//! The filters of listings as requests have them.

use seatrial_parameters::Refused;
use seatrial_parameters::parameter::{Filter, Listing};
use serde::Deserialize;

/// `ParameterStringFilter`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ParameterStringFilter {
    key: String,
    option: Option<String>,
    #[serde(default)]
    values: Vec<String>,
}

/// `ParametersFilter`, the older one.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ParametersFilter {
    key: String,
    values: Vec<String>,
}

pub(super) fn parse(list: Vec<ParameterStringFilter>, listing: Listing) -> Result<Vec<Filter>, Refused> {
    let parsed =
        list.into_iter().map(|filter| Filter::parse(&filter.key, filter.option.as_deref(), filter.values, listing));
    check_once(parsed.collect::<Result<Vec<_>, _>>()?)
}

pub(super) fn parse_older(list: Vec<ParametersFilter>) -> Result<Vec<Filter>, Refused> {
    let parsed = list.into_iter().map(|filter| Filter::parse_older(&filter.key, filter.values));
    check_once(parsed.collect::<Result<Vec<_>, _>>()?)
}

fn check_once(filters: Vec<Filter>) -> Result<Vec<Filter>, Refused> {
    let repeated =
        filters.iter().enumerate().any(|(index, filter)| filters[..index].iter().any(|other| other.repeats(filter)));
    if repeated {
        return Err(Refused::new(
            "InvalidFilterKey",
            "A filter key can be given once; a filter may have several values.",
        ));
    }
    Ok(filters)
}
