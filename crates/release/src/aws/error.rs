//! What can go wrong in a call to AWS, told by what was being done.

use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};

use super::hindrance::Hindrance;
use super::permission;

/// Code with which ECS says that a service does not exist.
pub(crate) const MISSING_SERVICE: &str = "ServiceNotFoundException";

/// Codes with which AWS refuses what the credentials may not ask.
const NOT_TO_BE_ASKED: [&str; 2] = ["AccessDeniedException", "AccessDenied"];

/// A call to AWS that failed after its retries.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {problem}")]
pub struct CallError {
    doing: String,
    problem: String,
    kind: CallErrorKind,
    code: Option<String>,
    hindrance: Option<Hindrance>,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The kinds of failure that are handled differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallErrorKind {
    /// No connection, or it broke, or no answer in time.
    Unreachable,
    /// There are no credentials, or the endpoint does not accept them.
    Credentials,
    /// The endpoint is overloaded or has a fault of its own.
    Unavailable,
    /// The endpoint does not have this operation.
    NotImplemented,
    /// The endpoint understood and refused.
    Refused,
    /// The answer could not be read.
    Unreadable,
}

impl CallError {
    /// The kind of failure.
    pub fn kind(&self) -> CallErrorKind {
        self.kind
    }

    /// AWS's error code, when there was an answer.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Whether the same call may well succeed in a moment.
    pub fn is_transient(&self) -> bool {
        match self.kind {
            CallErrorKind::Unreachable | CallErrorKind::Unavailable | CallErrorKind::Unreadable => true,
            CallErrorKind::Credentials | CallErrorKind::NotImplemented | CallErrorKind::Refused => false,
        }
    }

    /// What to do next.
    pub fn advice(&self) -> Option<String> {
        if let Some(hindrance) = &self.hindrance {
            return Some(hindrance.advice());
        }
        let text = match self.kind {
            CallErrorKind::Unreachable => "check that the endpoint is running and reachable",
            CallErrorKind::Credentials => "check the AWS credentials and the clock of this machine",
            CallErrorKind::Unavailable => "try again in a moment",
            CallErrorKind::NotImplemented => "this endpoint cannot do it; use another target",
            CallErrorKind::Unreadable => "check that the endpoint is really AWS or a Seatrial engine",
            CallErrorKind::Refused => {
                let of_permission = permission::advice(&self.problem);
                return of_permission.or_else(|| refusal_advice(&self.problem).map(ToOwned::to_owned));
            }
        };
        Some(text.to_owned())
    }

    /// Whether AWS refused with this code.
    pub(crate) fn has_code(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// Whether there is no asking: these credentials may not, or the endpoint does not have it.
    pub(crate) fn is_closed(&self) -> bool {
        self.kind == CallErrorKind::NotImplemented || NOT_TO_BE_ASKED.iter().any(|code| self.has_code(code))
    }

    fn of<E>(doing: String, error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let mut hindrance = None;
        let (kind, code, problem) = match &error {
            SdkError::ServiceError(context) => {
                let code = context.err().code().map(ToOwned::to_owned);
                let message = context.err().message().unwrap_or("without a message");
                hindrance = code.as_deref().and_then(|code| Hindrance::of_refusal(code, message));
                let kind = kind_of(code.as_deref(), context.raw().status().as_u16());
                let problem = code.as_deref().map_or_else(|| message.to_owned(), |code| format!("{code}: {message}"));
                let problem = match &hindrance {
                    Some(hindrance) => format!("{} ({problem})", hindrance.in_words()),
                    None => problem,
                };
                (kind, code, problem)
            }
            SdkError::TimeoutError(_) => (CallErrorKind::Unreachable, None, "no answer in time".to_owned()),
            SdkError::DispatchFailure(failure) => {
                hindrance = Hindrance::of_failure(&error);
                let problem = hindrance.as_ref().map(|hindrance| hindrance.in_words().to_owned());
                if failure.is_user() || failure.is_other() {
                    let problem = problem.unwrap_or_else(|| "the request could not be signed or sent".to_owned());
                    (CallErrorKind::Credentials, None, problem)
                } else {
                    (CallErrorKind::Unreachable, None, problem.unwrap_or_else(|| "no connection".to_owned()))
                }
            }
            SdkError::ResponseError(_) => (CallErrorKind::Unreadable, None, "the answer cannot be read".to_owned()),
            SdkError::ConstructionFailure(_) => {
                (CallErrorKind::Refused, None, "the request could not be built".to_owned())
            }
            _ => (CallErrorKind::Unreadable, None, "the call failed".to_owned()),
        };
        Self { doing, problem, kind, code, hindrance, source: error.into_source().ok() }
    }
}

fn kind_of(code: Option<&str>, status: u16) -> CallErrorKind {
    match code.unwrap_or_default() {
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestExpired"
        | "RequestTimeTooSkewed"
        | "OptInRequired"
        | "SubscriptionRequiredException"
        | "AuthFailure"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException" => CallErrorKind::Credentials,
        "Throttling"
        | "ThrottlingException"
        | "RequestLimitExceeded"
        | "TooManyRequestsException"
        | "ServerException" => CallErrorKind::Unavailable,
        "NotImplemented" | "NotImplementedException" | "UnknownOperationException" | "InvalidAction" => {
            CallErrorKind::NotImplemented
        }
        _ if status == 501 => CallErrorKind::NotImplemented,
        _ if status >= 500 => CallErrorKind::Unavailable,
        _ => CallErrorKind::Refused,
    }
}

/// Advice for refusals that people meet often, by a piece of AWS's message.
fn refusal_advice(problem: &str) -> Option<&'static str> {
    const ADVICE: [(&str, &str); 7] = [
        (
            "HierarchyTypeMismatch",
            "a plain value and a secret cannot take each other's place: `seatrial config unset` it first",
        ),
        ("execution role", "set `execution_role:` (an IAM role ARN) in the environment"),
        ("not authorized", "give these credentials the permission that the message names"),
        ("AccessDenied", "give these credentials the permission that the message names"),
        ("still Draining", "wait until the old service is gone, then deploy again"),
        ("already in use", "choose another `listener.port`, or stop what uses it (ss -ltnp shows it)"),
        ("does not have an associated load balancer", "run the deployment again; the listener was not in place yet"),
    ];
    ADVICE.iter().find(|(token, _)| problem.contains(token)).map(|(_, advice)| *advice)
}

/// Turns the SDK's error into one that says what was being done.
pub(crate) trait DoingExt<T> {
    /// `doing` completes "Seatrial was …", for example "creating service web".
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T, CallError>;
}

impl<T, E> DoingExt<T> for Result<T, SdkError<E>>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T, CallError> {
        self.map_err(|error| CallError::of(doing(), error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_decide_the_kind_and_the_status_helps_out() {
        let cases = [
            (Some("ThrottlingException"), 400, CallErrorKind::Unavailable),
            (Some("InvalidSignatureException"), 403, CallErrorKind::Credentials),
            (Some("ClusterNotFoundException"), 400, CallErrorKind::Refused),
            (Some("Strange"), 503, CallErrorKind::Unavailable),
            (None, 501, CallErrorKind::NotImplemented),
        ];
        for (code, status, expected) in cases {
            assert_eq!(kind_of(code, status), expected, "{code:?} {status}");
        }
    }
}
