//! When an alarm is evaluated, and over which periods.
//!
//! Intervals are nominal like periods: at a time scale of 60, an alarm that CloudWatch evaluates each minute is evaluated each real
//! second. Evaluations are due at whole multiples of the interval, and look at the periods that end there: a window of five minutes that
//! is evaluated each minute slides by a minute, as CloudWatch's do.

use seatrial_model::{TimeScale, Timestamp};

use super::{ALARM_RANGE_SECONDS_MAX, MetricAlarm, policy};
use crate::clock::{Grid, Period, nominal, real, round_down};

/// How often alarms are evaluated, in nominal seconds: of high resolution, of standard resolution, over several days (documented).
const INTERVAL_SECONDS: [i64; 3] = [10, 60, 3600];

/// Returns how often the alarm is evaluated (nominal).
pub fn evaluation_interval(alarm: &MetricAlarm) -> Period {
    let [high_resolution, standard, several_days] = INTERVAL_SECONDS;
    let range = u64::from(alarm.period().seconds()) * u64::from(alarm.evaluation_periods());
    let seconds = match alarm.period() {
        period if period.is_high_resolution() => high_resolution,
        _ if range > ALARM_RANGE_SECONDS_MAX => several_days,
        _ => standard,
    };
    Period::parse(seconds).expect("10, 60 and 3600 are periods")
}

/// Returns the first instant after `last` at which the alarm is due (real).
pub fn next_evaluation(alarm: &MetricAlarm, last: Timestamp, scale: TimeScale) -> Timestamp {
    let step = evaluation_interval(alarm).millis();
    real(scale, round_down(nominal(scale, last), step).saturating_add(step))
}

/// Returns the evaluation range: the periods whose points the alarm looks at when it is evaluated at `now`.
pub fn evaluation_grid(alarm: &MetricAlarm, now: Timestamp, scale: TimeScale) -> Grid {
    let count = alarm.evaluation_periods().saturating_add(policy::EVALUATION_RANGE_EXTRA_PERIODS);
    Grid::before(now, evaluation_interval(alarm), alarm.period(), count as usize, scale)
}
