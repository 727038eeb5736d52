//! Step scaling: how far a metric is beyond an alarm's threshold chooses the change.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cooldown;
use crate::auto_scaling::adjustment::Adjustment;
use crate::auto_scaling::configuration::{StepAdjustment, StepConfiguration};
use crate::auto_scaling::refusals::{limit, validation};
use crate::refusal::Refusal;

/// The most steps of a policy (a default quota).
const STEPS_MAX: usize = 20;

/// A step scaling policy that satisfies the API's rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepPolicy {
    /// As it was given, but for the order of the steps, which is ascending here.
    pub configuration: StepConfiguration,
    adjustment: AdjustmentType,
    /// In seconds.
    cooldown: i64,
    magnitude_min: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum AdjustmentType {
    Change,
    Percent,
    Exact,
}

impl StepPolicy {
    pub fn parse(mut configuration: StepConfiguration) -> Result<Self, Refusal> {
        let adjustment = match configuration.adjustment_type.as_deref() {
            Some("ChangeInCapacity") => AdjustmentType::Change,
            Some("PercentChangeInCapacity") => AdjustmentType::Percent,
            Some("ExactCapacity") => AdjustmentType::Exact,
            Some(_) | None => {
                return Err(validation(
                    "AdjustmentType must be one of ChangeInCapacity, PercentChangeInCapacity and ExactCapacity.",
                ));
            }
        };
        match configuration.metric_aggregation_type.as_deref() {
            None | Some("Average" | "Minimum" | "Maximum") => {}
            Some(_) => return Err(validation("MetricAggregationType must be one of Average, Minimum and Maximum.")),
        }
        let magnitude_min = match (configuration.min_adjustment_magnitude, adjustment) {
            (None, _) => 0,
            (Some(magnitude), AdjustmentType::Percent) => u32::try_from(magnitude)
                .ok()
                .filter(|magnitude| *magnitude > 0)
                .ok_or_else(|| validation("MinAdjustmentMagnitude must be a whole number above 0."))?,
            (Some(_), AdjustmentType::Change | AdjustmentType::Exact) => {
                return Err(validation("MinAdjustmentMagnitude goes with PercentChangeInCapacity only."));
            }
        };
        check_steps(&mut configuration.step_adjustments, adjustment)?;
        let cooldown = cooldown("Cooldown", configuration.cooldown)?;
        Ok(StepPolicy { configuration, adjustment, cooldown, magnitude_min })
    }

    /// Returns the cool-down after a change, unscaled.
    pub fn cooldown(&self) -> Duration {
        Duration::from_secs(self.cooldown.unsigned_abs())
    }

    /// Returns the statistic of the alarm's metric that chooses the step.
    pub fn aggregation(&self) -> &str {
        self.configuration.metric_aggregation_type.as_deref().unwrap_or("Average")
    }

    /// Returns the change for a metric this far from the threshold; none where no step covers it. A bound belongs to the step that is
    /// farther from the threshold.
    pub(in crate::auto_scaling) fn change_at(&self, distance: f64) -> Option<Adjustment> {
        let covers = |step: &&StepAdjustment| {
            let lower = step.metric_interval_lower_bound.unwrap_or(f64::NEG_INFINITY);
            let upper = step.metric_interval_upper_bound.unwrap_or(f64::INFINITY);
            if distance >= 0.0 { lower <= distance && distance < upper } else { lower < distance && distance <= upper }
        };
        // At the threshold itself stands a step that begins there, or else the one that ends there.
        let at_end = |step: &&StepAdjustment| distance == 0.0 && step.metric_interval_upper_bound == Some(0.0);
        let steps = &self.configuration.step_adjustments;
        let step = steps.iter().find(covers).or_else(|| steps.iter().find(at_end))?;
        let by = step.scaling_adjustment;
        Some(match self.adjustment {
            AdjustmentType::Change => Adjustment::Change(by),
            AdjustmentType::Percent => Adjustment::Percent { percent: by, magnitude_min: self.magnitude_min },
            AdjustmentType::Exact => Adjustment::Exact(by.unsigned_abs()),
        })
    }
}

