//! Target tracking: a metric is kept at a target.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cooldown;
use crate::auto_scaling::configuration::{CustomizedMetricSpecification, TargetTrackingConfiguration};
use crate::auto_scaling::refusals::validation;
use crate::refusal::Refusal;

/// The largest target: 2^360 (documented at `TargetValue`).
const TARGET_MAX: f64 = f64::from_bits((1023 + 360) << 52);

/// A target tracking policy that satisfies the API's rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrackingPolicy {
    /// As it was given.
    pub configuration: TargetTrackingConfiguration,
    pub metric: TrackedMetric,
    pub scale_in: ScaleIn,
    /// In seconds.
    scale_out_cooldown: i64,
    scale_in_cooldown: i64,
    /// None until they are made.
    pub alarms: Option<TrackingAlarms>,
}

/// What is tracked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrackedMetric {
    Predefined(PredefinedMetric),
    Customized(CustomizedMetricSpecification),
}

/// `PredefinedMetricType`, as far as ECS services have them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PredefinedMetric {
    Cpu,
    Memory,
    /// With the values of the dimensions `LoadBalancer` and `TargetGroup`.
    RequestsPerTarget {
        load_balancer: String,
        target_group: String,
    },
}

/// Whether the policy may take capacity away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScaleIn {
    Enabled,
    Disabled,
}

/// The names of its alarms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackingAlarms {
    pub high: String,
    /// None where it may not scale in.
    pub low: Option<String>,
}

impl TrackingPolicy {
    pub fn parse(configuration: TargetTrackingConfiguration) -> Result<Self, Refusal> {
        let target = configuration.target_value;
        if !(target > 0.0 && target <= TARGET_MAX) {
            return Err(validation(format!("TargetValue must be above 0 and at most 2^360, not {target}.")));
        }
        let predefined = &configuration.predefined_metric_specification;
        let metric = match (predefined, &configuration.customized_metric_specification) {
            (Some(predefined), None) => TrackedMetric::Predefined(PredefinedMetric::parse(
                &predefined.predefined_metric_type,
                predefined.resource_label.as_deref(),
            )?),
            (None, Some(customized)) => TrackedMetric::Customized(customized.clone()),
            (None, None) | (Some(_), Some(_)) => {
                return Err(validation(
                    "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be given.",
                ));
            }
        };
        Ok(TrackingPolicy {
            metric,
            scale_in: if configuration.disable_scale_in == Some(true) { ScaleIn::Disabled } else { ScaleIn::Enabled },
            scale_out_cooldown: cooldown("ScaleOutCooldown", configuration.scale_out_cooldown)?,
            scale_in_cooldown: cooldown("ScaleInCooldown", configuration.scale_in_cooldown)?,
            configuration,
            alarms: None,
        })
    }

    pub fn target(&self) -> f64 {
        self.configuration.target_value
    }

    /// Returns the cool-down after a scale-out, unscaled.
    pub fn scale_out_cooldown(&self) -> Duration {
        Duration::from_secs(self.scale_out_cooldown.unsigned_abs())
    }

    /// Returns the cool-down after a scale-in, unscaled.
    pub fn scale_in_cooldown(&self) -> Duration {
        Duration::from_secs(self.scale_in_cooldown.unsigned_abs())
    }
}

impl PredefinedMetric {
    fn parse(kind: &str, label: Option<&str>) -> Result<Self, Refusal> {
        match (kind, label) {
            ("ECSServiceAverageCPUUtilization", None) => Ok(PredefinedMetric::Cpu),
            ("ECSServiceAverageMemoryUtilization", None) => Ok(PredefinedMetric::Memory),
            ("ECSServiceAverageCPUUtilization" | "ECSServiceAverageMemoryUtilization", Some(_)) => {
                Err(validation(format!("ResourceLabel must not be given for the metric {kind}.")))
            }
            ("ALBRequestCountPerTarget", Some(label)) => Self::requests(label),
            ("ALBRequestCountPerTarget", None) => {
                Err(validation("ResourceLabel must be given for the metric ALBRequestCountPerTarget."))
            }
            (other, _) => {
                let other: String = other.chars().take(64).collect();
                Err(validation(format!("The metric {other} is none of an ECS service's.")))
            }
        }
    }

