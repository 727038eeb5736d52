//! Why a request is not authenticated, in the words AWS uses where clients or people know them.

use seatrial_model::Timestamp;

use super::scope::iso_basic;
use super::verify::CLOCK_SKEW_MAX;
use crate::common_error::CommonError;

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
                        Access Key and signing method. Consult the service documentation for details.";

/// The reason a request is refused before anything looks at what it asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    #[error("Missing Authentication Token")]
    Missing,
    /// A part of the signature is absent or malformed.
    #[error("{0}")]
    Incomplete(String),
    #[error("'Host' must be a 'SignedHeader' in the AWS Authorization.")]
    HostNotSigned,
    /// A header that decides what the request means is outside the signature.
    #[error("'{0}' is present in the request and must be a 'SignedHeader' in the AWS Authorization.")]
    HeaderNotSigned(&'static str),
    /// The signature is for another day, Region, service or protocol than the request.
    #[error("{0}")]
    Scope(String),
    #[error("{}", expired_text(*.signed, *.expired, *.now))]
    Expired { signed: Timestamp, expired: Timestamp, now: Timestamp },
    #[error("{}", early_text(*.signed, *.now))]
    NotYetCurrent { signed: Timestamp, now: Timestamp },
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    #[error("{MISMATCH}")]
    Mismatch,
    /// A body that is not the one that was signed.
    #[error("{MISMATCH} (The body does not have the digest given in 'x-amz-content-sha256'.)")]
    BodyMismatch,
}

impl AuthError {
    /// Returns the error that AWS answers in this case.
    pub fn to_common_error(&self) -> CommonError {
        let text = self.to_string();
        match self {
            AuthError::Missing => CommonError::MissingAuthenticationToken,
            AuthError::Incomplete(_) => CommonError::IncompleteSignature(text),
            AuthError::UnknownKey => CommonError::UnrecognizedClient(text),
            AuthError::HostNotSigned
            | AuthError::HeaderNotSigned(_)
            | AuthError::Scope(_)
            | AuthError::Expired { .. }
            | AuthError::NotYetCurrent { .. }
            | AuthError::Mismatch
            | AuthError::BodyMismatch => CommonError::InvalidSignature(text),
        }
    }
}

fn skew_minutes() -> u64 {
    CLOCK_SKEW_MAX.as_secs() / 60
}

fn expired_text(signed: Timestamp, expired: Timestamp, now: Timestamp) -> String {
    let minutes = expired.since(signed).as_secs() / 60;
    format!(
        "Signature expired: {} is now earlier than {} ({} - {minutes} min.)",
        iso_basic(signed),
        iso_basic(now - expired.since(signed)),
        iso_basic(now),
    )
}

fn early_text(signed: Timestamp, now: Timestamp) -> String {
    format!(
        "Signature not yet current: {} is still later than {} ({} + {} min.)",
        iso_basic(signed),
        iso_basic(now + CLOCK_SKEW_MAX),
        iso_basic(now),
        skew_minutes(),
    )
}
