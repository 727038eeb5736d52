//! GetParameterHistory.

use seatrial_aws_wire::Input;
use seatrial_engine::{Engine, parameters};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{invalid_token, listing, size, whole};
use super::show::{self, Decryption};
use crate::operations::OperationError;

/// The largest page, which is the usual one.
const PAGE_MAX: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetParameterHistory {
    name: String,
    #[serde(default)]
    with_decryption: bool,
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(super) fn get(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: GetParameterHistory = input.read()?;
    let size = size(request.max_results, PAGE_MAX, PAGE_MAX)?;
    let reference = whole(engine, &request.name)?;
    let parameter = engine.read(|state| parameters::find(state, &reference).map(|(it, _)| it.clone()))?;
    let token = request.next_token.as_deref();
    let page = listing("GetParameterHistory", input).page(parameter.versions(), |version| version.number, token, size);
    let page = page.map_err(|_| invalid_token())?;
    let decryption = Decryption::of(request.with_decryption);
    let shown = page.items.into_iter().map(|version| show::history(engine, &parameter, version, decryption));
    let mut answer = json!({ "Parameters": shown.collect::<Result<Vec<_>, _>>()? });
    if let Some(token) = page.next_token {
        answer["NextToken"] = token.into();
    }
    Ok(answer)
}
