//! ROLLING: new tasks take the places of old ones within the floor and the cap (I1, I2).
//!
//! Turns the controller's tasks into the scheduler's counts, and its counts back into tasks. When tasks have to go, those that serve
//! least go first; when tasks have to come, one that is just leaving and was healthy comes back before a new one is started.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use seatrial_model::{RevisionId, TaskId, Timestamp};

use super::{Plan, Start, shifting};
use crate::controller::Controller;
use crate::deployment::{Deployment, RolloutState};
use crate::scheduler::{self, Decision, Facts, Group, Starts, Stops};
use crate::settings::Settings;
use crate::task::Task;

/// Plans one pass.
pub(crate) fn plan(controller: &Controller, now: Timestamp) -> Plan {
    let Some(primary) = controller.primary() else { return Plan::default() };
    let older: Vec<&Deployment> = controller.deployments().iter().skip(1).collect();
    converge(controller, primary, starts(primary, now), &older, now)
}

/// Plans one pass towards one revision, away from others. Those that production goes past serve nobody and leave at once.
pub(super) fn converge(
    controller: &Controller,
    kept: &Deployment,
    new_starts: Starts,
    others: &[&Deployment],
    now: Timestamp,
) -> Plan {
    let is_bypassed =
        |entry: &&Deployment| controller.revision(entry.revision).is_some_and(|it| controller.is_bypassed(it));
    let (bypassed, others): (Vec<&Deployment>, Vec<&Deployment>) = others.iter().copied().partition(is_bypassed);
    let new = live_of(controller, kept.revision);
    let old: Vec<&Task> = others.iter().flat_map(|entry| live_of(controller, entry.revision)).collect();
    let older = older(controller, &others, &old, now);
    let desired = controller.settings().desired_count;
    let decision = scheduler::decide(Facts {
        desired,
        floor: floor(controller),
        cap: controller.settings().deployment.cap(desired),
        new: group(controller, &new, now),
        old: group(controller, &old, now),
        old_wanted: older.iter().map(|entry| entry.wanted).sum(),
        new_returnable: returnable(controller, kept.revision).len() as u32,
        old_returnable: older.iter().map(|entry| entry.returnable.len() as u32).sum(),
        new_starts,
        old_startable: older.iter().map(Older::missing).sum(),
    });
    let mut plan = Plan { blocked_by_cap: decision.blocked_by_cap, ..Plan::default() };
    plan.stop.extend(choose(controller, &new, decision.stop_new, now));
    plan.stop.extend(choose(controller, &old, decision.stop_old, now));
    bring_new(controller, kept.revision, decision, &mut plan);
    bring_old(older, &old, decision, &mut plan);
    for entry in bypassed {
        plan.stop.extend(live_of(controller, entry.revision).into_iter().map(|task| task.id.clone()));
        plan.older_desired.push((entry.revision, 0));
    }
    plan
}

/// Returns the fewest healthy tasks that may be left. While a deployment is rolled back that is the full size, unless the cap leaves no
/// way to get there (I7).
fn floor(controller: &Controller) -> u32 {
    let Settings { desired_count, deployment, .. } = controller.settings();
    if controller.is_rolling_back() && deployment.cap(*desired_count) > *desired_count {
        *desired_count
    } else {
        deployment.floor(*desired_count)
    }
}

fn live(controller: &Controller) -> impl Iterator<Item = &Task> {
    controller.tasks().filter(|task| task.is_live())
}

pub(super) fn live_of(controller: &Controller, revision: RevisionId) -> Vec<&Task> {
    live(controller).filter(|task| task.revision == revision).collect()
}

/// What a task is worth to the scheduler, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Worth {
    Condemned,
    Unproven,
    Doubtful,
    Healthy,
}

fn worth(controller: &Controller, task: &Task, now: Timestamp) -> Worth {
    if task.condemned_at.is_some() {
        Worth::Condemned
    } else if !controller.is_healthy(task, now) {
        Worth::Unproven
    } else if controller.is_reliable(task, now) && !controller.is_bypassed(controller.revision_of(task)) {
        Worth::Healthy
    } else {
        Worth::Doubtful
    }
}

pub(super) fn group(controller: &Controller, tasks: &[&Task], now: Timestamp) -> Group {
    let mut group = Group::default();
    for task in tasks {
        let count = match worth(controller, task, now) {
            Worth::Condemned => &mut group.condemned,
            Worth::Unproven => &mut group.unproven,
            Worth::Doubtful => &mut group.doubtful,
            Worth::Healthy => &mut group.healthy,
        };
        *count += 1;
    }
    group
}

fn starts(deployment: &Deployment, now: Timestamp) -> Starts {
    match deployment.rollout_state {
        RolloutState::Failed => Starts::Forbidden,
        RolloutState::InProgress | RolloutState::Completed => throttled(deployment, now),
    }
}

/// Tells whether tasks may be started as far as the throttle is concerned.
pub(super) fn throttled(deployment: &Deployment, now: Timestamp) -> Starts {
    match deployment.throttle.blocked_until(now) {
        Some(_) => Starts::Throttled,
        None => Starts::Allowed,
    }
}

/// An older deployment entry and what may be done for it.
struct Older {
    revision: RevisionId,
    wanted: u32,
    standing: u32,
    starts: Starts,
    returnable: Vec<TaskId>,
}

