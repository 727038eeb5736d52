//! LabelParameterVersion and UnlabelParameterVersion.

use seatrial_aws_wire::Input;
use seatrial_engine::{Engine, parameters};
use seatrial_parameters::Refused;
use seatrial_parameters::parameter::label::LABELS_MAX;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::whole;
use crate::operations::OperationError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Labels {
    name: String,
    parameter_version: Option<u64>,
    labels: Vec<String>,
}

pub(super) fn label(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: Labels = read(input)?;
    let reference = whole(engine, &request.name)?;
    let labelled = engine.transact(|tx| {
        parameters::change(tx, &reference, |parameter| parameter.label(request.parameter_version, &request.labels))
    })?;
    Ok(json!({ "InvalidLabels": labelled.invalid, "ParameterVersion": labelled.version }))
}

pub(super) fn unlabel(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: Labels = read(input)?;
    let reference = whole(engine, &request.name)?;
    let version = request.parameter_version.ok_or_else(|| Refused::validation("ParameterVersion is required."))?;
    let unlabelled = engine
        .transact(|tx| parameters::change(tx, &reference, |parameter| parameter.unlabel(version, &request.labels)))?;
    Ok(json!({ "RemovedLabels": unlabelled.removed, "InvalidLabels": unlabelled.invalid }))
}

fn read(input: &Input) -> Result<Labels, OperationError> {
    let request: Labels = input.read()?;
    if !(1..=LABELS_MAX).contains(&request.labels.len()) {
        let text = format!("Value at 'labels' failed to satisfy constraint: 1 to {LABELS_MAX} labels");
        return Err(Refused::validation(text).into());
    }
    Ok(request)
}
