//! The SDK's timestamps as [`time`]'s.

use aws_smithy_types::DateTime;
use time::OffsetDateTime;

const NANOSECONDS_PER_SECOND: i128 = 1_000_000_000;
const NANOSECONDS_PER_MILLISECOND: i128 = 1_000_000;

/// Converts a timestamp to whole milliseconds; one outside the years -9999 to 9999 is none.
pub(crate) fn timestamp(from: Option<&DateTime>) -> Option<OffsetDateTime> {
    let nanoseconds = i128::from(from?.secs()) * NANOSECONDS_PER_SECOND + i128::from(from?.subsec_nanos());
    // ECS sends milliseconds as a decimal fraction, which is not exact in binary.
    let milliseconds = (nanoseconds + NANOSECONDS_PER_MILLISECOND / 2).div_euclid(NANOSECONDS_PER_MILLISECOND);
    OffsetDateTime::from_unix_timestamp_nanos(milliseconds * NANOSECONDS_PER_MILLISECOND).ok()
}

/// The length of time from `start` to `end`; none when it is negative.
pub(crate) fn between(start: OffsetDateTime, end: OffsetDateTime) -> Option<std::time::Duration> {
    std::time::Duration::try_from(end - start).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_fraction_is_read_as_the_milliseconds_it_was() {
        for (sent, milliseconds) in [(1_795_242_656.863, 863), (1_795_242_655.62, 620), (1_795_242_655.0, 0)] {
            let read = timestamp(Some(&DateTime::from_secs_f64(sent))).expect("a time");
            assert_eq!((read.millisecond(), read.nanosecond()), (milliseconds, u32::from(milliseconds) * 1_000_000));
        }
    }
}
