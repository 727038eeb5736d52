//! Application Auto Scaling of services, as the configuration has it, and as the stage has it where that leaves the count open.

use serde_json::json;

use super::balancing::target_group;
use super::template::{Resource, logical, reference, substituted};
use super::{Draft, WITH_SERVICES};
use crate::config::Stage;
use crate::plan::{
    AutoScaling, AutoScalingPlan, DesiredCount, PairSide, ScalingMetric, ScalingPolicyPlan, ServicePlan,
};

/// The scaling of a service: as the configuration has it, and where that says nothing, as the stage does. None where the count is written
/// down without it, since each deployment sets that again.
pub(super) fn scaling(stage: Stage, service: &ServicePlan) -> Option<AutoScalingPlan> {
    match (&service.auto_scaling, service.desired_count) {
        (AutoScaling::Within(scaling), _) => Some(scaling.clone()),
        (AutoScaling::None, _) | (AutoScaling::Unsaid, DesiredCount::Configured(_)) => None,
        (AutoScaling::Unsaid, DesiredCount::AtCreation(_)) => {
            AutoScalingPlan::preset(stage, &service.family).filter(|_| !is_daemon(service))
        }
    }
}

fn is_daemon(service: &ServicePlan) -> bool {
    service.service["schedulingStrategy"] == "DAEMON"
}

/// Adds the scaling of all services.
pub(super) fn add(draft: &mut Draft<'_>) {
    let stage = draft.plan.environment.stage;
    for service in &draft.plan.services {
        match scaling(stage, service) {
            Some(scaling) => add_service(draft, service, &scaling),
            None if stage == Stage::Prod && service.auto_scaling == AutoScaling::Unsaid && !is_daemon(service) => {
                draft.remarks.push(format!(
                    "service {}: desired_count is written down and set by every deployment, so the service is not scaled automatically; add `auto_scaling`, or remove desired_count",
                    service.name
                ));
            }
            None => {}
        }
    }
}

fn add_service(draft: &mut Draft<'_>, service: &ServicePlan, scaling: &AutoScalingPlan) {
    let name = logical(service.name.as_str());
    let cluster = if service.cluster == draft.plan.environment.cluster { "${Cluster}" } else { &service.cluster };
    for (parameter, default, what) in
        [("TasksMin", scaling.min, "How few tasks"), ("TasksMax", scaling.max, "How many tasks")]
    {
        let description = format!("{what} service {} may be scaled to", service.name);
        let properties = json!({ "Type": "Number", "MinValue": 0, "Default": default, "Description": description });
        draft.template.parameter(&format!("{name}{parameter}"), properties);
    }
    let properties = json!({
        "ServiceNamespace": "ecs",
        "ScalableDimension": "ecs:service:DesiredCount",
        "ResourceId": substituted(format!("service/{cluster}/${{{name}Service.Name}}")),
        "MinCapacity": reference(&format!("{name}TasksMin")),
        "MaxCapacity": reference(&format!("{name}TasksMax")),
    });
    let target = Resource::new("AWS::ApplicationAutoScaling::ScalableTarget", properties).only_if(WITH_SERVICES);
    let target = draft.template.resource(format!("{name}ScalableTarget"), target);
    for policy in &scaling.policies {
        let what = match policy.metric {
            ScalingMetric::Cpu => "Cpu",
            ScalingMetric::Memory => "Memory",
            ScalingMetric::RequestsPerTarget => "Requests",
        };
        let resource = self::policy(policy, &target, service);
        draft.template.resource(format!("{name}{what}Scaling"), resource);
    }
}

fn policy(policy: &ScalingPolicyPlan, target: &str, service: &ServicePlan) -> Resource {
    let mut metric = json!({ "PredefinedMetricType": policy.metric.predefined() });
    if policy.metric == ScalingMetric::RequestsPerTarget {
        let group = target_group(&service.name, PairSide::Own);
        metric["ResourceLabel"] =
            substituted(format!("${{LoadBalancer.LoadBalancerFullName}}/${{{group}.TargetGroupFullName}}"));
    }
    let properties = json!({
        "PolicyName": policy.name,
        "PolicyType": "TargetTrackingScaling",
        "ScalingTargetId": reference(target),
        "TargetTrackingScalingPolicyConfiguration": {
            "PredefinedMetricSpecification": metric,
            "TargetValue": f64::from(policy.target),
            "ScaleInCooldown": policy.scale_in_cooldown,
            "ScaleOutCooldown": policy.scale_out_cooldown,
        },
    });
    Resource::new("AWS::ApplicationAutoScaling::ScalingPolicy", properties).only_if(WITH_SERVICES)
}
