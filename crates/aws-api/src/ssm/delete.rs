//! DeleteParameter and DeleteParameters.

use seatrial_aws_wire::Input;
use seatrial_engine::{Engine, parameters};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{check_names, whole};
use crate::operations::OperationError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteParameter {
    name: String,
}

pub(super) fn one(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DeleteParameter = input.read()?;
    let reference = whole(engine, &request.name)?;
    engine.transact(|tx| parameters::delete(tx, &reference))?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteParameters {
    names: Vec<String>,
}

pub(super) fn several(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DeleteParameters = input.read()?;
    check_names(&request.names)?;
    let (mut deleted, mut invalid) = (Vec::new(), Vec::new());
    let named: Vec<_> = request.names.iter().map(|name| (name, whole(engine, name).ok())).collect();
    engine.transact(|tx| {
        for (name, reference) in named {
            let is_gone = reference.is_some_and(|reference| parameters::delete(tx, &reference).is_ok());
            if is_gone { deleted.push(name) } else { invalid.push(name) }
        }
        Ok(())
    })?;
    Ok(json!({ "DeletedParameters": deleted, "InvalidParameters": invalid }))
}
