//! Commands on scaling policies.

use super::policy::{POLICIES_PER_TARGET_MAX, PolicyKind, ScalingPolicy, TrackingAlarms, check_name};
use super::refusals::{limit, no_policy, validation};
use super::resource::ScalableResource;
use super::{targets, tracking_alarms};
use crate::refusal::Refusal;
use crate::state::State;
use crate::transaction::Transaction;

/// Creates a policy, or replaces the configuration of one; `None` leaves that as it is.
pub fn put(
    tx: &mut Transaction<'_>,
    resource: &ScalableResource,
    name: &str,
    kind: Option<PolicyKind>,
) -> Result<ScalingPolicy, Refusal> {
    check_name(name)?;
    targets::find(tx.state, resource)?;
    let key = ScalingPolicy::key(resource, name);
    let known = tx.state.scaling_policies.get(&key).cloned();
    let (mut policy, former) = match (known, kind) {
        (Some(known), None) => return Ok(known),
        (Some(known), Some(kind)) => {
            if known.kind.as_str() != kind.as_str() {
                return Err(validation(format!(
                    "The policy {name} is of type {}, which cannot be changed.",
                    known.kind.as_str()
                )));
            }
            let former = alarms_of(&known.kind).cloned();
            (ScalingPolicy { kind, ..known }, former)
        }
        (None, Some(kind)) => (new_policy(tx, resource, name, kind)?, None),
        (None, None) => {
            return Err(validation("A new policy needs a PolicyType and the configuration that goes with it."));
        }
    };
    tracking_alarms::put(tx, &mut policy, former)?;
    tx.state.scaling_policies.insert(key, policy.clone());
    Ok(policy)
}

/// Deletes a policy, and the alarms that were made for it. Those of somebody else that name a step policy stay.
pub fn delete(tx: &mut Transaction<'_>, resource: &ScalableResource, name: &str) -> Result<(), Refusal> {
    let key = ScalingPolicy::key(resource, name);
    let Some(policy) = tx.state.scaling_policies.remove(&key) else {
        return Err(no_policy(resource, name));
    };
    tracking_alarms::remove(tx, &policy);
    Ok(())
}

/// Returns the names and ARNs of the alarms that invoke a policy.
pub fn alarms(state: &State, policy: &ScalingPolicy) -> Vec<(String, String)> {
    let invokes = |alarm: &&seatrial_cloudwatch::Alarm| {
        let actions = alarm.definition().actions();
        actions.alarm.iter().chain(&actions.ok).chain(&actions.insufficient_data).any(|action| *action == policy.arn)
    };
    let found = state.alarms.values().filter(invokes);
    found.map(|alarm| (alarm.name().as_str().to_owned(), alarm.arn().to_owned())).collect()
}

fn alarms_of(kind: &PolicyKind) -> Option<&TrackingAlarms> {
    match kind {
        PolicyKind::TargetTracking(tracking) => tracking.alarms.as_ref(),
        PolicyKind::Step(_) => None,
    }
}

fn new_policy(
    tx: &Transaction<'_>,
    resource: &ScalableResource,
    name: &str,
    kind: PolicyKind,
) -> Result<ScalingPolicy, Refusal> {
    if tx.state.scaling_policies.under(&format!("{resource}:")).count() >= POLICIES_PER_TARGET_MAX {
        return Err(limit(format!(
            "{resource} has {POLICIES_PER_TARGET_MAX} scaling policies, the most there may be."
        )));
    }
    let place = format_args!("scalingPolicy:{}:resource/ecs/{resource}:policyName/{name}", tx.draw_uuid()).to_string();
    let arn = tx.state.scope.arn("autoscaling", place).as_str().to_owned();
    Ok(ScalingPolicy { name: name.to_owned(), arn, resource: resource.clone(), created_at: tx.now, kind })
}
