//! CloudWatch's refusals under the codes it answers with.

use seatrial_cloudwatch::Invalid;
use seatrial_cloudwatch::alarms::ChangeError;

use crate::refusal::Refusal;

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        Refusal::new(invalid.kind.code(), invalid.message)
    }
}

impl From<ChangeError> for Refusal {
    fn from(error: ChangeError) -> Self {
        let code = match &error {
            ChangeError::LimitExceeded => "LimitExceeded",
            ChangeError::NotFound(_) => "ResourceNotFound",
            ChangeError::OtherType { .. }
            | ChangeError::NoSuchChildren(_)
            | ChangeError::DependedUpon { .. }
            | ChangeError::TooManyToDelete => "ValidationError",
        };
        Refusal::new(code, error.to_string())
    }
}
