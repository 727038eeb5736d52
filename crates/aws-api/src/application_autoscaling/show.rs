//! `ScalableTarget`, `ScalingPolicy`, `ScalingActivity`.

use seatrial_engine::auto_scaling::resource::{DIMENSION, NAMESPACE};
use seatrial_engine::auto_scaling::{
    NotScaledReason, PolicyKind, ScalableResource, ScalableTarget, ScalingActivity, ScalingPolicy,
};
use serde_json::{Map, Value, json};

/// Shows one page of a listing.
pub(super) fn page(member: &str, shown: Vec<Value>, next_token: Option<String>) -> Value {
    let mut answer = Map::from_iter([(member.to_owned(), Value::Array(shown))]);
    if let Some(token) = next_token {
        answer.insert("NextToken".to_owned(), token.into());
    }
    Value::Object(answer)
}

pub(super) fn target(target: &ScalableTarget) -> Value {
    let mut shown = of_resource(&target.resource);
    shown["MinCapacity"] = target.bounds.min.into();
    shown["MaxCapacity"] = target.bounds.max.into();
    shown["RoleARN"] = target.role_arn.clone().into();
    shown["CreationTime"] = target.created_at.as_epoch_seconds().into();
    shown["ScalableTargetARN"] = target.arn.clone().into();
    shown["SuspendedState"] = json!({
        "DynamicScalingInSuspended": target.suspended.scale_in,
        "DynamicScalingOutSuspended": target.suspended.scale_out,
        "ScheduledScalingSuspended": target.suspended.scheduled,
    });
    shown
}

/// Shows a policy with the names and ARNs of its alarms.
pub(super) fn policy(policy: &ScalingPolicy, invoking: &[(String, String)]) -> Value {
    let mut shown = of_resource(&policy.resource);
    shown["PolicyARN"] = policy.arn.clone().into();
    shown["PolicyName"] = policy.name.clone().into();
    shown["PolicyType"] = policy.kind.as_str().into();
    shown["CreationTime"] = policy.created_at.as_epoch_seconds().into();
    shown["Alarms"] = alarms(invoking);
    match &policy.kind {
        PolicyKind::TargetTracking(tracking) => {
            shown["TargetTrackingScalingPolicyConfiguration"] = json!(tracking.configuration);
        }
        PolicyKind::Step(step) => shown["StepScalingPolicyConfiguration"] = json!(step.configuration),
    }
    shown
}

pub(super) fn alarms(named: &[(String, String)]) -> Value {
    named.iter().map(|(name, arn)| json!({ "AlarmName": name, "AlarmARN": arn })).collect()
}

pub(super) fn activity(activity: &ScalingActivity) -> Value {
    let mut shown = of_resource(&activity.resource);
    shown["ActivityId"] = activity.id.clone().into();
    shown["Description"] = activity.description.clone().into();
    shown["Cause"] = activity.cause.clone().into();
    shown["StartTime"] = activity.started_at.as_epoch_seconds().into();
    shown["StatusCode"] = activity.status.as_str().into();
    if let Some(at) = activity.ended_at {
        shown["EndTime"] = at.as_epoch_seconds().into();
    }
    if let Some(message) = &activity.status_message {
        shown["StatusMessage"] = message.clone().into();
    }
    if let Some(reason) = &activity.not_scaled {
        shown["NotScaledReasons"] = json!([not_scaled(reason)]);
    }
    shown
}

fn not_scaled(reason: &NotScaledReason) -> Value {
    let mut shown = json!({ "Code": reason.code });
    let capacities = [("MaxCapacity", reason.max), ("MinCapacity", reason.min), ("CurrentCapacity", reason.current)];
    for (member, capacity) in capacities {
        if let Some(capacity) = capacity {
            shown[member] = capacity.into();
        }
    }
    shown
}

fn of_resource(resource: &ScalableResource) -> Value {
    json!({
        "ServiceNamespace": NAMESPACE,
        "ResourceId": resource.to_string(),
        "ScalableDimension": DIMENSION,
    })
}
