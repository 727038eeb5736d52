//! Putting metric data: into memory, outside any transaction, as nothing of it is kept.

use std::time::Duration;

use seatrial_cloudwatch::{Datum, Transition};
use seatrial_model::Timestamp;

use super::Monitoring;
use crate::engine::Engine;
use crate::refusal::Refusal;

/// How often (real) metrics that are no longer written are rolled up and dropped; each does it by itself while it is written.
const MAINTENANCE_INTERVAL: Duration = Duration::from_secs(60);

impl Engine {
    /// Takes the data of a PutMetricData. Fails when there is no room; what was taken before stays.
    pub fn put_metric_data(&self, data: &[Datum]) -> Result<(), Refusal> {
        let now = self.now();
        let mut guarded = self.lock();
        for datum in data {
            let put = guarded.monitoring.metrics.put(datum, now);
            put.map_err(|error| Refusal::new("LimitExceeded", format!("The engine could not go on {error}.")))?;
        }
        Ok(())
    }
}

impl Monitoring {
    pub(super) fn evaluate_due(&mut self, now: Timestamp) -> Vec<Transition> {
        self.changed = true;
        self.alarms.evaluate_due(now, &self.metrics)
    }

    /// Rolls metrics up now and then.
    pub(super) fn maintain(&mut self, now: Timestamp) {
        if now.since(self.maintained_at) >= MAINTENANCE_INTERVAL {
            self.maintained_at = now;
            self.metrics.maintain(now);
        }
    }
}
