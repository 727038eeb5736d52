//! Commands on scalable targets.

use seatrial_controller::Lifecycle;
use seatrial_model::{ClusterName, ServiceName};

use super::activity::ActivityStatus;
use super::change;
use super::refusals::{limit, no_target, validation};
use super::resource::ScalableResource;
use super::target::{Bounds, Cooldowns, ScalableTarget, Suspended, TARGETS_MAX};
use super::tracking_alarms;
use crate::refusal::Refusal;
use crate::state::{State, Tags};
use crate::tags;
use crate::transaction::Transaction;

/// The members of RegisterScalableTarget; those absent stay as they are.
#[derive(Clone, Debug, Default)]
pub struct Registration {
    pub min: Option<u32>,
    pub max: Option<u32>,
    pub role_arn: Option<String>,
    pub suspended: SuspendedChange,
    /// Of a new target; one that is there has its own changed by TagResource.
    pub tags: Tags,
}

/// The members of a `SuspendedState` that are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SuspendedChange {
    pub scale_in: Option<bool>,
    pub scale_out: Option<bool>,
    pub scheduled: Option<bool>,
}

/// Registers or updates a scalable target, and brings the desired count of its service within the bounds. Returns its ARN.
pub fn register(
    tx: &mut Transaction<'_>,
    resource: &ScalableResource,
    registration: Registration,
) -> Result<String, Refusal> {
    let key = resource.to_string();
    let known = tx.state.scalable_targets.get(&key).cloned();
    let is_new = known.is_none();
    let mut target = match known {
        Some(target) => target,
        None => new_target(tx, resource, &registration)?,
    };
    target.bounds = bounds(&registration, Some(target.bounds))?;
    target.role_arn = registration.role_arn.unwrap_or(target.role_arn);
    target.suspended = registration.suspended.applied_to(target.suspended);
    let (arn, bounds) = (target.arn.clone(), target.bounds);
    tx.state.scalable_targets.insert(key, target);
    if is_new && !registration.tags.is_empty() {
        tags::set(tx, &arn, registration.tags)?;
    }
    keep_within(tx, resource, bounds);
    Ok(arn)
}

/// Deregisters a scalable target with its policies and their alarms. What was done stays written down.
pub fn deregister(tx: &mut Transaction<'_>, resource: &ScalableResource) -> Result<(), Refusal> {
    find(tx.state, resource)?;
    change::end_open(tx, resource, ActivityStatus::Overridden, |_| "The scalable target was deregistered.".to_owned());
    let prefix = format!("{resource}:");
    let policies: Vec<_> = tx.state.scaling_policies.under(&prefix).map(|(_, policy)| policy.clone()).collect();
    for policy in policies {
        tracking_alarms::remove(tx, &policy);
    }
    tx.state.scaling_policies.remove_under(&prefix);
    if let Some(target) = tx.state.scalable_targets.remove(&resource.to_string()) {
        tx.state.tags.remove(&target.arn);
    }
    Ok(())
}

/// Finds a scalable target.
pub fn find<'a>(state: &'a State, resource: &ScalableResource) -> Result<&'a ScalableTarget, Refusal> {
    state.scalable_targets.get(&resource.to_string()).ok_or_else(|| no_target(resource))
}

/// A service that is deleted is no longer scaled.
pub(crate) fn forget_service(tx: &mut Transaction<'_>, cluster: &ClusterName, service: &ServiceName) {
    let resource = ScalableResource { cluster: cluster.clone(), service: service.clone() };
    if find(tx.state, &resource).is_ok() {
        deregister(tx, &resource).expect("the target was just found");
    }
}

impl SuspendedChange {
    fn applied_to(self, suspended: Suspended) -> Suspended {
        Suspended {
            scale_in: self.scale_in.unwrap_or(suspended.scale_in),
            scale_out: self.scale_out.unwrap_or(suspended.scale_out),
            scheduled: self.scheduled.unwrap_or(suspended.scheduled),
        }
    }
}

fn new_target(
    tx: &Transaction<'_>,
    resource: &ScalableResource,
    registration: &Registration,
) -> Result<ScalableTarget, Refusal> {
    let is_there = |lifecycle| lifecycle != Lifecycle::Inactive;
    let service = tx.state.service(&resource.cluster, &resource.service);
    if !service.is_some_and(|service| is_there(service.controller.lifecycle())) {
        return Err(validation(format!("ECS service doesn't exist: {resource}")));
    }
    if tx.state.scalable_targets.len() >= TARGETS_MAX {
        return Err(limit(format!("There are {TARGETS_MAX} scalable targets, the most there may be.")));
    }
    let scope = &tx.state.scope;
    let id = tx.draw_uuid().replace('-', "");
    Ok(ScalableTarget {
        resource: resource.clone(),
        arn: scope.arn("application-autoscaling", format_args!("scalable-target/{id}")).as_str().to_owned(),
        bounds: bounds(registration, None)?,
        role_arn: format!(
            "arn:aws:iam::{}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService",
            scope.account
        ),
        suspended: Suspended::default(),
        created_at: tx.now,
        cooldowns: Cooldowns::default(),
        open_activity: None,
    })
}

fn bounds(registration: &Registration, known: Option<Bounds>) -> Result<Bounds, Refusal> {
    let min = registration.min.or(known.map(|known| known.min));
    let max = registration.max.or(known.map(|known| known.max));
    match (min, max) {
        (Some(min), Some(max)) if min <= max => Ok(Bounds { min, max }),
        (Some(_), Some(_)) => Err(validation("Maximum capacity cannot be less than minimum capacity")),
        (_, _) => Err(validation("MinCapacity and MaxCapacity must be given for a new scalable target.")),
    }
}

fn keep_within(tx: &mut Transaction<'_>, resource: &ScalableResource, bounds: Bounds) {
    let service = tx.state.service(&resource.cluster, &resource.service);
    let Some(current) = service.map(|service| service.desired_count) else { return };
    if current < bounds.min {
        change::scale(tx, resource, bounds.min, format!("minimum capacity was set to {}", bounds.min));
    } else if current > bounds.max {
        change::scale(tx, resource, bounds.max, format!("maximum capacity was set to {}", bounds.max));
    }
}
