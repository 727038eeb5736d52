//! Targets: registration, draining, removal (I4).
//!
//! A deregistered target stays in its group, draining, until the balancer says that nothing is in flight or the deregistration delay
//! has passed. A task's targets leave the group for good before the task is signalled.

use std::time::Duration;

use seatrial_model::load_balancing::{TargetHealth, TargetReason, TargetState};
use seatrial_model::{TargetGroupArn, TargetId, TaskId, TimeScale, Timestamp};
use seatrial_ports::balancer::TargetIntent;

use super::attributes::DEREGISTRATION_DELAY;
use crate::state::{State, Target, TargetGroup, TaskRecord, revision_key};
use crate::transaction::Transaction;

/// ELB's default of [`DEREGISTRATION_DELAY`].
const DEREGISTRATION_DELAY_DEFAULT: Duration = Duration::from_secs(300);

/// Returns the unscaled deregistration delay of a target group.
pub fn deregistration_delay(group: &TargetGroup) -> Duration {
    let configured = group.attributes.get(DEREGISTRATION_DELAY);
    configured.and_then(|value| value.parse().ok()).map_or(DEREGISTRATION_DELAY_DEFAULT, Duration::from_secs)
}

/// Registers a target, or takes a draining one back into service: it keeps the health it had.
pub fn register(tx: &mut Transaction<'_>, group: &TargetGroupArn, id: TargetId, task: Option<&TaskId>) {
    let registration = tx.state.draw("registration");
    let Some(group) = tx.state.target_groups.get_mut(group.as_str()) else { return };
    let known = group.targets.iter_mut().find(|target| target.id == id && target.task.as_ref() == task);
    if let Some(target) = known {
        target.intent = TargetIntent::Registered;
        target.deregistered_at = None;
        return;
    }
    group.targets.retain(|target| target.id != id);
    group.targets.push(Target {
        id,
        registration,
        intent: TargetIntent::Registered,
        health: TargetHealth::because(
            TargetState::Initial,
            TargetReason::RegistrationInProgress,
            "Target registration is in progress",
        ),
        task: task.cloned(),
        draining_from: 0,
        deregistered_at: None,
    });
}

/// Takes a target out of rotation.
pub fn deregister(tx: &mut Transaction<'_>, group: &TargetGroupArn, id: TargetId) {
    let (now, generation) = (tx.now, tx.next_generation);
    let Some(group) = tx.state.target_groups.get_mut(group.as_str()) else { return };
    for target in group.targets.iter_mut().filter(|target| target.id == id) {
        if target.intent == TargetIntent::Registered {
            target.intent = TargetIntent::Draining;
            target.draining_from = generation;
            target.deregistered_at = Some(now);
        }
    }
}

pub(crate) fn register_task(tx: &mut Transaction<'_>, task: &TaskId, group: &TargetGroupArn) {
    if let Some(id) = target_of(tx.state, task, group) {
        register(tx, group, id, Some(task));
    }
}

/// Deregisters a task's target: draining while the task lives, at once when it is gone.
pub(crate) fn deregister_task(tx: &mut Transaction<'_>, task: &TaskId, group: &TargetGroupArn) {
    let is_alive = tx.state.tasks.get(task.as_str()).is_some_and(|record| record.stopped_at.is_none());
    match target_of(tx.state, task, group) {
        Some(id) if is_alive => deregister(tx, group, id),
        Some(_) | None => remove_task(tx, task),
    }
}

/// Removes every target of a task from its group.
pub(crate) fn remove_task(tx: &mut Transaction<'_>, task: &TaskId) {
    let is_of_task = |target: &Target| target.task.as_ref() == Some(task);
    let groups: Vec<String> = tx
        .state
        .target_groups
        .iter()
        .filter(|(_, group)| group.targets.iter().any(is_of_task))
        .map(|(arn, _)| arn.clone())
        .collect();
    for arn in groups {
        if let Some(group) = tx.state.target_groups.get_mut(&arn) {
            group.targets.retain(|target| !is_of_task(target));
        }
    }
}

/// Removes targets whose deregistration delay has passed, except a task's: those go when the controller signals the task.
pub(crate) fn remove_overdue(tx: &mut Transaction<'_>) {
    let scale = tx.scale;
    let now = tx.now;
    let overdue: Vec<(String, u64)> = foreign_draining(tx.state)
        .filter(|(group, since, _)| *since + scale.apply(deregistration_delay(group)) <= now)
        .map(|(group, _, target)| (group.arn.as_str().to_owned(), target.registration))
        .collect();
    for (arn, registration) in overdue {
        if let Some(group) = tx.state.target_groups.get_mut(&arn) {
            group.targets.retain(|target| target.registration != registration);
        }
    }
}

/// Returns when the next such target is due.
pub(crate) fn next_overdue(state: &State, scale: TimeScale) -> Option<Timestamp> {
    foreign_draining(state).map(|(group, since, _)| since + scale.apply(deregistration_delay(group))).min()
}

fn foreign_draining(state: &State) -> impl Iterator<Item = (&TargetGroup, Timestamp, &Target)> {
    state.target_groups.values().flat_map(|group| {
        let draining = group.targets.iter().filter(|target| target.task.is_none());
        draining.filter_map(move |target| Some((group, target.deregistered_at?, target)))
    })
}

fn target_of(state: &State, task: &TaskId, group: &TargetGroupArn) -> Option<TargetId> {
    let record = state.tasks.get(task.as_str())?;
    let attachment = attachments(state, record).into_iter().find(|(arn, _)| arn == group)?;
    Some(TargetId { address: record.place.address, port: attachment.1 })
}

/// Returns the target groups a service task belongs in, with its host port in each.
pub fn attachments(state: &State, task: &TaskRecord) -> Vec<(TargetGroupArn, u16)> {
    let revision =
        task.service.as_ref().zip(task.revision).and_then(|(service, revision)| {
            state.service_revisions.get(&revision_key(&task.cluster, service, revision))
        });
    let Some(revision) = revision else { return Vec::new() };
    revision
        .load_balancers
        .iter()
        .enumerate()
        .filter_map(|(index, attachment)| {
            let port = task.ports.iter().find(|port| {
                port.container == attachment.container_name && port.container_port == attachment.container_port
            })?;
            let group = revision.resolved.get(index).map_or(&attachment.target_group, |resolved| &resolved.arn);
            Some((group.clone(), port.host_port))
        })
        .collect()
}
