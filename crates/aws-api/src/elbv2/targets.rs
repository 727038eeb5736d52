//! RegisterTargets, DeregisterTargets, DescribeTargetHealth.

use seatrial_aws_wire::Input;
use seatrial_engine::load_balancing::target_health::{self, TargetReference};
use seatrial_engine::load_balancing::{registration, target_groups};
use seatrial_engine::{Engine, Refusal};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{cut, validation, within};
use super::show;
use crate::operations::OperationError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfTargetGroup {
    target_group_arn: String,
    #[serde(default)]
    targets: Vec<Target>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Target {
    id: String,
    port: Option<i64>,
}

pub(super) fn register(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: OfTargetGroup = input.read()?;
    let targets = named(request.targets)?;
    engine.transact(|tx| registration::register(tx, &request.target_group_arn, &targets))?;
    Ok(json!({}))
}

pub(super) fn deregister(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: OfTargetGroup = input.read()?;
    let targets = named(request.targets)?;
    engine.transact(|tx| registration::deregister(tx, &request.target_group_arn, &targets))?;
    Ok(json!({}))
}

pub(super) fn describe_health(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: OfTargetGroup = input.read()?;
    let targets = request.targets.into_iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    let asked = Some(targets.as_slice()).filter(|targets| !targets.is_empty());
    let found = engine.read(|state| {
        let group = target_groups::find(state, &request.target_group_arn)?;
        Ok::<_, Refusal>(target_health::describe(state, group, asked))
    })?;
    Ok(json!({ "TargetHealthDescriptions": found.iter().map(show::target_health).collect::<Vec<_>>() }))
}

fn named(targets: Vec<Target>) -> Result<Vec<TargetReference>, Refusal> {
    if targets.is_empty() {
        return Err(validation("At least one target must be specified"));
    }
    targets.into_iter().map(parse).collect()
}

fn parse(target: Target) -> Result<TargetReference, Refusal> {
    let address = target
        .id
        .parse()
        .map_err(|_| validation(format!("The IP address '{}' is not a valid IPv4 address", cut(&target.id))))?;
    let port = target.port.map(|port| within("Port", port, 1..=u16::MAX)).transpose()?;
    Ok(TargetReference { address, port })
}
