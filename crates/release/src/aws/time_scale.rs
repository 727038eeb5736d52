//! How fast time passes at an endpoint: the embedded engine says so in every answer, AWS does not and takes its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_ecs::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_ecs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecs::error::BoxError;

/// The header in which an engine says how many times shorter it makes durations.
const HEADER: &str = "x-seatrial-time-scale";

/// What the answers of an endpoint have told. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct TimeScale(Arc<AtomicU32>);

impl Default for TimeScale {
    fn default() -> Self {
        TimeScale(Arc::new(AtomicU32::new(1)))
    }
}

impl TimeScale {
    /// The factor, at least 1.
    pub fn factor(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    fn hear(&self, header: Option<&str>) {
        let factor = header.and_then(|value| value.parse().ok()).unwrap_or(1);
        self.0.store(factor.max(1), Ordering::Relaxed);
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
        self.hear(context.response().headers().get(HEADER));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_that_says_nothing_takes_its_time() {
        let scale = TimeScale::default();
        for (header, factor) in [(Some("60"), 60), (None, 1), (Some("0"), 1), (Some("x"), 1)] {
            scale.hear(header);
            assert_eq!(scale.factor(), factor, "{header:?}");
        }
    }
}
