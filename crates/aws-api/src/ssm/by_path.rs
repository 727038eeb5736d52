//! GetParametersByPath.

use seatrial_aws_wire::Input;
use seatrial_engine::Engine;
use seatrial_parameters::parameter::filter::{Depth, is_below};
use seatrial_parameters::parameter::{Filter, Listing, ParameterVersion};
use seatrial_parameters::{Parameter, Refused};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{invalid_token, listing, size};
use super::filters::{self, ParameterStringFilter};
use super::show::{self, Decryption};
use crate::operations::OperationError;

/// The largest page, which is the usual one.
const PAGE_MAX: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetParametersByPath {
    path: String,
    #[serde(default)]
    recursive: bool,
    #[serde(default)]
    parameter_filters: Vec<ParameterStringFilter>,
    #[serde(default)]
    with_decryption: bool,
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(super) fn get(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: GetParametersByPath = input.read()?;
    if !request.path.starts_with('/') {
        return Err(Refused::validation("The parameter path must begin with a slash and be fully qualified.").into());
    }
    let size = size(request.max_results, PAGE_MAX, PAGE_MAX)?;
    let filters = filters::parse(request.parameter_filters, Listing::ByPath)?;
    let depth = if request.recursive { Depth::Any } else { Depth::OneLevel };
    let listing = listing("GetParametersByPath", input);
    let page = engine.read(|state| {
        let below = state.parameters.values().filter(|it| is_below(it.name().as_str(), &request.path, depth));
        let chosen = below.filter_map(|it| Some((it, choose(it, &filters)?)));
        let page = listing.page(chosen, |(it, _)| it.name().as_str().to_owned(), request.next_token.as_deref(), size);
        page.map(|page| {
            let items: Vec<_> = page.items.into_iter().map(|(it, version)| (it.clone(), version.clone())).collect();
            (items, page.next_token)
        })
    });
    let (items, next_token) = page.map_err(|_| invalid_token())?;
    let decryption = Decryption::of(request.with_decryption);
    let shown = items.iter().map(|(it, version)| show::parameter(engine, it, version, None, decryption));
    let mut answer = json!({ "Parameters": shown.collect::<Result<Vec<_>, _>>()? });
    if let Some(token) = next_token {
        answer["NextToken"] = token.into();
    }
    Ok(answer)
}

/// Chooses the version that is given out: the newest, or the newest of those that have a label which is looked for.
fn choose<'a>(parameter: &'a Parameter, filters: &[Filter]) -> Option<&'a ParameterVersion> {
    let fits = |version: &ParameterVersion| filters.iter().all(|filter| filter.admits(parameter, version));
    if filters.iter().any(Filter::is_of_versions) {
        return parameter.versions().filter(|version| fits(version)).last();
    }
    Some(parameter.latest()).filter(|version| fits(version))
}
