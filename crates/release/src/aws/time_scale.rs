//! The clock of an endpoint: how far it is from this machine's, by the `Date` of its answers, and how fast time passes there. The embedded
//! engine says so in every answer; AWS does not and takes its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use aws_sdk_ecs::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_ecs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecs::error::BoxError;
use time::OffsetDateTime;

use super::server_time;

/// The header in which an engine says how many times shorter it makes durations.
const HEADER: &str = "x-seatrial-time-scale";

/// A moment at an endpoint, and how fast time passes there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    pub now: OffsetDateTime,
    /// How many times shorter durations are.
    pub time_scale: u32,
}

/// Clocks that differ by less are taken for the same: a `Date` is told in whole seconds, and an answer takes its time.
const SAME_CLOCK: i64 = 2;

/// What the answers of an endpoint have told. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct TimeScale(Arc<Told>);

#[derive(Debug)]
struct Told {
    factor: AtomicU32,
    /// How many seconds the endpoint's clock is ahead of this machine's.
    ahead: AtomicI64,
}

impl Default for TimeScale {
    fn default() -> Self {
        TimeScale(Arc::new(Told { factor: AtomicU32::new(1), ahead: AtomicI64::new(0) }))
    }
}

impl TimeScale {
    /// The factor, at least 1.
    pub fn factor(&self) -> u32 {
        self.0.factor.load(Ordering::Relaxed)
    }

    /// The endpoint's time.
    pub fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + time::Duration::seconds(self.0.ahead.load(Ordering::Relaxed))
    }

    fn hear_date(&self, date: Option<OffsetDateTime>, here: OffsetDateTime) {
        let Some(date) = date else { return };
        let ahead = (date - here).whole_seconds();
        self.0.ahead.store(if ahead.abs() < SAME_CLOCK { 0 } else { ahead }, Ordering::Relaxed);
    }

    fn hear(&self, header: Option<&str>) {
        let factor = header.and_then(|value| value.parse().ok()).unwrap_or(1);
        self.0.factor.store(factor.max(1), Ordering::Relaxed);
    }
}

impl Intercept for TimeScale {
    fn name(&self) -> &'static str {
        "HearTimeScale"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.response().headers();
        self.hear(headers.get(HEADER));
        self.hear_date(headers.get("date").and_then(server_time::parse), OffsetDateTime::now_utc());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_far_from_this_machines_is_noticed() {
        let here = OffsetDateTime::now_utc();
        for (ahead, told) in [(0, 0), (1, 0), (-1, 0), (300, 300), (-300, -300)] {
            let scale = TimeScale::default();
            scale.hear_date(Some(here + time::Duration::seconds(ahead)), here);
            assert!(((scale.now() - here).whole_seconds() - told).abs() <= 1, "{ahead}");
        }
    }

    #[test]
    fn an_endpoint_that_says_nothing_takes_its_time() {
        let scale = TimeScale::default();
        for (header, factor) in [(Some("60"), 60), (None, 1), (Some("0"), 1), (Some("x"), 1)] {
            scale.hear(header);
            assert_eq!(scale.factor(), factor, "{header:?}");
        }
    }
}
