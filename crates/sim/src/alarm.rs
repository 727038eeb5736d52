//! The alarm of a world with traffic: CloudWatch's own evaluation over the share of requests that failed.
//!
//! As the coordinator sets alarms up, it judges one version where a deployment shifts traffic: it sees the target group of that version
//! from the instant at which the deployment began. Where tasks are replaced in place it sees what users see.

use std::collections::VecDeque;
use std::time::Duration;

use seatrial_cloudwatch::alarm::policy::EVALUATION_RANGE_EXTRA_PERIODS;
use seatrial_cloudwatch::alarm::{
    AlarmState, MetricAlarm, MetricAlarmSpec, Observed, Slot, StateValue, TreatMissingData, evaluate,
};
use seatrial_model::{TargetGroupArn, Timestamp};

use crate::scenario::ALARM;

/// The time between two evaluations, which is the period, too: the shortest that CloudWatch has.
pub const PERIOD: Duration = Duration::from_secs(10);
/// CloudWatch looks at a few more periods than it needs, so that points that are late can still count.
const RANGE: usize = PERIODS as usize + EVALUATION_RANGE_EXTRA_PERIODS as usize;
/// How many periods must fail.
const PERIODS: i64 = 2;
/// The share of failed requests that is too much, in percent.
const TOO_MUCH: f64 = 10.0;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Good,
    Failed,
}

/// The alarm and what it has seen.
#[derive(Debug)]
pub struct ErrorAlarm {
    alarm: MetricAlarm,
    state: StateValue,
    watched: Option<TargetGroupArn>,
    range: VecDeque<Slot>,
    requests: u32,
    failed: u32,
}

impl Default for ErrorAlarm {
    fn default() -> Self {
        let spec = MetricAlarmSpec {
            alarm_name: ALARM.to_owned(),
            namespace: Some("AWS/ApplicationELB".to_owned()),
            metric_name: Some("FailedShare".to_owned()),
            statistic: Some("Average".to_owned()),
            period: i64::try_from(PERIOD.as_secs()).ok(),
            evaluation_periods: Some(PERIODS),
            threshold: Some(TOO_MUCH),
            comparison_operator: Some("GreaterThanOrEqualToThreshold".to_owned()),
            treat_missing_data: Some(TreatMissingData::NotBreaching.as_str().to_owned()),
            ..MetricAlarmSpec::default()
        };
        let alarm = MetricAlarm::parse(spec).expect("the alarm is a valid one");
        ErrorAlarm { alarm, state: StateValue::Ok, watched: None, range: VecDeque::new(), requests: 0, failed: 0 }
    }
}

impl ErrorAlarm {
    /// Judges one target group from now on.
    pub fn judge(&mut self, group: TargetGroupArn) {
        let fresh = ErrorAlarm { alarm: self.alarm.clone(), watched: Some(group), ..Self::default() };
        *self = fresh;
    }

    /// Sees all requests again.
    pub fn judge_all(&mut self) {
        self.watched = None;
    }

    /// Counts a request; one that reached no target is counted by whoever sees all of them.
    pub fn count(&mut self, group: Option<&TargetGroupArn>, answer: Answer) {
        if self.watched.as_ref().is_some_and(|watched| Some(watched) != group) {
            return;
        }
        self.requests += 1;
        self.failed += u32::from(answer == Answer::Failed);
    }

    /// Evaluates the period that ends now; tells of a change of state.
    pub fn evaluate(&mut self, now: Timestamp) -> Option<AlarmState> {
        let share = 100.0 * f64::from(self.failed) / f64::from(self.requests.max(1));
        let observed = Observed { value: share, sample_count: Some(f64::from(self.requests)) };
        let point = (self.requests > 0).then_some(observed);
        self.range.push_back(Slot { timestamp: now - PERIOD, point });
        if self.range.len() > RANGE {
            self.range.pop_front();
        }
        (self.requests, self.failed) = (0, 0);
        let changed = evaluate(&self.alarm, self.state, self.range.make_contiguous(), now)?;
        self.state = changed.value;
        Some(changed)
    }

    pub fn is_firing(&self) -> bool {
        self.state == StateValue::Alarm
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routed;

    fn period(alarm: &mut ErrorAlarm, at: u64, good: u32, failed: u32) -> Option<StateValue> {
        (0..good).for_each(|_| alarm.count(Some(&routed::blue()), Answer::Good));
        (0..failed).for_each(|_| alarm.count(Some(&routed::green()), Answer::Failed));
        alarm.evaluate(Timestamp::EPOCH + PERIOD * at as u32).map(|state| state.value)
    }

    #[test]
    fn it_fires_after_two_periods_with_a_tenth_of_the_requests_failed_and_calms_down() {
        let mut alarm = ErrorAlarm::default();
        assert_eq!(period(&mut alarm, 1, 9, 1), None, "one period is not enough");
        assert_eq!(period(&mut alarm, 2, 10, 1), None, "less than a tenth");
        assert_eq!(period(&mut alarm, 3, 9, 1), None);
        assert_eq!(period(&mut alarm, 4, 0, 1), Some(StateValue::Alarm));
        assert!(alarm.is_firing());
        assert_eq!(period(&mut alarm, 5, 1, 0), Some(StateValue::Ok));
    }

    #[test]
    fn what_it_judges_is_one_version_from_its_beginning() {
        let mut alarm = ErrorAlarm::default();
        period(&mut alarm, 1, 0, 5);
        alarm.judge(routed::blue());
        assert_eq!(period(&mut alarm, 2, 1, 5), None, "the errors of the other version");
        assert_eq!(period(&mut alarm, 3, 0, 5), None);
        alarm.judge_all();
        period(&mut alarm, 4, 0, 5);
        assert_eq!(period(&mut alarm, 5, 0, 5), Some(StateValue::Alarm));
    }
}
