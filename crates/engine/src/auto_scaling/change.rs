//! Changing a desired count, and what is written down of it: the activity, and ECS's event.

use seatrial_controller::{Event, Lifecycle};

use super::activity::{self, ActivityStatus, NotScaledReason, ScalingActivity};
use super::resource::ScalableResource;
use crate::effects::publish;
use crate::services::set_desired_count;
use crate::transaction::Transaction;

/// Sets the desired count of a service. Nothing happens to one that is not ACTIVE.
pub(super) fn scale(tx: &mut Transaction<'_>, resource: &ScalableResource, to: u32, cause: String) {
    let key = resource.service_key();
    let is_active = |lifecycle| lifecycle == Lifecycle::Active;
    if !tx.state.services.get(&key).is_some_and(|service| is_active(service.controller.lifecycle())) {
        return;
    }
    tracing::info!(%resource, to, cause, "scaling");
    let set = format!("Successfully set desired count to {to}. Waiting for change to be fulfilled by ecs.");
    end_open(tx, resource, ActivityStatus::Overridden, |_| {
        "Scaling activity was overridden by a later one before ecs had fulfilled it.".to_owned()
    });
    let activity = ScalingActivity {
        id: tx.draw_uuid(),
        resource: resource.clone(),
        description: format!("Setting desired count to {to}."),
        cause: cause.clone(),
        started_at: tx.now,
        ended_at: None,
        status: ActivityStatus::InProgress,
        status_message: Some(set.clone()),
        not_scaled: None,
    };
    let activity = activity::record(tx, activity);
    if let Some(target) = tx.state.scalable_targets.get_mut(&resource.to_string()) {
        target.open_activity = Some(activity);
    }
    let at = tx.now;
    publish(tx, &key, Event::Service { at, message: format!("Message: {set} Cause: {cause}") });
    set_desired_count(tx, &key, to);
}

/// Writes down that a policy was invoked and nothing was scaled, unless that is what was written down last.
pub(super) fn note_not_scaled(
    tx: &mut Transaction<'_>,
    resource: &ScalableResource,
    cause: String,
    reason: NotScaledReason,
) {
    let last = activity::newest_first(tx.state).map(|(_, it)| it).find(|it| it.resource == *resource);
    if last.is_some_and(|last| last.cause == cause && last.not_scaled.as_ref() == Some(&reason)) {
        return;
    }
    let activity = ScalingActivity {
        id: tx.draw_uuid(),
        resource: resource.clone(),
        description: "Attempting to scale due to alarm triggered".to_owned(),
        cause,
        started_at: tx.now,
        ended_at: Some(tx.now),
        status: ActivityStatus::Failed,
        status_message: None,
        not_scaled: Some(reason),
    };
    activity::record(tx, activity);
}

/// Ends the activities that ECS has fulfilled: as many tasks as wanted are there, and no other.
pub(crate) fn settle(tx: &mut Transaction<'_>) {
    let is_fulfilled = |resource: &ScalableResource| {
        let service = tx.state.services.get(&resource.service_key());
        service.is_none_or(|service| service.controller.is_steady())
    };
    let open = tx.state.scalable_targets.values().filter(|target| target.open_activity.is_some());
    let fulfilled: Vec<ScalableResource> =
        open.map(|target| target.resource.clone()).filter(|resource| is_fulfilled(resource)).collect();
    for resource in fulfilled {
        end_open(tx, &resource, ActivityStatus::Successful, |message| {
            message.replace("Waiting for change to be fulfilled by ecs.", "Change successfully fulfilled by ecs.")
        });
    }
}

/// Ends the activity that a target waits for, if it does, with a message made of its present one.
pub(super) fn end_open(
    tx: &mut Transaction<'_>,
    resource: &ScalableResource,
    status: ActivityStatus,
    message: impl FnOnce(&str) -> String,
) {
    let target = resource.to_string();
    let is_waiting = tx.state.scalable_targets.get(&target).is_some_and(|target| target.open_activity.is_some());
    if !is_waiting {
        return;
    }
    let key = tx.state.scalable_targets.get_mut(&target).and_then(|target| target.open_activity.take());
    let now = tx.now;
    if let Some(activity) = key.and_then(|key| tx.state.scaling_activities.get_mut(&key)) {
        activity.status = status;
        activity.ended_at = Some(now);
        activity.status_message = activity.status_message.as_deref().map(message);
    }
}
