//! The clock of the endpoint, as its answers tell it: what is compared with its data must not depend on this machine's.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ecs::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_ecs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecs::error::BoxError;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// Keeps the `Date` of the last answer; for `customize().interceptor(…)`.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServerTime(Arc<Mutex<Option<OffsetDateTime>>>);

impl ServerTime {
    /// The endpoint's time in whole seconds; this machine's when the answer had none.
    pub fn now(&self) -> OffsetDateTime {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or_else(OffsetDateTime::now_utc)
    }
}

impl Intercept for ServerTime {
    fn name(&self) -> &'static str {
        "KeepServerTime"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date").and_then(parse);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = date;
        Ok(())
    }
}

pub(super) fn parse(date: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(date, &Rfc2822).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_an_answer_is_read() {
        let at = parse("Fri, 27 Nov 2026 06:38:39 GMT").expect("a date");
        assert_eq!(at.unix_timestamp(), 1_795_761_519);
        assert_eq!(parse("soon"), None);
    }
}
