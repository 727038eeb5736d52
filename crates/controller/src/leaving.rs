//! How tasks leave, and come back before they are signalled (I4): out of rotation, then drained or out of time, then SIGTERM.

use std::collections::BTreeMap;

use seatrial_model::{DeploymentId, TargetGroupArn, TaskId, Timestamp};

use crate::breaker;
use crate::controller::{Controller, Lifecycle};
use crate::health::{self, FailingCheck};
use crate::step::{Effect, Step, StopCode};
use crate::task::{Leaving, Task, TaskStatus};
use crate::wording;

/// A task that is to leave, and what is said of it.
#[derive(Clone, Debug)]
pub(crate) struct Departure {
    pub task: TaskId,
    pub code: StopCode,
    pub reason: String,
}

/// What a batch of departures adds up to.
#[derive(Default)]
struct Tally {
    running: Vec<TaskId>,
    pending: usize,
    deregistered: BTreeMap<TargetGroupArn, usize>,
    draining: BTreeMap<DeploymentId, usize>,
}

impl Controller {
    /// Takes tasks out of rotation; those without targets are signalled at once, the others when they have drained.
    pub(crate) fn deactivate(&mut self, now: Timestamp, departures: Vec<Departure>, step: &mut Step) {
        let mut tally = Tally::default();
        for departure in departures {
            self.deactivate_one(now, departure, &mut tally, step);
        }
        if !tally.running.is_empty() {
            self.says(now, step, |words| words.stopped_running(&tally.running));
        }
        if tally.pending > 0 {
            self.says(now, step, |words| words.stopped_pending(tally.pending));
        }
        for (group, count) in tally.deregistered {
            self.says(now, step, |words| words.deregistered(count, &group));
        }
        for (deployment, count) in tally.draining {
            self.says(now, step, |words| words.draining(count, deployment));
        }
    }

    fn deactivate_one(&mut self, now: Timestamp, departure: Departure, tally: &mut Tally, step: &mut Step) {
        let Departure { task: id, code, reason } = departure;
        let Some(task) = self.tasks.get_mut(&id).filter(|task| task.is_live()) else { return };
        let revision = self.revisions.get(&task.revision).expect("a revision is kept as long as it has tasks");
        let delay = revision.deregistration_delay();
        let returnable = code == StopCode::ServiceSchedulerInitiated
            && task.condemned_at.is_none()
            && self.lifecycle == Lifecycle::Active;
        let leaving = Leaving { since: now, drained_by: now + delay, reason: reason.clone(), returnable };
        step.effects.push(Effect::DeactivateTask { task: id.clone(), code, reason });
        if task.is_running() {
            tally.running.push(id.clone());
        } else {
            tally.pending += 1;
        }
        if task.targets.is_empty() {
            task.status = TaskStatus::Stopping(leaving);
            step.effects.push(Effect::StopTask { task: id });
            return;
        }
        task.status = TaskStatus::Deactivating(leaving);
        *tally.draining.entry(task.deployment).or_insert(0) += 1;
        for group in task.targets.keys() {
            *tally.deregistered.entry(group.clone()).or_insert(0) += 1;
            step.effects.push(Effect::DeregisterTarget { task: id.clone(), target_group: group.clone() });
        }
    }

    /// Lets the tasks go that the strategy has chosen.
    pub(crate) fn stop_planned(&mut self, now: Timestamp, tasks: &[TaskId], step: &mut Step) {
        let departure = |task: &Task| {
            let failing = task.condemned_at.and_then(|_| health::failing_check(task, self.revision_of(task)));
            let reason = failing.map_or_else(|| wording::scaling(task.deployment), |check| check.stopped_reason());
            Departure { task: task.id.clone(), code: StopCode::ServiceSchedulerInitiated, reason }
        };
        let departures = tasks.iter().filter_map(|id| self.tasks.get(id)).map(departure).collect();
        self.deactivate(now, departures, step);
    }

