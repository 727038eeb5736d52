//! The credential scope: for which key, day, Region and service a signature holds.

use std::fmt;

use seatrial_model::Timestamp;
use time::PrimitiveDateTime;
use time::macros::format_description;

use super::TERMINATOR;
use super::error::AuthError;
use crate::timestamp::calendar;

/// The longest access key id. AWS's own documentation allows 16 to 128 characters.
const ACCESS_KEY_ID_LENGTH_MAX: usize = 128;

/// The public half of a credential.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessKeyId(String);

/// A text that is no access key id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an access key id has 1 to {ACCESS_KEY_ID_LENGTH_MAX} letters, digits and underscores")]
pub struct InvalidAccessKeyId;

impl AccessKeyId {
    /// Parses 1 to 128 letters, digits and underscores.
    pub fn parse(text: &str) -> Result<Self, InvalidAccessKeyId> {
        let fits = (1..=ACCESS_KEY_ID_LENGTH_MAX).contains(&text.len());
        if fits && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            Ok(AccessKeyId(text.to_owned()))
        } else {
            Err(InvalidAccessKeyId)
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessKeyId({})", self.0)
    }
}

/// Where and when a signature holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialScope {
    date: String,
    region: String,
    service: String,
}

impl CredentialScope {
    pub(super) fn new(at: Timestamp, region: &str, service: &str) -> Self {
        let date = iso_basic(at).chars().take(DATE_LENGTH).collect();
        CredentialScope { date, region: region.to_owned(), service: service.to_owned() }
    }

    /// Reads `KEY/DATE/REGION/SERVICE/aws4_request`.
    pub(super) fn parse(credential: &str) -> Result<(AccessKeyId, Self), AuthError> {
        let parts: Vec<&str> = credential.split('/').collect();
        let [key, date, region, service, terminator] = parts.as_slice() else {
            return Err(AuthError::Incomplete(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got {}.",
                parts.len()
            )));
        };
        let key = AccessKeyId::parse(key).map_err(|_| AuthError::UnknownKey)?;
        if *terminator != TERMINATOR {
            return Err(AuthError::Scope(format!(
                "Credential should be scoped with a valid terminator: '{TERMINATOR}'."
            )));
        }
        if date.len() != DATE_LENGTH || !date.bytes().all(|b| b.is_ascii_digit()) {
            return Err(AuthError::Incomplete("Date in Credential scope must be YYYYMMDD.".to_owned()));
        }
        let scope =
            CredentialScope { date: (*date).to_owned(), region: (*region).to_owned(), service: (*service).to_owned() };
        Ok((key, scope))
    }

    /// Returns the day as `YYYYMMDD`.
    pub fn date(&self) -> &str {
        &self.date
    }

    pub fn region(&self) -> &str {
        &self.region
    }

    /// Returns the signing name of the service, such as `elasticloadbalancing`.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Refuses a signature that is not for `region`.
    pub fn require_region(&self, region: &str) -> Result<(), AuthError> {
        if self.region == region {
            return Ok(());
        }
        Err(AuthError::Scope(format!("Credential should be scoped to a valid region: '{region}'.")))
    }

    /// Refuses a signature that is not for the service with this signing name.
    pub fn require_service(&self, service: &str) -> Result<(), AuthError> {
        if self.service == service {
            return Ok(());
        }
        Err(AuthError::Scope(format!("Credential should be scoped to correct service: '{service}'.")))
    }

    pub(super) fn require_date(&self, signed: &str) -> Result<(), AuthError> {
        if signed.get(..DATE_LENGTH) == Some(&self.date) {
            return Ok(());
        }
        Err(AuthError::Scope(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{}'.",
            self.date,
            signed.get(..DATE_LENGTH).unwrap_or_default(),
        )))
    }
}

impl fmt::Display for CredentialScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{TERMINATOR}", self.date, self.region, self.service)
    }
}

const DATE_LENGTH: usize = 8;

/// Writes an instant as `20150830T123600Z`.
pub(super) fn iso_basic(at: Timestamp) -> String {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let instant = calendar(at).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    instant.format(&format).expect("the format has only components every instant has")
}

/// Reads `20150830T123600Z`.
pub(super) fn parse_iso_basic(text: &str) -> Option<Timestamp> {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let instant = PrimitiveDateTime::parse(text, &format).ok()?.assume_utc();
    Some(Timestamp::from_millis(instant.unix_timestamp().checked_mul(1000)?))
}