    /// Reads `app/NAME/ID/targetgroup/NAME/ID`.
    fn requests(label: &str) -> Result<Self, Refusal> {
        let parts: Vec<&str> = label.split('/').collect();
        let is_whole = parts.iter().all(|part| !part.is_empty());
        match parts.as_slice() {
            ["app", _, _, "targetgroup", _, _] if is_whole => Ok(PredefinedMetric::RequestsPerTarget {
                load_balancer: parts[..3].join("/"),
                target_group: parts[3..].join("/"),
            }),
            _ => Err(validation("ResourceLabel must be of the form app/NAME/ID/targetgroup/NAME/ID.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(document: Value) -> Result<TrackingPolicy, String> {
        let configuration = serde_json::from_value(document).expect("of the shape");
        TrackingPolicy::parse(configuration).map_err(|refusal| refusal.message)
    }

    #[test]
    fn what_is_left_out_has_the_defaults_of_ecs() {
        let cpu = json!({"PredefinedMetricType": "ECSServiceAverageCPUUtilization"});
        let policy = parse(json!({"TargetValue": 70.0, "PredefinedMetricSpecification": cpu})).expect("a policy");
        assert_eq!(policy.metric, TrackedMetric::Predefined(PredefinedMetric::Cpu));
        assert_eq!(policy.scale_in, ScaleIn::Enabled);
        assert_eq!(policy.scale_in_cooldown(), Duration::from_secs(300));
        assert_eq!(policy.scale_out_cooldown(), Duration::from_secs(300));
    }

    #[test]
    fn requests_per_target_names_a_balancer_and_a_target_group() {
        let policy = |label: Value| {
            let metric = json!({"PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": label});
            parse(json!({"TargetValue": 100, "PredefinedMetricSpecification": metric, "DisableScaleIn": true}))
        };
        let tracked = policy(json!("app/web/1/targetgroup/web/2")).expect("a policy");
        let wanted = PredefinedMetric::RequestsPerTarget {
            load_balancer: "app/web/1".to_owned(),
            target_group: "targetgroup/web/2".to_owned(),
        };
        assert_eq!((tracked.metric, tracked.scale_in), (TrackedMetric::Predefined(wanted), ScaleIn::Disabled));
        for wrong in [
            json!(null),
            json!(""),
            json!("app/web/1"),
            json!("app/web/1/targetgroup/web/"),
            json!("net/a/1/targetgroup/b/2"),
        ] {
            assert!(policy(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn impossible_targets_and_metrics_are_refused() {
        let cpu = json!({"PredefinedMetricType": "ECSServiceAverageCPUUtilization"});
        let custom = json!({"MetricName": "Jobs", "Namespace": "Queue", "Statistic": "Average"});
        for wrong in [
            json!({"TargetValue": 0, "PredefinedMetricSpecification": cpu}),
            json!({"TargetValue": -1, "PredefinedMetricSpecification": cpu}),
            json!({"TargetValue": 1e200, "PredefinedMetricSpecification": cpu}),
            json!({"TargetValue": 70}),
            json!({"TargetValue": 70, "PredefinedMetricSpecification": cpu, "CustomizedMetricSpecification": custom}),
            json!({"TargetValue": 70, "PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBReadCapacityUtilization"}}),
            json!({"TargetValue": 70, "PredefinedMetricSpecification": cpu, "ScaleInCooldown": -1}),
            json!({"TargetValue": 70, "PredefinedMetricSpecification": cpu, "ScaleOutCooldown": i64::MAX}),
        ] {
            assert!(parse(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
