//! AWS Systems Manager, as far as Parameter Store goes: parameters, their versions, labels and tags.

mod answer;
mod by_path;
mod delete;
mod describe;
mod filters;
mod get;
mod history;
mod labels;
mod put;
mod show;
mod tags;

use seatrial_aws_wire::{Input, OperationName};
use seatrial_engine::Engine;
use serde_json::Value;

use crate::operations::{OperationError, OperationFuture, Operations, RequestContext};

/// The operations of Systems Manager.
#[derive(Clone)]
pub struct Ssm {
    engine: Engine,
}

impl Ssm {
    pub fn new(engine: Engine) -> Self {
        Ssm { engine }
    }
}

impl Operations for Ssm {
    fn call<'a>(
        &'a self,
        context: &'a RequestContext,
        operation: &'a OperationName,
        input: &'a Input,
    ) -> OperationFuture<'a> {
        let caller = context.principal.arn.to_string();
        let handle = move |engine: &Engine, operation: &str, input: &Input| handle(engine, operation, input, &caller);
        crate::blocking::run(&self.engine, operation, input, handle)
    }
}

fn handle(engine: &Engine, operation: &str, input: &Input, caller: &str) -> Result<Value, OperationError> {
    match operation {
        "PutParameter" => put::put(engine, input, caller),
        "GetParameter" => get::one(engine, input),
        "GetParameters" => get::several(engine, input),
        "GetParametersByPath" => by_path::get(engine, input),
        "GetParameterHistory" => history::get(engine, input),
        "DescribeParameters" => describe::describe(engine, input),
        "DeleteParameter" => delete::one(engine, input),
        "DeleteParameters" => delete::several(engine, input),
        "LabelParameterVersion" => labels::label(engine, input),
        "UnlabelParameterVersion" => labels::unlabel(engine, input),
        "AddTagsToResource" => tags::add(engine, input),
        "RemoveTagsFromResource" => tags::remove(engine, input),
        "ListTagsForResource" => tags::list(engine, input),
        _ => Err(OperationError::NotImplemented),
    }
}
