//! Errors that every AWS service can answer before an operation runs, with the names each protocol family gives them.

use http::StatusCode;

use crate::error::ServiceError;
use crate::protocol::Protocol;

/// An error of the front, not of an operation.
///
/// JSON and CBOR services call these `...Exception`; query services use older names and sometimes another HTTP status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommonError {
    /// The request is not signed at all.
    MissingAuthenticationToken,
    /// The signature's parts are absent or malformed.
    IncompleteSignature(String),
    /// The signature is well formed and wrong, or no longer valid.
    InvalidSignature(String),
    /// The access key or session token is not one the engine issued.
    UnrecognizedClient(String),
    /// The request is refused whoever signed it.
    AccessDenied(String),
    /// The operation or service is not there. The text names it.
    UnknownOperation(String),
    /// The input cannot be read as the operation's input.
    MalformedInput(String),
    /// The input lacks a member the operation cannot do without. The text names it.
    MissingMember(String),
    /// The request has too many bytes.
    RequestTooLarge(String),
    /// The request did not arrive in time.
    RequestTimeout(String),
    /// The engine has no room for the request now.
    ServiceUnavailable(String),
    /// The engine failed. The text tells what is safe to tell.
    InternalFailure(String),
}

impl CommonError {
    /// Gives the error the name and status it has in the given protocol.
    pub fn for_protocol(self, protocol: Protocol) -> ServiceError {
        let (json, query, message) = self.names();
        let (code, status) = match protocol {
            Protocol::AwsJson10 | Protocol::AwsJson11 | Protocol::RpcV2Cbor => json,
            Protocol::Query => query,
        };
        let error = if status.is_server_error() {
            ServiceError::receiver(code, message)
        } else {
            ServiceError::sender(code, message)
        };
        error.with_status(status).with_query_code(query.0)
    }

    /// Returns the code and status for JSON and CBOR, the same for query, and the message.
    fn names(self) -> ((&'static str, StatusCode), (&'static str, StatusCode), String) {
        const BAD: StatusCode = StatusCode::BAD_REQUEST;
        const FORBIDDEN: StatusCode = StatusCode::FORBIDDEN;
        const LARGE: StatusCode = StatusCode::PAYLOAD_TOO_LARGE;
        const TIMEOUT: StatusCode = StatusCode::REQUEST_TIMEOUT;
        const UNAVAILABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;
        const INTERNAL: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;
        match self {
            CommonError::MissingAuthenticationToken => (
                ("MissingAuthenticationTokenException", FORBIDDEN),
                ("MissingAuthenticationToken", FORBIDDEN),
                "Missing Authentication Token".to_owned(),
            ),
            CommonError::IncompleteSignature(text) => {
                (("IncompleteSignatureException", BAD), ("IncompleteSignature", BAD), text)
            }
            CommonError::InvalidSignature(text) => {
                (("InvalidSignatureException", BAD), ("SignatureDoesNotMatch", FORBIDDEN), text)
            }
            CommonError::UnrecognizedClient(text) => {
                (("UnrecognizedClientException", BAD), ("InvalidClientTokenId", FORBIDDEN), text)
            }
            CommonError::AccessDenied(text) => {
                (("AccessDeniedException", FORBIDDEN), ("AccessDenied", FORBIDDEN), text)
            }
            CommonError::UnknownOperation(text) => (("UnknownOperationException", BAD), ("InvalidAction", BAD), text),
            CommonError::MalformedInput(text) => (("SerializationException", BAD), ("ValidationError", BAD), text),
            CommonError::MissingMember(text) => (("InvalidParameterException", BAD), ("ValidationError", BAD), text),
            CommonError::RequestTooLarge(text) => {
                (("RequestEntityTooLargeException", LARGE), ("RequestEntityTooLarge", LARGE), text)
            }
            CommonError::RequestTimeout(text) => {
                (("RequestTimeoutException", TIMEOUT), ("RequestTimeout", TIMEOUT), text)
            }
            CommonError::ServiceUnavailable(text) => {
                (("ServiceUnavailableException", UNAVAILABLE), ("ServiceUnavailable", UNAVAILABLE), text)
            }
            CommonError::InternalFailure(text) => (("InternalFailure", INTERNAL), ("InternalFailure", INTERNAL), text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Fault;

    #[test]
    fn json_and_query_services_name_the_same_error_differently() {
        let wrong = CommonError::InvalidSignature("no".to_owned());
        let json = wrong.clone().for_protocol(Protocol::AwsJson11);
        let query = wrong.for_protocol(Protocol::Query);
        assert_eq!((json.code(), json.status().as_u16()), ("InvalidSignatureException", 400));
        assert_eq!((query.code(), query.status().as_u16()), ("SignatureDoesNotMatch", 403));
        assert_eq!((json.fault(), query.fault()), (Fault::Sender, Fault::Sender));
    }

    #[test]
    fn only_server_errors_are_the_receivers_fault() {
        let down = CommonError::ServiceUnavailable("full".to_owned()).for_protocol(Protocol::Query);
        assert_eq!((down.fault(), down.status().as_u16()), (Fault::Receiver, 503));
        let large = CommonError::RequestTooLarge("big".to_owned()).for_protocol(Protocol::AwsJson11);
        assert_eq!((large.fault(), large.status().as_u16()), (Fault::Sender, 413));
    }
}
