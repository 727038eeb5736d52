//! The decision over the points of an evaluation range.

use seatrial_model::Timestamp;

use super::{AlarmState, LowSampleCountPercentile, MetricAlarm, StateValue, TreatMissingData, policy, reason};

/// A period of the evaluation range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slot {
    /// The first instant of the period.
    pub timestamp: Timestamp,
    /// The point; `None` when it is missing.
    pub point: Option<Observed>,
}

/// A point that is there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observed {
    pub value: f64,
    /// How many samples it was computed from; `None` for the result of an expression.
    pub sample_count: Option<f64>,
}

/// What a range of points says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    State(StateValue),
    /// The alarm keeps its state.
    Retain,
}

/// Evaluates an alarm: `range` is its evaluation range, oldest first. Returns the new state with CloudWatch's reason when the state value
/// changes, `None` when it stays; the reason of a state is that of the transition into it.
pub fn evaluate(alarm: &MetricAlarm, current: StateValue, range: &[Slot], now: Timestamp) -> Option<AlarmState> {
    let value = match verdict(alarm, range) {
        Verdict::State(value) if value != current => value,
        Verdict::State(_) | Verdict::Retain => return None,
    };
    let evaluated = Evaluated::of(alarm, range);
    Some(AlarmState {
        value,
        reason: reason::text(alarm, value, &evaluated),
        reason_data: Some(reason::data(alarm, &evaluated, now)),
    })
}

/// Decides what `range`, oldest first, says about the alarm, by the rules of "Configuring how CloudWatch alarms treat missing data".
pub fn verdict(alarm: &MetricAlarm, range: &[Slot]) -> Verdict {
    let needed = alarm.evaluation_periods() as usize;
    let to_alarm = alarm.breaches_to_alarm() as usize;
    let evaluated = Evaluated::of(alarm, range);
    if evaluated.insignificant {
        return Verdict::Retain;
    }
    let (real, breaching) = (evaluated.real.len(), evaluated.breaching);
    let missing = needed - real;
    let state = |alarming| Verdict::State(if alarming { StateValue::Alarm } else { StateValue::Ok });
    let treat = alarm.treat_missing_data();
    match treat {
        TreatMissingData::NotBreaching => state(breaching >= to_alarm),
        TreatMissingData::Breaching => state(breaching + missing >= to_alarm),
        TreatMissingData::Missing | TreatMissingData::Ignore => {
            if breaching >= to_alarm {
                return Verdict::State(StateValue::Alarm);
            }
            if missing == 0 || breaching < real {
                return Verdict::State(StateValue::Ok);
            }
            // Too few points, and none of them is good.
            if treat == TreatMissingData::Ignore {
                Verdict::Retain
            } else if real == 0 {
                Verdict::State(StateValue::InsufficientData)
            } else if evaluated.oldest_age >= to_alarm {
                Verdict::State(StateValue::Alarm)
            } else {
                policy::before_premature_alarm(treat).map_or(Verdict::Retain, Verdict::State)
            }
        }
    }
}

/// The points that count: the newest real ones, as many as EvaluationPeriods if there are.
#[derive(Debug)]
pub(super) struct Evaluated {
    /// Newest first, with whether each breaches.
    pub real: Vec<(Timestamp, Observed, bool)>,
    pub breaching: usize,
    /// The periods that count as missing, newest first: as many as are needed beside the real ones.
    pub missing: Vec<Timestamp>,
    /// How old the oldest real point is, counted in periods: the newest period of the range is 1.
    oldest_age: usize,
    /// A percentile of too few samples is among them, and the alarm is to ignore those.
    insignificant: bool,
}

impl Evaluated {
    fn of(alarm: &MetricAlarm, range: &[Slot]) -> Self {
        let needed = alarm.evaluation_periods() as usize;
        let mut evaluated = Evaluated {
            real: Vec::with_capacity(needed),
            breaching: 0,
            missing: Vec::new(),
            oldest_age: 0,
            insignificant: false,
        };
        let samples_needed = match alarm.low_sample_count_percentile() {
            LowSampleCountPercentile::Ignore => alarm
                .watched()
                .statistic()
                .and_then(|statistic| statistic.percentile_share())
                .map(policy::significant_samples),
            LowSampleCountPercentile::Evaluate => None,
        };
        for (index, slot) in range.iter().rev().enumerate() {
            match slot.point {
                Some(point) if evaluated.real.len() < needed => {
                    let breaches = alarm.comparison().breaches(point.value, alarm.threshold());
                    evaluated.breaching += usize::from(breaches);
                    evaluated.oldest_age = index + 1;
                    evaluated.insignificant |=
                        samples_needed.zip(point.sample_count).is_some_and(|(needed, count)| count < needed);
                    evaluated.real.push((slot.timestamp, point, breaches));
                }
                Some(_) => break,
                None => evaluated.missing.push(slot.timestamp),
            }
        }
        evaluated.missing.truncate(needed - evaluated.real.len());
        evaluated
    }
}
