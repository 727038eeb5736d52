//! CloudWatch Logs, as far as reading the tasks' logs goes: groups, streams, events, filters.

mod answer;
mod events;
mod filter;
mod groups;
mod merge;
mod pattern;
mod place;
mod streams;
mod tags;

use seatrial_aws_wire::{Input, OperationName};
use seatrial_engine::Engine;
use serde_json::Value;

use crate::operations::{OperationError, OperationFuture, Operations, RequestContext};

/// The operations of CloudWatch Logs.
#[derive(Clone)]
pub struct Logs {
    engine: Engine,
}

impl Logs {
    pub fn new(engine: Engine) -> Self {
        Logs { engine }
    }
}

impl Operations for Logs {
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
        "CreateLogGroup" => groups::create(engine, input),
        "DeleteLogGroup" => groups::delete(engine, input),
        "DescribeLogGroups" => groups::describe(engine, input),
        "PutRetentionPolicy" => groups::put_retention(engine, input),
        "DeleteRetentionPolicy" => groups::delete_retention(engine, input),
        "DescribeLogStreams" => streams::describe(engine, input),
        "GetLogEvents" => events::get(engine, input),
        "FilterLogEvents" => filter::filter(engine, input),
        "TagResource" => tags::tag(engine, input),
        "UntagResource" => tags::untag(engine, input),
        "ListTagsForResource" => tags::list(engine, input),
        _ => Err(OperationError::NotImplemented),
    }
}
