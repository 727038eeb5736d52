//! Why a command was refused: an AWS error code and the message that goes with it.

/// A refused command. The code is the exception's name in the AWS models; nothing has been changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    pub code: &'static str,
    pub message: String,
}

impl Refusal {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Refusal { code, message: message.into() }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Refusal::new("InvalidParameterException", message)
    }

    pub fn client(message: impl Into<String>) -> Self {
        Refusal::new("ClientException", message)
    }

    pub fn cluster_not_found() -> Self {
        Refusal::new("ClusterNotFoundException", "Cluster not found.")
    }

    pub fn service_not_found() -> Self {
        Refusal::new("ServiceNotFoundException", "Service not found.")
    }
}
