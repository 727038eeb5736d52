//! The SDK's timestamps as [`time`]'s.

use aws_smithy_types::DateTime;
use time::OffsetDateTime;

/// Converts a timestamp; one outside the years -9999 to 9999 is none.
pub(crate) fn timestamp(from: Option<&DateTime>) -> Option<OffsetDateTime> {
    let nanoseconds = i128::from(from?.secs()) * 1_000_000_000 + i128::from(from?.subsec_nanos());
    OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok()
}

/// The length of time from `start` to `end`; none when it is negative.
pub(crate) fn between(start: OffsetDateTime, end: OffsetDateTime) -> Option<std::time::Duration> {
    std::time::Duration::try_from(end - start).ok()
}
