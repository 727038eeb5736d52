//! Application Auto Scaling of services whose count the configuration leaves open, as the stage has it.

use serde_json::{Value as Json, json};

use super::template::{Resource, logical, reference, substituted};
use super::{Draft, WITH_SERVICES};
use crate::config::Stage;
use crate::plan::{DesiredCount, ServicePlan};

/// How far a service is scaled. Times are in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scaling {
    tasks_min: i32,
    tasks_max: i32,
    cpu_percent: f64,
    memory_percent: f64,
    scale_in_cooldown: i32,
    scale_out_cooldown: i32,
}

/// The scaling of a service; none where the count is written down, since each deployment sets it again.
pub(super) fn scaling(stage: Stage, service: &ServicePlan) -> Option<Scaling> {
    let is_open = match service.desired_count {
        DesiredCount::Configured(_) => false,
        DesiredCount::AtCreation(_) => service.service["schedulingStrategy"] != "DAEMON",
    };
    match stage {
        Stage::Prod if is_open => Some(Scaling {
            tasks_min: 2,
            tasks_max: 10,
            cpu_percent: 70.0,
            memory_percent: 80.0,
            scale_in_cooldown: 300,
            scale_out_cooldown: 60,
        }),
        Stage::Prod | Stage::Dev | Stage::Custom => None,
    }
}

/// Adds the scaling of all services.
pub(super) fn add(draft: &mut Draft<'_>) {
    let stage = draft.plan.environment.stage;
    for service in &draft.plan.services {
        match scaling(stage, service) {
            Some(scaling) => add_service(draft, service, scaling),
            None if stage == Stage::Prod && service.service["schedulingStrategy"] != "DAEMON" => draft.remarks.push(format!(
                "service {}: desired_count is written down and set by every deployment, so the service is not scaled automatically",
                service.name
            )),
            None => {}
        }
    }
}

fn add_service(draft: &mut Draft<'_>, service: &ServicePlan, scaling: Scaling) {
    let name = logical(service.name.as_str());
    let cluster = if service.cluster == draft.plan.environment.cluster { "${Cluster}" } else { &service.cluster };
    for (parameter, default, what) in
        [("TasksMin", scaling.tasks_min, "How few tasks"), ("TasksMax", scaling.tasks_max, "How many tasks")]
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
    for (what, metric, percent) in [
        ("Cpu", "ECSServiceAverageCPUUtilization", scaling.cpu_percent),
        ("Memory", "ECSServiceAverageMemoryUtilization", scaling.memory_percent),
    ] {
        let policy =
            policy(&format!("{}-{}", service.family, what.to_ascii_lowercase()), &target, metric, percent, &scaling);
        draft.template.resource(format!("{name}{what}Scaling"), policy);
    }
}

fn policy(name: &str, target: &str, metric: &str, percent: f64, scaling: &Scaling) -> Resource {
    let tracking: Json = json!({
        "PredefinedMetricSpecification": { "PredefinedMetricType": metric },
        "TargetValue": percent,
        "ScaleInCooldown": scaling.scale_in_cooldown,
        "ScaleOutCooldown": scaling.scale_out_cooldown,
    });
    let properties = json!({
        "PolicyName": name,
        "PolicyType": "TargetTrackingScaling",
        "ScalingTargetId": reference(target),
        "TargetTrackingScalingPolicyConfiguration": tracking,
    });
    Resource::new("AWS::ApplicationAutoScaling::ScalingPolicy", properties).only_if(WITH_SERVICES)
}
