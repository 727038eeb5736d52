//! The error an operation answers with, independent of the protocol that carries it.

use std::borrow::Cow;
use std::fmt;

use http::StatusCode;
use serde_json::{Map, Value};

/// Who has to act for the request to succeed. SDKs retry a [`Fault::Receiver`] by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Sender,
    Receiver,
}

impl Fault {
    /// Returns the word the query protocol puts into `<Type>`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Fault::Sender => "Sender",
            Fault::Receiver => "Receiver",
        }
    }
}

/// An error of an AWS operation: the code that clients match on, a message for people, and the HTTP status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceError {
    code: Cow<'static, str>,
    query_code: Option<&'static str>,
    message: String,
    fault: Fault,
    status: StatusCode,
    members: Map<String, Value>,
}

impl ServiceError {
    /// Makes an error the caller can mend; HTTP 400, as nearly all of them.
    pub fn sender(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        ServiceError::new(code.into(), message.into(), Fault::Sender, StatusCode::BAD_REQUEST)
    }

    /// Makes an error the caller cannot mend; HTTP 500.
    pub fn receiver(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        ServiceError::new(code.into(), message.into(), Fault::Receiver, StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn new(code: Cow<'static, str>, message: String, fault: Fault, status: StatusCode) -> Self {
        ServiceError { code, query_code: None, message, fault, status, members: Map::new() }
    }

    /// Replaces the HTTP status, for the few errors whose model names another one.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Adds a further member of the error's shape, such as `resourceIds` of ECS's `ConflictException`. Not sent by the query protocol.
    #[must_use]
    pub fn with_member(mut self, name: &str, value: Value) -> Self {
        self.members.insert(name.to_owned(), value);
        self
    }

    /// Names the code of the query protocol, where another protocol's code differs and no service's model tells.
    #[must_use]
    pub(crate) fn with_query_code(mut self, code: &'static str) -> Self {
        self.query_code = Some(code);
        self
    }

    /// Returns the code the query protocol has for the error.
    pub(crate) fn query_code(&self) -> &str {
        self.query_code.unwrap_or(&self.code)
    }

    pub fn code(&self) -> &str {
        &self.code
    }

    pub fn message(&self) -> &str {
        &self.message
    }

    pub fn fault(&self) -> Fault {
        self.fault
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    pub fn members(&self) -> &Map<String, Value> {
        &self.members
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ServiceError {}