/// Sorts the steps and refuses those that overlap, leave a gap, or end where they begin.
fn check_steps(steps: &mut [StepAdjustment], adjustment: AdjustmentType) -> Result<(), Refusal> {
    if steps.is_empty() {
        return Err(validation("At least one StepAdjustment must be given."));
    }
    if steps.len() > STEPS_MAX {
        return Err(limit(format!("A policy has at most {STEPS_MAX} step adjustments.")));
    }
    if adjustment == AdjustmentType::Exact && steps.iter().any(|step| step.scaling_adjustment < 0) {
        return Err(validation("ScalingAdjustment must not be negative with ExactCapacity."));
    }
    let lower = |step: &StepAdjustment| step.metric_interval_lower_bound.unwrap_or(f64::NEG_INFINITY);
    let upper = |step: &StepAdjustment| step.metric_interval_upper_bound.unwrap_or(f64::INFINITY);
    steps.sort_by(|one, other| lower(one).total_cmp(&lower(other)));
    for step in steps.iter() {
        if step.metric_interval_lower_bound.is_none() && step.metric_interval_upper_bound.is_none() {
            return Err(validation("A StepAdjustment needs a lower or an upper bound."));
        }
        if lower(step) >= upper(step) {
            return Err(validation("The upper bound of a StepAdjustment must be above its lower bound."));
        }
    }
    if steps.windows(2).any(|pair| upper(&pair[0]) != lower(&pair[1])) {
        return Err(validation("StepAdjustment intervals must neither overlap nor leave a gap."));
    }
    let (first, last) = (lower(&steps[0]), upper(&steps[steps.len() - 1]));
    if first < 0.0 && first.is_finite() {
        return Err(validation("Below a negative lower bound there must be a StepAdjustment without lower bound."));
    }
    if last > 0.0 && last.is_finite() {
        return Err(validation("Above a positive upper bound there must be a StepAdjustment without upper bound."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(kind: &str, steps: Value) -> Result<StepPolicy, String> {
        let document = json!({"AdjustmentType": kind, "StepAdjustments": steps});
        StepPolicy::parse(serde_json::from_value(document).expect("of the shape")).map_err(|refusal| refusal.message)
    }

    fn step(lower: Value, upper: Value, by: i32) -> Value {
        json!({"MetricIntervalLowerBound": lower, "MetricIntervalUpperBound": upper, "ScalingAdjustment": by})
    }

    #[test]
    fn the_distance_from_the_threshold_chooses_the_step() {
        let steps = json!([step(json!(10.0), Value::Null, 3), step(json!(0.0), json!(10.0), 1)]);
        let out = parse("ChangeInCapacity", steps).expect("a policy");
        let cases = [(-1.0, None), (0.0, Some(1)), (9.9, Some(1)), (10.0, Some(3)), (1e9, Some(3))];
        for (distance, by) in cases {
            assert_eq!(out.change_at(distance), by.map(Adjustment::Change), "{distance}");
        }
        let steps = json!([step(json!(-10.0), json!(0.0), -1), step(Value::Null, json!(-10.0), -3)]);
        let inwards = parse("ChangeInCapacity", steps).expect("a policy");
        let cases = [(-11.0, Some(-3)), (-10.0, Some(-3)), (-9.9, Some(-1)), (0.0, Some(-1)), (0.1, None)];
        for (distance, by) in cases {
            assert_eq!(inwards.change_at(distance), by.map(Adjustment::Change), "{distance}");
        }
        assert_eq!(out.cooldown(), Duration::from_secs(300));
    }

    #[test]
    fn steps_cover_every_metric_once() {
        let wrong = [
            json!([]),
            json!([step(Value::Null, Value::Null, 1)]),
            json!([step(json!(0.0), json!(0.0), 1)]),
            json!([step(json!(0.0), json!(10.0), 1)]),
            json!([step(json!(-5.0), Value::Null, 1)]),
            json!([step(json!(0.0), json!(10.0), 1), step(json!(5.0), Value::Null, 2)]),
            json!([step(json!(0.0), json!(10.0), 1), step(json!(15.0), Value::Null, 2)]),
            json!([step(json!(0.0), Value::Null, 1), step(json!(1.0), Value::Null, 2)]),
        ];
        for steps in wrong {
            assert!(parse("ChangeInCapacity", steps.clone()).is_err(), "{steps}");
        }
        let one = json!([step(json!(0.0), Value::Null, -1)]);
        assert!(parse("ExactCapacity", one.clone()).is_err());
        assert!(parse("Twice", one.clone()).is_err());
        assert!(parse("PercentChangeInCapacity", one).is_ok());
        let many: Vec<Value> =
            (0..21).map(|n| step(json!(n), if n == 20 { Value::Null } else { json!(n + 1) }, 1)).collect();
        assert!(parse("ChangeInCapacity", json!(many)).is_err());
    }
}
