//! What a service offers to the front: its operations, by name.

use std::pin::Pin;

use seatrial_aws_wire::sigv4::AccessKeyId;
use seatrial_aws_wire::{Input, InvalidInput, OperationName, ServiceError};
use seatrial_model::Timestamp;
use seatrial_model::arn::Scope;
use serde_json::Value;

use crate::front::RequestId;
use crate::identity::Principal;

/// The operations of one AWS service.
pub trait Operations: Send + Sync {
    /// Carries out an operation and returns its output in the shape of the service's model.
    ///
    /// Runs to its end even when the client goes away, so that nothing is left half done.
    fn call<'a>(
        &'a self,
        context: &'a RequestContext,
        operation: &'a OperationName,
        input: &'a Input,
    ) -> OperationFuture<'a>;
}

/// An operation on its way.
pub type OperationFuture<'a> = Pin<Box<dyn Future<Output = Result<Value, OperationError>> + Send + 'a>>;

/// Who asks, where and when.
#[derive(Clone, Debug)]
pub struct RequestContext {
    pub request_id: RequestId,
    pub access_key_id: AccessKeyId,
    pub principal: Principal,
    /// The Region and account in which the caller's resources live.
    pub scope: Scope,
    /// When the request was authenticated.
    pub received_at: Timestamp,
}

/// Why an operation has no output.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperationError {
    /// The service has no operation of this name here.
    #[error("not implemented by this engine")]
    NotImplemented,
    #[error(transparent)]
    Failed(#[from] ServiceError),
}

impl From<InvalidInput> for OperationError {
    fn from(error: InvalidInput) -> Self {
        OperationError::Failed(error.into())
    }
}