impl Older {
    /// Counts the tasks that may be started for it now.
    fn missing(&self) -> u32 {
        match self.starts {
            Starts::Allowed => self.wanted.saturating_sub(self.standing),
            Starts::Throttled | Starts::Forbidden => 0,
        }
    }
}

/// Ranks a deployment by how readily its tasks are given up: failed ones first, then the newest.
fn rank(controller: &Controller, revision: RevisionId) -> Option<(bool, usize)> {
    let mut entries = controller.deployments().iter().enumerate();
    let entry = entries.find(|(_, entry)| entry.revision == revision);
    entry.map(|(age, entry)| (entry.rollout_state != RolloutState::Failed, age))
}

/// Looks at the older entries, in the order in which their tasks are given up. A failed one, and any beside a shift of traffic, keeps tasks
/// that are healthy and gets no others.
fn older(controller: &Controller, others: &[&Deployment], old: &[&Task], now: Timestamp) -> Vec<Older> {
    let look = |entry: &&Deployment| {
        let standing = standing(old, entry.revision, &BTreeSet::new());
        let starts = if shifting::governs(controller) { Starts::Forbidden } else { starts(entry, now) };
        let is_healthy = |task: &&&Task| task.revision == entry.revision && controller.is_healthy(task, now);
        let (wanted, returnable) = match starts {
            Starts::Forbidden => (entry.desired_count.min(old.iter().filter(is_healthy).count() as u32), Vec::new()),
            Starts::Allowed | Starts::Throttled => (entry.desired_count, returnable(controller, entry.revision)),
        };
        Older { revision: entry.revision, wanted, standing, starts, returnable }
    };
    let mut older: Vec<Older> = others.iter().map(look).collect();
    older.sort_by_key(|entry| rank(controller, entry.revision));
    older
}

fn standing(tasks: &[&Task], revision: RevisionId, leaving: &BTreeSet<&TaskId>) -> u32 {
    let stands =
        |task: &&&Task| task.revision == revision && task.condemned_at.is_none() && !leaving.contains(&task.id);
    tasks.iter().filter(stands).count() as u32
}

pub(super) fn returnable(controller: &Controller, revision: RevisionId) -> Vec<TaskId> {
    let tasks = controller.tasks().filter(|task| task.revision == revision);
    tasks.filter(|task| task.is_returnable(controller.revision_of(task))).map(|task| task.id.clone()).collect()
}

/// Chooses the tasks to stop: of each worth those of failed deployments first, then those of the newest; of one deployment pending before
/// running, never healthy before once healthy, youngest first.
pub(super) fn choose(controller: &Controller, tasks: &[&Task], stops: Stops, now: Timestamp) -> Vec<TaskId> {
    let mut sorted: Vec<&Task> = tasks.to_vec();
    sorted.sort_by_key(|task| {
        (rank(controller, task.revision), task.is_running(), task.once_healthy, Reverse(task.ordinal))
    });
    let of = |wanted: Worth, count: u32| {
        let matching = sorted.iter().filter(move |task| worth(controller, task, now) == wanted);
        matching.take(count as usize).map(|task| task.id.clone())
    };
    of(Worth::Condemned, stops.condemned)
        .chain(of(Worth::Unproven, stops.unproven))
        .chain(of(Worth::Doubtful, stops.doubtful))
        .chain(of(Worth::Healthy, stops.healthy))
        .collect()
}

pub(super) fn bring_new(controller: &Controller, revision: RevisionId, decision: Decision, plan: &mut Plan) {
    let returning = returnable(controller, revision).into_iter().take(decision.return_new as usize);
    plan.reactivate.extend(returning);
    plan.start.extend(start(revision, decision.start_new));
}

/// Lowers the older entries' desired counts to what is wanted of them in all, in the order in which their tasks are given up, and brings
/// their tasks. The oldest entry's tasks come back first: it is the one that has proven itself.
fn bring_old(mut older: Vec<Older>, old: &[&Task], decision: Decision, plan: &mut Plan) {
    let leaving: BTreeSet<&TaskId> = plan.stop.iter().collect();
    let mut surplus = older.iter().map(|entry| entry.wanted).sum::<u32>().saturating_sub(decision.old_wanted);
    for entry in &mut older {
        let cut = surplus.min(entry.wanted);
        surplus -= cut;
        entry.wanted -= cut;
        entry.standing = standing(old, entry.revision, &leaving);
    }
    let mut returns = decision.return_old as usize;
    for entry in older.iter_mut().rev() {
        entry.returnable.truncate(returns);
        returns -= entry.returnable.len();
        entry.standing += entry.returnable.len() as u32;
        if !entry.returnable.is_empty() {
            entry.wanted = entry.wanted.max(entry.standing);
        }
        plan.reactivate.append(&mut entry.returnable);
    }
    let mut starts = decision.start_old;
    for entry in &older {
        let count = entry.missing().min(starts);
        starts -= count;
        plan.start.extend(start(entry.revision, count));
    }
    plan.older_desired = older.into_iter().map(|entry| (entry.revision, entry.wanted)).collect();
}

fn start(revision: RevisionId, count: u32) -> Option<Start> {
    (count > 0).then_some(Start { revision, count })
}
