//! AWS Secrets Manager: secrets, their versions, stages and deletion. Nothing rotates them.

mod answer;
mod create;
mod delete;
mod describe;
mod list;
mod put;
mod read;
mod show;
mod tags;
mod update;
mod value_member;
mod versions;

use seatrial_aws_wire::{Input, OperationName};
use seatrial_engine::Engine;
use serde_json::Value;

use crate::operations::{OperationError, OperationFuture, Operations, RequestContext};

/// The operations of Secrets Manager.
#[derive(Clone)]
pub struct SecretsManager {
    engine: Engine,
}

impl SecretsManager {
    pub fn new(engine: Engine) -> Self {
        SecretsManager { engine }
    }
}

impl Operations for SecretsManager {
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
        "CreateSecret" => create::create(engine, input),
        "GetSecretValue" => read::get(engine, input),
        "PutSecretValue" => put::put(engine, input),
        "UpdateSecret" => update::update(engine, input),
        "DescribeSecret" => describe::describe(engine, input),
        "ListSecrets" => list::list(engine, input),
        "ListSecretVersionIds" => versions::list(engine, input),
        "UpdateSecretVersionStage" => versions::update_stage(engine, input),
        "DeleteSecret" => delete::delete(engine, input),
        "RestoreSecret" => delete::restore(engine, input),
        "TagResource" => tags::tag(engine, input),
        "UntagResource" => tags::untag(engine, input),
        "RotateSecret" | "CancelRotateSecret" => update::rotate(engine, input),
        _ => Err(OperationError::NotImplemented),
    }
}
