//! What a release is called: the instant of its beginning and four characters of chance, so that names sort by time.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::{OffsetDateTime, UtcOffset};

/// Characters that cannot be taken for one another.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const CHANCE_LENGTH: usize = 4;
/// `20261127-201500-` and the chance.
const LENGTH: usize = 16 + CHANCE_LENGTH;

/// The name of a release, such as `20261127-201500-k3f9`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReleaseId(String);

/// A text that names no release.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not the name of a release; one looks like 20261127-201500-k3f9 (`seatrial audit` lists them)")]
pub struct ReleaseIdError(String);

impl ReleaseId {
    /// Names something that begins now; two of one second have different names.
    pub(crate) fn at(now: OffsetDateTime) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let now = now.to_offset(UtcOffset::UTC);
        let chance = Sha256::new()
            .chain_update(OffsetDateTime::now_utc().unix_timestamp_nanos().to_le_bytes())
            .chain_update(std::process::id().to_le_bytes())
            .chain_update(COUNT.fetch_add(1, Ordering::Relaxed).to_le_bytes())
            .finalize();
        let chance: String =
            chance.iter().take(CHANCE_LENGTH).map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
        let (date, time) = (now.date(), now.time());
        ReleaseId(format!(
            "{:04}{:02}{:02}-{:02}{:02}{:02}-{chance}",
            date.year(),
            u8::from(date.month()),
            date.day(),
            time.hour(),
            time.minute(),
            time.second()
        ))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ReleaseId {
    type Err = ReleaseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = |(place, byte): (usize, u8)| match place {
            8 | 15 => byte == b'-',
            0..16 => byte.is_ascii_digit(),
            _ => byte.is_ascii_lowercase() || byte.is_ascii_digit(),
        };
        if text.len() == LENGTH && text.bytes().enumerate().all(fits) {
            Ok(ReleaseId(text.to_owned()))
        } else {
            Err(ReleaseIdError(text.to_owned()))
        }
    }
}

impl TryFrom<String> for ReleaseId {
    type Error = ReleaseIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ReleaseId> for String {
    fn from(id: ReleaseId) -> Self {
        id.0
    }
}

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_by_time_and_differ_within_a_second() {
        let at = OffsetDateTime::from_unix_timestamp(1_795_761_519).expect("an instant");
        let (one, other) = (ReleaseId::at(at), ReleaseId::at(at));
        assert!(one.as_str().starts_with("20261127-063839-"), "{one}");
        assert_ne!(one, other);
        assert!(ReleaseId::at(at + time::Duration::SECOND) > one.max(other));
    }

    #[test]
    fn only_names_of_releases_are_read_as_such() {
        assert!("20261127-201500-k3f9".parse::<ReleaseId>().is_ok());
        for text in [
            "",
            "20261127",
            "20261127-201500-k3f",
            "20261127-201500-K3F9",
            "2026112a-201500-k3f9",
            "../../../../lock/xxx",
        ] {
            assert!(text.parse::<ReleaseId>().is_err(), "{text}");
        }
    }
}