    /// Stops a task for a user. One that is leaving already will not be taken back.
    pub(crate) fn stop_for_user(&mut self, now: Timestamp, id: TaskId, reason: String, step: &mut Step) {
        if let Some(TaskStatus::Deactivating(leaving)) = self.tasks.get_mut(&id).map(|task| &mut task.status) {
            leaving.returnable = false;
        }
        self.deactivate(now, vec![Departure { task: id, code: StopCode::UserInitiated, reason }], step);
    }

    /// Takes back leaving tasks that have not been signalled: the quickest way to healthy capacity.
    pub(crate) fn reactivate(&mut self, now: Timestamp, tasks: &[TaskId], step: &mut Step) {
        let mut registered: BTreeMap<TargetGroupArn, usize> = BTreeMap::new();
        for id in tasks {
            let Some(task) = self.tasks.get_mut(id) else { continue };
            task.status = TaskStatus::Running;
            step.effects.push(Effect::ReactivateTask { task: id.clone() });
            for (group, target) in &mut task.targets {
                *target = target.clone().again();
                *registered.entry(group.clone()).or_insert(0) += 1;
                step.effects.push(Effect::RegisterTarget { task: id.clone(), target_group: group.clone() });
            }
        }
        if !tasks.is_empty() {
            self.says(now, step, |words| words.returned(tasks));
        }
        for (group, count) in registered {
            self.says(now, step, |words| words.registered(count, &group));
        }
    }

    /// Gives tasks that are leaving the whole deregistration delay once more: they may have been taken out of rotation only now (I4). Whoever
    /// has nothing left to answer does not wait for its end.
    pub(crate) fn count_delays_anew(&mut self, now: Timestamp) {
        for task in self.tasks.values_mut() {
            let revision = self.revisions.get(&task.revision).expect("a revision is kept as long as it has tasks");
            if let TaskStatus::Deactivating(leaving) = &mut task.status {
                leaving.drained_by = now + revision.deregistration_delay();
            }
        }
    }

    /// Signals tasks whose requests have ended or had their time.
    pub(crate) fn signal_drained(&mut self, now: Timestamp, step: &mut Step) {
        for task in self.tasks.values_mut() {
            let TaskStatus::Deactivating(leaving) = &task.status else { continue };
            if task.is_drained() || leaving.drained_by <= now {
                task.status = TaskStatus::Stopping(leaving.clone());
                step.effects.push(Effect::StopTask { task: task.id.clone() });
            }
        }
    }

    /// Gives up tasks whose checks fail outside their grace period: those that never served at once, others when they are replaced.
    pub(crate) fn condemn_failing(&mut self, now: Timestamp, step: &mut Step) {
        let failing: Vec<(TaskId, FailingCheck)> = self
            .tasks
            .values()
            .filter(|task| task.condemned_at.is_none() && health::grace_ends(task, &self.settings) <= now)
            .filter_map(|task| Some((task.id.clone(), health::failing_check(task, self.revision_of(task))?)))
            .collect();
        let mut departures = Vec::new();
        for (id, check) in failing {
            let task = self.tasks.get_mut(&id).expect("the id was just read from the map");
            task.condemned_at = Some(now);
            let (revision, never_served) = (task.revision, !task.once_healthy);
            match check {
                FailingCheck::Containers => self.says(now, step, |words| words.unhealthy_containers(&id)),
                // Told when the balancer reported it.
                FailingCheck::Target(_) => {}
            }
            breaker::count_failure(self, revision);
            if let Some(entry) = self.deployments.iter_mut().find(|entry| entry.revision == revision) {
                entry.unhealthy_to_replace += 1;
            }
            if never_served {
                let (code, reason) = (StopCode::ServiceSchedulerInitiated, check.stopped_reason());
                departures.push(Departure { task: id, code, reason });
            }
        }
        self.deactivate(now, departures, step);
    }
}
