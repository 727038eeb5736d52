//! GetParameter and GetParameters.

use std::collections::BTreeSet;

use seatrial_aws_wire::Input;
use seatrial_engine::{Engine, Refusal, parameters};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{check_names, reference};
use super::show::{self, Decryption};
use crate::operations::OperationError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetParameter {
    name: String,
    #[serde(default)]
    with_decryption: bool,
}

pub(super) fn one(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: GetParameter = input.read()?;
    let parameter = read(engine, &request.name, Decryption::of(request.with_decryption))?;
    Ok(json!({ "Parameter": parameter }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetParameters {
    names: Vec<String>,
    #[serde(default)]
    with_decryption: bool,
}

pub(super) fn several(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: GetParameters = input.read()?;
    check_names(&request.names)?;
    let (mut found, mut invalid, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for name in &request.names {
        if !seen.insert(name) {
            continue;
        }
        match read(engine, name, Decryption::of(request.with_decryption)) {
            Ok(parameter) => found.push(parameter),
            Err(refusal) if refusal.code == "InternalServerError" => return Err(refusal.into()),
            Err(_) => invalid.push(name),
        }
    }
    Ok(json!({ "Parameters": found, "InvalidParameters": invalid }))
}

fn read(engine: &Engine, name: &str, decryption: Decryption) -> Result<Value, Refusal> {
    let reference = reference(engine, name)?;
    let found = engine.read(|state| {
        parameters::find(state, &reference).map(|(parameter, version)| (parameter.clone(), version.clone()))
    });
    let (parameter, version) = found?;
    show::parameter(engine, &parameter, &version, reference.suffix(), decryption)
}
