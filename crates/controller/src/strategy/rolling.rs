//! ROLLING: new tasks take the places of old ones within the floor and the cap (I1, I2).
//!
//! Turns the controller's tasks into the scheduler's counts, and its counts back into tasks. When tasks have to go, those that serve
//! least go first; when tasks have to come, one that is just leaving and was healthy comes back before a new one is started.

use std::cmp::Reverse;

use seatrial_model::{RevisionId, Timestamp};

use super::{Plan, Start};
use crate::controller::Controller;
use crate::deployment::{Deployment, RolloutState};
use crate::scheduler::{self, Decision, Facts, Group, Starts, Stops};
use crate::task::{Task, TaskStatus};

/// Plans one pass.
pub(crate) fn plan(controller: &Controller, now: Timestamp) -> Plan {
    let Some(primary) = controller.primary() else { return Plan::default() };
    let new: Vec<&Task> = live(controller).filter(|task| task.revision == primary.revision).collect();
    let old: Vec<&Task> = live(controller).filter(|task| task.revision != primary.revision).collect();
    let desired = controller.settings().desired_count;
    let older = &controller.deployments()[1..];
    let decision = scheduler::decide(Facts {
        desired,
        floor: controller.settings().deployment.floor(desired),
        cap: controller.settings().deployment.cap(desired),
        new: group(controller, &new, now),
        old: group(controller, &old, now),
        old_wanted: older.iter().map(|deployment| deployment.desired_count).sum(),
        new_starts: starts(primary, now),
        old_starts: if older.iter().all(|entry| entry.throttle.blocked_until(now).is_some()) {
            Starts::Throttled
        } else {
            Starts::Allowed
        },
    });
    assemble(controller, primary, &new, &old, decision, now)
}

fn assemble(
    controller: &Controller,
    primary: &Deployment,
    new: &[&Task],
    old: &[&Task],
    decision: Decision,
    now: Timestamp,
) -> Plan {
    let mut plan = Plan { blocked_by_cap: decision.blocked_by_cap, ..Plan::default() };
    plan.stop.extend(choose(controller, new, decision.stop_new, now));
    plan.stop.extend(choose(controller, old, decision.stop_old, now));
    plan.older_desired = share_desired(&controller.deployments()[1..], decision.old_wanted);
    let condemned = new.iter().filter(|task| task.condemned_at.is_some()).count() as u32;
    bring(controller, primary.revision, decision.start_new, condemned, &mut plan);
    let mut remaining = decision.start_old;
    for (revision, wanted) in plan.older_desired.clone() {
        let standing = old
            .iter()
            .filter(|task| task.revision == revision && task.condemned_at.is_none() && !plan.stop.contains(&task.id))
            .count() as u32;
        let count = wanted.saturating_sub(standing).min(remaining);
        remaining -= count;
        bring(controller, revision, count, 0, &mut plan);
    }
    plan
}

fn live(controller: &Controller) -> impl Iterator<Item = &Task> {
    controller.tasks().filter(|task| task.is_live())
}

fn group(controller: &Controller, tasks: &[&Task], now: Timestamp) -> Group {
    let mut group = Group::default();
    for task in tasks {
        if task.condemned_at.is_some() {
            group.condemned += 1;
        } else if controller.is_healthy(task, now) {
            group.healthy += 1;
        } else {
            group.unproven += 1;
        }
    }
    group
}

fn starts(deployment: &Deployment, now: Timestamp) -> Starts {
    match deployment.rollout_state {
        RolloutState::Failed => Starts::Forbidden,
        RolloutState::InProgress | RolloutState::Completed => match deployment.throttle.blocked_until(now) {
            Some(_) => Starts::Throttled,
            None => Starts::Allowed,
        },
    }
}

/// Chooses the tasks to stop: pending before running, never healthy before once healthy, youngest first.
fn choose(
    controller: &Controller,
    tasks: &[&Task],
    stops: Stops,
    now: Timestamp,
) -> impl Iterator<Item = seatrial_model::TaskId> {
    let mut sorted: Vec<&Task> = tasks.to_vec();
    sorted.sort_by_key(|task| (task.is_running(), task.once_healthy, Reverse(task.ordinal)));
    let condemned = sorted.iter().filter(|task| task.condemned_at.is_some()).take(stops.condemned as usize);
    let standing = || sorted.iter().filter(|task| task.condemned_at.is_none());
    let unproven = standing().filter(|task| !controller.is_healthy(task, now)).take(stops.unproven as usize);
    let healthy = standing().filter(|task| controller.is_healthy(task, now)).take(stops.healthy as usize);
    condemned.chain(unproven).chain(healthy).map(|task| task.id.clone()).collect::<Vec<_>>().into_iter()
}

/// Lowers the desired counts of older deployments to `wanted` in all, the youngest entry first.
fn share_desired(older: &[Deployment], wanted: u32) -> Vec<(RevisionId, u32)> {
    let mut surplus = older.iter().map(|entry| entry.desired_count).sum::<u32>().saturating_sub(wanted);
    older
        .iter()
        .map(|entry| {
            let cut = surplus.min(entry.desired_count);
            surplus -= cut;
            (entry.revision, entry.desired_count - cut)
        })
        .collect()
}

/// Brings `count` tasks of a revision into service: takes leaving ones back, then starts the rest.
fn bring(controller: &Controller, revision: RevisionId, count: u32, replacing: u32, plan: &mut Plan) {
    let returning: Vec<_> = controller
        .tasks()
        .filter(|task| task.revision == revision && is_returnable(task))
        .take(count as usize)
        .map(|task| task.id.clone())
        .collect();
    let count = count - returning.len() as u32;
    plan.reactivate.extend(returning);
    if count > 0 {
        plan.start.push(Start { revision, count, replacing: replacing.min(count) });
    }
}

/// Tells whether a task that is out of rotation but not yet signalled could serve again.
fn is_returnable(task: &Task) -> bool {
    match &task.status {
        TaskStatus::Deactivating(leaving) => leaving.returnable && task.once_healthy && task.condemned_at.is_none(),
        TaskStatus::Pending | TaskStatus::Running | TaskStatus::Stopping(_) => false,
    }
}
