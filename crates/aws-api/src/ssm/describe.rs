//! DescribeParameters.

use seatrial_aws_wire::Input;
use seatrial_engine::Engine;
use seatrial_parameters::parameter::{Filter, Listing};
use seatrial_parameters::{Parameter, Refused};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{invalid_token, listing, size};
use super::filters::{self, ParameterStringFilter, ParametersFilter};
use super::show;
use crate::operations::OperationError;

/// The usual page.
const PAGE: usize = 10;
/// The largest page.
const PAGE_MAX: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeParameters {
    #[serde(default)]
    filters: Vec<ParametersFilter>,
    #[serde(default)]
    parameter_filters: Vec<ParameterStringFilter>,
    max_results: Option<i64>,
    next_token: Option<String>,
    #[serde(default)]
    shared: bool,
}

pub(super) fn describe(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DescribeParameters = input.read()?;
    if !request.filters.is_empty() && !request.parameter_filters.is_empty() {
        return Err(Refused::validation("You can use either Filters or ParameterFilters in a single request.").into());
    }
    let size = size(request.max_results, PAGE, PAGE_MAX)?;
    let mut filters = filters::parse_older(request.filters)?;
    filters.extend(filters::parse(request.parameter_filters, Listing::Describe)?);
    let is_wanted = |it: &&Parameter| {
        // Nobody shares parameters with this account.
        !request.shared && filters.iter().all(|filter: &Filter| filter.admits(it, it.latest()))
    };
    let listing = listing("DescribeParameters", input);
    let page = engine.read(|state| {
        let found = state.parameters.values().filter(is_wanted);
        let page = listing.page(found, |it| it.name().as_str().to_owned(), request.next_token.as_deref(), size);
        page.map(|page| {
            (page.items.into_iter().map(|it| show::metadata(engine, it)).collect::<Vec<_>>(), page.next_token)
        })
    });
    let (shown, next_token) = page.map_err(|_| invalid_token())?;
    let mut answer = json!({ "Parameters": shown });
    if let Some(token) = next_token {
        answer["NextToken"] = token.into();
    }
    Ok(answer)
}
