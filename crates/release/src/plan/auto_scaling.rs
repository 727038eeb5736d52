//! The automatic scaling of a service, as requests to Application Auto Scaling.

use serde_json::{Value as Json, json};

use crate::config::Stage;

/// What the configuration says of automatic scaling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AutoScaling {
    /// Nothing.
    Unsaid,
    /// There is to be none.
    None,
    Within(AutoScalingPlan),
}

/// Between how many tasks a service is kept, and by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoScalingPlan {
    pub min: i32,
    pub max: i32,
    /// In the order of [`ScalingMetric`].
    pub policies: Vec<ScalingPolicyPlan>,
}

/// A metric that is kept to a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalingPolicyPlan {
    pub name: String,
    pub metric: ScalingMetric,
    pub target: i32,
    /// In seconds, like the other.
    pub scale_in_cooldown: i32,
    pub scale_out_cooldown: i32,
}

/// What a service is scaled by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ScalingMetric {
    Cpu,
    Memory,
    RequestsPerTarget,
}

impl AutoScaling {
    /// What is to be, if anything is.
    pub fn plan(&self) -> Option<&AutoScalingPlan> {
        match self {
            AutoScaling::Within(plan) => Some(plan),
            AutoScaling::Unsaid | AutoScaling::None => None,
        }
    }
}

impl AutoScalingPlan {
    /// That of a stage; none where it scales nothing. `family` is that of the service's task definitions.
    pub(crate) fn preset(stage: Stage, family: &str) -> Option<Self> {
        let policy = |metric: ScalingMetric, target| ScalingPolicyPlan {
            name: metric.policy_name(family),
            metric,
            target,
            scale_in_cooldown: 300,
            scale_out_cooldown: 60,
        };
        match stage {
            Stage::Prod => Some(AutoScalingPlan {
                min: 2,
                max: 10,
                policies: vec![policy(ScalingMetric::Cpu, 70), policy(ScalingMetric::Memory, 80)],
            }),
            Stage::Dev | Stage::Custom => None,
        }
    }

    /// The settings of the RegisterScalableTarget request beside the resource.
    pub(crate) fn target_settings(&self) -> Json {
        json!({ "MinCapacity": self.min, "MaxCapacity": self.max })
    }

    /// The RegisterScalableTarget and PutScalingPolicy requests; `label` names a load balancer and its target group.
    pub fn documents(&self, cluster: &str, service: &str, label: &str) -> Json {
        let resource = resource_id(cluster, service);
        let of_service = |mut settings: Json| {
            settings["ServiceNamespace"] = json!("ecs");
            settings["ScalableDimension"] = json!("ecs:service:DesiredCount");
            settings["ResourceId"] = json!(resource);
            settings
        };
        let policy = |policy: &ScalingPolicyPlan| {
            of_service(json!({
                "PolicyName": policy.name,
                "PolicyType": "TargetTrackingScaling",
                "TargetTrackingScalingPolicyConfiguration": policy.settings(label),
            }))
        };
        json!({
            "scalableTarget": of_service(self.target_settings()),
            "scalingPolicies": self.policies.iter().map(policy).collect::<Vec<_>>(),
        })
    }
}

impl ScalingPolicyPlan {
    /// The `TargetTrackingScalingPolicyConfiguration`.
    pub(crate) fn settings(&self, label: &str) -> Json {
        let mut metric = json!({ "PredefinedMetricType": self.metric.predefined() });
        if self.metric == ScalingMetric::RequestsPerTarget {
            metric["ResourceLabel"] = json!(label);
        }
        json!({
            "TargetValue": f64::from(self.target),
            "PredefinedMetricSpecification": metric,
            "ScaleInCooldown": self.scale_in_cooldown,
            "ScaleOutCooldown": self.scale_out_cooldown,
            "DisableScaleIn": false,
        })
    }
}

impl ScalingMetric {
    pub(crate) const ALL: [ScalingMetric; 3] =
        [ScalingMetric::Cpu, ScalingMetric::Memory, ScalingMetric::RequestsPerTarget];

    /// `PredefinedMetricType`.
    pub(crate) const fn predefined(self) -> &'static str {
        match self {
            ScalingMetric::Cpu => "ECSServiceAverageCPUUtilization",
            ScalingMetric::Memory => "ECSServiceAverageMemoryUtilization",
            ScalingMetric::RequestsPerTarget => "ALBRequestCountPerTarget",
        }
    }

    /// The name of the policy of a service that goes by this metric.
    pub(crate) fn policy_name(self, family: &str) -> String {
        let what = match self {
            ScalingMetric::Cpu => "cpu",
            ScalingMetric::Memory => "memory",
            ScalingMetric::RequestsPerTarget => "requests",
        };
        format!("{family}-{what}")
    }
}

/// A service as Application Auto Scaling names it.
pub(crate) fn resource_id(cluster: &str, service: &str) -> String {
    format!("service/{cluster}/{service}")
}
