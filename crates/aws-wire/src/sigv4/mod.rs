//! AWS Signature Version 4: verifying requests as an AWS service does, and signing them as an SDK does.
//!
//! Verification takes two steps, because the head of a request arrives before its body: [`Claim::parse`] reads who claims to have
//! signed it, and refuses what can be refused from the head alone; [`Claim::verify`] then proves the claim over head and body.
//! Both the `Authorization` header and the pre-signed query form are understood.

mod canonical;
mod claim;
mod error;
mod key;
mod parameters;
mod scope;
mod sign;
mod verify;

pub use canonical::RequestHead;
pub use claim::Claim;
pub use error::AuthError;
pub use key::{BodyDigest, SecretAccessKey};
pub use scope::{AccessKeyId, CredentialScope, InvalidAccessKeyId};
pub use sign::{SignatureHeaders, Signer};
pub use verify::{CLOCK_SKEW_MAX, Credential, EXPIRES_MAX};

pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
pub(crate) const TERMINATOR: &str = "aws4_request";
/// Stands in the place of the body's digest when the body is not part of the signature.
pub(crate) const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
