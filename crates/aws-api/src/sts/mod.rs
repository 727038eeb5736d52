//! AWS STS, as far as an engine with lasting credentials has it: GetCallerIdentity.

use seatrial_aws_wire::{Input, OperationName};
use serde_json::json;

use crate::operations::{OperationError, OperationFuture, Operations, RequestContext};

/// The operations of STS.
#[derive(Clone, Copy, Debug)]
pub struct Sts;

impl Operations for Sts {
    fn call<'a>(
        &'a self,
        context: &'a RequestContext,
        operation: &'a OperationName,
        _input: &'a Input,
    ) -> OperationFuture<'a> {
        let result = match operation.as_str() {
            "GetCallerIdentity" => Ok(json!({
                "UserId": context.principal.user_id,
                "Account": context.principal.account,
                "Arn": context.principal.arn,
            })),
            _ => Err(OperationError::NotImplemented),
        };
        Box::pin(std::future::ready(result))
    }
}
