//! Proving a claim: the right time, the right secret, the right head and body.

use std::time::Duration;

use seatrial_model::Timestamp;
use subtle::ConstantTimeEq;

use super::UNSIGNED_PAYLOAD;
use super::canonical::{RequestHead, canonical_request};
use super::claim::{Claim, Payload};
use super::error::AuthError;
use super::key::{BodyDigest, SecretAccessKey, signature};
use super::parameters::Placement;

/// How far the clocks of signer and verifier may differ. AWS states five minutes for most services, in its IAM guide's chapter
/// on why requests are signed.
pub const CLOCK_SKEW_MAX: Duration = Duration::from_secs(5 * 60);

/// The longest validity of a pre-signed request: seven days, as long as AWS's signing keys live.
pub const EXPIRES_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What the verifier knows about an access key.
#[derive(Clone, Debug)]
pub struct Credential {
    pub secret: SecretAccessKey,
    /// The token that requests must carry when the credential is a temporary one.
    pub session_token: Option<String>,
}

impl Claim {
    /// Refuses a signature that is too old, or from the future, at `now`.
    pub fn check_time(&self, now: Timestamp) -> Result<(), AuthError> {
        if self.signed_at > now + CLOCK_SKEW_MAX {
            return Err(AuthError::NotYetCurrent { signed: self.signed_at, now });
        }
        let expired = self.signed_at + self.expires.unwrap_or(CLOCK_SKEW_MAX);
        if now > expired {
            return Err(AuthError::Expired { signed: self.signed_at, expired, now });
        }
        Ok(())
    }

    /// Proves that the request was signed with `credential`, over this head and a body with this digest.
    ///
    /// Compares in constant time. Says nothing about the time, see [`Claim::check_time`].
    pub fn verify(&self, head: &RequestHead<'_>, credential: &Credential, body: BodyDigest) -> Result<(), AuthError> {
        self.check_session_token(credential)?;
        let payload = match self.payload {
            Payload::Body => body.to_string(),
            Payload::Stated(digest) => digest.to_string(),
            Payload::Unsigned => UNSIGNED_PAYLOAD.to_owned(),
        };
        let without_parameter = match self.placement {
            Placement::Header => None,
            Placement::Query => Some("X-Amz-Signature"),
        };
        let canonical = canonical_request(head, &self.signed_headers, without_parameter, &payload);
        let expected = signature(&credential.secret, &self.scope, &super::scope::iso_basic(self.signed_at), &canonical);
        if !bool::from(expected.ct_eq(&self.signature)) {
            return Err(AuthError::Mismatch);
        }
        match self.payload {
            Payload::Stated(digest) if digest != body => Err(AuthError::BodyMismatch),
            Payload::Stated(_) | Payload::Body | Payload::Unsigned => Ok(()),
        }
    }

    fn check_session_token(&self, credential: &Credential) -> Result<(), AuthError> {
        let matches = match (&self.session_token, &credential.session_token) {
            (None, None) => true,
            (Some(given), Some(issued)) => bool::from(given.as_slice().ct_eq(issued.as_bytes())),
            (Some(_), None) | (None, Some(_)) => false,
        };
        if matches { Ok(()) } else { Err(AuthError::UnknownKey) }
    }
}
