//! Where CloudWatch's documentation is silent or leaves room: one constant or function each.

use super::{StateValue, TreatMissingData};

/// By how many periods the evaluation range is wider than EvaluationPeriods. CloudWatch says only that it is wider; its examples retrieve 5
/// points for 3 periods.
pub const EVALUATION_RANGE_EXTRA_PERIODS: u32 = 2;

/// The reason of an alarm that was not evaluated yet (observed).
pub const INITIAL_REASON: &str = "Unchecked: Initial alarm creation";

/// From how many points on a reason names the most recent ones after the sentence instead of all within it (observed: 3 within, 5 after).
pub const REASON_POINTS_WITHIN_MAX: usize = 4;

/// How many points a reason names at most (observed).
pub const REASON_POINTS_MAX: usize = 5;

/// What becomes of an alarm when every known point breaches, but there are too few of them and they are too recent: CloudWatch waits (it
/// calls the alternative a premature transition). Older editions of its documentation give INSUFFICIENT_DATA and the kept state; today's
/// say only that it is not yet ALARM. `None` keeps the state.
pub const fn before_premature_alarm(treat: TreatMissingData) -> Option<StateValue> {
    match treat {
        TreatMissingData::Missing => Some(StateValue::InsufficientData),
        TreatMissingData::Ignore | TreatMissingData::Breaching | TreatMissingData::NotBreaching => None,
    }
}

/// The fewest samples with which a percentile is significant: 10 / (1 - p) from the median up, 10 / p below (documented). The extremes p0
/// and p100, for which that is infinite, are no estimates and need one sample.
pub fn significant_samples(percentile_share: f64) -> f64 {
    let tail = if percentile_share >= 0.5 { 1.0 - percentile_share } else { percentile_share };
    if tail <= 0.0 { 1.0 } else { 10.0 / tail }
}
