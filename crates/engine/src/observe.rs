//! What the machine reports, worked into the tables and passed on to the controllers.

use seatrial_controller::{Input, Observation, StopCause, StopCode};
use seatrial_model::load_balancing::TargetHealth;
use seatrial_ports::balancer::TargetIntent;
use seatrial_ports::runtime::{EndCause, TaskPhase, TaskReport};

use crate::effects::{change_task, feed, follow_up};
use crate::hooks;
use crate::load_balancing::targets;
use crate::reports::{Reports, TargetKey};
use crate::state::{DesiredStatus, LastStatus, TaskRecord, service_key};
use crate::transaction::{Order, Transaction};

pub(crate) fn work_in(tx: &mut Transaction<'_>, reports: &Reports) {
    for report in reports.tasks.values() {
        task(tx, report);
        follow_up(tx);
    }
    for (key, health) in &reports.health {
        target_health(tx, key, health);
        follow_up(tx);
    }
    for (key, generation) in &reports.drained {
        target_drained(tx, key, *generation);
        follow_up(tx);
    }
    for report in reports.hooks.values() {
        hooks::work_in(tx, report);
    }
}

fn task(tx: &mut Transaction<'_>, report: &TaskReport) {
    let Some(known) = tx.state.tasks.get(report.task.as_str()) else {
        // A task whose record is gone: its start was never made durable, or it was forgotten. Nobody wants it.
        tx.order(Order::Stop(report.task.clone()));
        if report.phase == TaskPhase::Stopped {
            tx.order(Order::Forget(report.task.clone()));
        }
        return;
    };
    if known.stopped_at.is_some() || (report.sequence <= known.report_sequence && known.report_sequence > 0) {
        return;
    }
    let was = known.clone();
    let now = tx.now;
    if !says_something_new(&was, report) {
        return;
    }
    change_task(tx, &report.task, |record| record_report(record, report, now));
    let key = was.service.as_ref().map(|service| service_key(&was.cluster, service));
    if report.phase == TaskPhase::Stopped {
        targets::remove_task(tx, &report.task);
    }
    let Some(key) = key else { return };
    for observation in observations(&was, report) {
        feed(tx, &key, Input::Observation(observation));
    }
}

/// Tells whether a report differs from the record in more than its readings.
fn says_something_new(record: &TaskRecord, report: &TaskReport) -> bool {
    record.containers != report.containers
        || record.health != report.health
        || record.started_at != report.started_at
        || record.execution_stopped_at != report.execution_stopped_at
        || report.phase == TaskPhase::Stopped
        || record.last_status < status_of(report.phase)
}

const fn status_of(phase: TaskPhase) -> LastStatus {
    match phase {
        TaskPhase::Activating => LastStatus::Activating,
        TaskPhase::Running => LastStatus::Running,
        TaskPhase::Stopping => LastStatus::Stopping,
        TaskPhase::Stopped => LastStatus::Stopped,
    }
}

fn record_report(record: &mut TaskRecord, report: &TaskReport, now: seatrial_model::Timestamp) {
    record.report_sequence = report.sequence;
    record.containers.clone_from(&report.containers);
    record.health = report.health;
    record.started_at = report.started_at;
    record.execution_stopped_at = report.execution_stopped_at;
    record.last_status = record.last_status.max(status_of(report.phase));
    if record.stopping_at.is_none() {
        record.stopping_at = report.stopping_at;
    }
    if report.phase == TaskPhase::Stopped {
        record.desired_status = DesiredStatus::Stopped;
        record.stopped_at = Some(now);
        record.stopping_at.get_or_insert(now);
        if let (None, Some(end)) = (record.stop_code, &report.end) {
            record.stop_code = Some(match end.cause {
                EndCause::EssentialContainerExited | EndCause::Lost => StopCode::EssentialContainerExited,
                EndCause::FailedToStart | EndCause::CannotStart => StopCode::TaskFailedToStart,
            });
            record.stopped_reason = Some(end.reason.clone());
        }
    }
}

/// Translates what changed into observations, in the order in which it must have happened.
fn observations(was: &TaskRecord, report: &TaskReport) -> Vec<Observation> {
    let task = || report.task.clone();
    let mut observations = Vec::new();
    if was.started_at.is_none() && report.started_at.is_some() {
        observations.push(Observation::TaskRunning { task: task() });
    }
    if was.health != report.health {
        observations.push(Observation::TaskHealth { task: task(), health: report.health });
    }
    if report.phase == TaskPhase::Stopped {
        let cause = match report.end.as_ref().map(|end| end.cause) {
            Some(EndCause::EssentialContainerExited | EndCause::Lost) => StopCause::Exited,
            Some(EndCause::FailedToStart) => StopCause::FailedToStart,
            Some(EndCause::CannotStart) => StopCause::CannotStart,
            None => StopCause::Ordered,
        };
        let reason = report.end.as_ref().map_or_else(String::new, |end| end.reason.clone());
        observations.push(Observation::TaskStopped { task: task(), cause, reason });
    }
    observations
}

fn target_health(tx: &mut Transaction<'_>, key: &TargetKey, health: &TargetHealth) {
    let (group, id, registration) = key;
    let Some(target) = find(tx, key) else { return };
    if target.intent != TargetIntent::Registered || target.health == *health {
        return;
    }
    let task = target.task.clone();
    if let Some(group) = tx.state.target_groups.get_mut(group.as_str())
        && let Some(target) = group.targets.iter_mut().find(|target| target.registration == *registration)
    {
        target.health.clone_from(health);
    }
    let record = task.and_then(|task| tx.state.tasks.get(task.as_str()));
    let Some((record, service)) = record.and_then(|record| Some((record, record.service.as_ref()?))) else { return };
    let service = service_key(&record.cluster, service);
    let observation = Observation::TargetHealth {
        task: record.id.clone(),
        target_group: group.clone(),
        port: id.port,
        health: health.clone(),
    };
    feed(tx, &service, Input::Observation(observation));
}

/// Works in that nothing is in flight to a draining target, unless it was said of a configuration before it was draining.
fn target_drained(tx: &mut Transaction<'_>, key: &TargetKey, generation: u64) {
    let (group, _, registration) = key;
    let Some(target) = find(tx, key) else { return };
    if target.intent != TargetIntent::Draining || generation < target.draining_from {
        return;
    }
    let task = target.task.clone();
    if let Some(group) = tx.state.target_groups.get_mut(group.as_str()) {
        group.targets.retain(|target| target.registration != *registration);
    }
    let record = task.and_then(|task| tx.state.tasks.get(task.as_str()));
    let Some((record, service)) = record.and_then(|record| Some((record, record.service.as_ref()?))) else { return };
    let service = service_key(&record.cluster, service);
    let observation = Observation::TargetDrained { task: record.id.clone(), target_group: group.clone() };
    feed(tx, &service, Input::Observation(observation));
}

fn find<'a>(tx: &'a Transaction<'_>, (group, _, registration): &TargetKey) -> Option<&'a crate::state::Target> {
    let group = tx.state.target_groups.get(group.as_str())?;
    group.targets.iter().find(|target| target.registration == *registration)
}
