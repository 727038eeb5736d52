//! Application Auto Scaling, as far as services of ECS go: scalable targets, scaling policies, activities and tags.

mod activities;
mod answer;
mod policies;
mod show;
mod tags;
mod targets;

use seatrial_aws_wire::{Input, OperationName};
use seatrial_engine::Engine;
use serde_json::Value;

use crate::operations::{OperationError, OperationFuture, Operations, RequestContext};

/// The operations of Application Auto Scaling.
#[derive(Clone)]
pub struct ApplicationAutoScaling {
    engine: Engine,
}

impl ApplicationAutoScaling {
    pub fn new(engine: Engine) -> Self {
        ApplicationAutoScaling { engine }
    }
}

impl Operations for ApplicationAutoScaling {
    fn call<'a>(
        &'a self,
        _context: &'a RequestContext,
        operation: &'a OperationName,
        input: &'a Input,
    ) -> OperationFuture<'a> {
        crate::blocking::run(&self.engine, operation, input, handle)
    }
}

fn handle(engine: &Engine, operation: &str, input: &Input) -> Result<Value, OperationError> {
    match operation {
        "RegisterScalableTarget" => targets::register(engine, input),
        "DeregisterScalableTarget" => targets::deregister(engine, input),
        "DescribeScalableTargets" => targets::describe(engine, input),
        "PutScalingPolicy" => policies::put(engine, input),
        "DeleteScalingPolicy" => policies::delete(engine, input),
        "DescribeScalingPolicies" => policies::describe(engine, input),
        "DescribeScalingActivities" => activities::describe(engine, input),
        "TagResource" => tags::tag(engine, input),
        "UntagResource" => tags::untag(engine, input),
        "ListTagsForResource" => tags::list(engine, input),
        _ => Err(OperationError::NotImplemented),
    }
}
