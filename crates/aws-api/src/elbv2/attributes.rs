//! Describe and Modify of the attributes of load balancers, listeners and target groups.

use std::collections::BTreeMap;

use seatrial_aws_wire::Input;
use seatrial_engine::load_balancing::{attributes, listeners, load_balancers, target_groups};
use seatrial_engine::{Engine, Refusal};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{cut, validation};
use crate::operations::OperationError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    key: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfLoadBalancer {
    load_balancer_arn: String,
    #[serde(default)]
    attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfListener {
    listener_arn: String,
    #[serde(default)]
    attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfTargetGroup {
    target_group_arn: String,
    #[serde(default)]
    attributes: Vec<Attribute>,
}

pub(super) fn describe_load_balancer(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: OfLoadBalancer = input.read()?;
    let find = |state: &_| {
        let balancer = load_balancers::find(state, &request.load_balancer_arn)?;
        Ok::<_, Refusal>(attributes::LOAD_BALANCER.shown(&balancer.attributes))
    };
    Ok(answer(&engine.read(find)?))
}

pub(super) fn modify_load_balancer(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: OfLoadBalancer = input.read()?;
    let changes = parse(request.attributes)?;
    let all = engine.transact(|tx| load_balancers::set_attributes(tx, &request.load_balancer_arn, changes))?;
    Ok(answer(&all))
}

pub(super) fn describe_listener(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: OfListener = input.read()?;
    let find = |state: &_| {
        let listener = listeners::find(state, &request.listener_arn)?;
        Ok::<_, Refusal>(attributes::LISTENER.shown(&listener.attributes))
    };
    Ok(answer(&engine.read(find)?))
}

pub(super) fn modify_listener(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: OfListener = input.read()?;
    let changes = parse(request.attributes)?;
    Ok(answer(&engine.transact(|tx| listeners::set_attributes(tx, &request.listener_arn, changes))?))
}

pub(super) fn describe_target_group(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: OfTargetGroup = input.read()?;
    let find = |state: &_| {
        let group = target_groups::find(state, &request.target_group_arn)?;
        Ok::<_, Refusal>(attributes::TARGET_GROUP.shown(&group.attributes))
    };
    Ok(answer(&engine.read(find)?))
}

pub(super) fn modify_target_group(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: OfTargetGroup = input.read()?;
    let changes = parse(request.attributes)?;
    let all = engine.transact(|tx| target_groups::set_attributes(tx, &request.target_group_arn, changes))?;
    Ok(answer(&all))
}

fn parse(list: Vec<Attribute>) -> Result<BTreeMap<String, String>, Refusal> {
    if list.is_empty() {
        return Err(validation("At least one attribute must be specified"));
    }
    let mut changes = BTreeMap::new();
    for Attribute { key, value } in list {
        let shown = cut(&key);
        if changes.insert(key, value).is_some() {
            return Err(validation(format!("The attribute key '{shown}' is given twice")));
        }
    }
    Ok(changes)
}

fn answer(attributes: &BTreeMap<String, String>) -> Value {
    let list: Vec<Value> = attributes.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    json!({ "Attributes": list })
}
