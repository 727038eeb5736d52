//! Runs the engine's commands off the threads that serve connections: a command may wait for the disk.

use seatrial_aws_wire::{Input, OperationName, ServiceError};
use seatrial_engine::Refusal;
use serde_json::Value;

use crate::operations::{OperationError, OperationFuture};

/// Carries out an operation on a blocking thread, with what the service works on: the engine, for most.
pub(crate) fn run<'a, S: Clone + Send + Sync + 'static>(
    service: &'a S,
    operation: &'a OperationName,
    input: &'a Input,
    handle: impl FnOnce(&S, &str, &Input) -> Result<Value, OperationError> + Send + 'static,
) -> OperationFuture<'a> {
    let (service, operation, input) = (service.clone(), operation.clone(), input.clone());
    Box::pin(async move {
        let work = tokio::task::spawn_blocking(move || handle(&service, operation.as_str(), &input));
        work.await.unwrap_or_else(|panic| {
            tracing::error!(%panic, "an operation failed inside the engine");
            Err(ServiceError::receiver("ServerException", "The engine failed to carry out the request.").into())
        })
    })
}

impl From<Refusal> for OperationError {
    fn from(refusal: Refusal) -> Self {
        let error = match refusal.code {
            "ServerException" | "InternalServerError" | "InternalServiceError" => {
                ServiceError::receiver(refusal.code, refusal.message)
            }
            code => ServiceError::sender(code, refusal.message),
        };
        OperationError::Failed(error)
    }
}
