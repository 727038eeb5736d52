//! What was seen, worked into the state. An observation about an unknown task, or one that comes too late, changes nothing (I8).

use seatrial_model::load_balancing::{TargetHealth, TargetState};
use seatrial_model::{TargetGroupArn, TaskId, Timestamp};

use crate::breaker;
use crate::controller::{Controller, Lifecycle};
use crate::input::{Observation, StopCause};
use crate::step::{Effect, Step};
use crate::task::{Target, Task, TaskStatus};
use crate::throttle::{EarlyEnd, EarlyFailure};

impl Controller {
    pub(crate) fn observe(&mut self, now: Timestamp, observation: Observation, step: &mut Step) {
        match observation {
            Observation::TaskRunning { task } => self.task_running(now, &task, step),
            Observation::TaskHealth { task, health } => {
                if let Some(task) = self.tasks.get_mut(&task) {
                    task.container_health = health;
                }
            }
            Observation::TaskStopped { task, cause, reason } => self.task_stopped(now, &task, cause, &reason, step),
            Observation::TargetHealth { task, target_group, port, health } => {
                self.target_health(now, &task, &target_group, port, health, step);
            }
            Observation::TargetDrained { task, target_group } => self.target_drained(&task, &target_group),
            Observation::ListenerRule { rule, live } => {
                if let Some(known) = self.rules.get_mut(&rule) {
                    *known = live;
                }
            }
            Observation::HookAnswered { hook, attempt, answer } => self.hook_answered(now, &hook, attempt, answer),
            Observation::AlarmFired { name } => self.alarm_fired(name),
        }
    }

    fn task_running(&mut self, now: Timestamp, id: &TaskId, step: &mut Step) {
        let Some(task) = self.tasks.get_mut(id).filter(|task| task.status == TaskStatus::Pending) else { return };
        task.status = TaskStatus::Running;
        task.running_since = Some(now);
        let revision = self.revisions.get(&task.revision).expect("a revision is kept as long as it has tasks");
        let groups: Vec<_> = revision.target_groups.iter().map(|group| group.arn.clone()).collect();
        for group in &groups {
            task.targets.insert(group.clone(), Target::new());
            step.effects.push(Effect::RegisterTarget { task: id.clone(), target_group: group.clone() });
        }
        for group in groups {
            self.says(now, step, |words| words.registered(1, &group));
        }
    }

    fn target_health(
        &mut self,
        now: Timestamp,
        id: &TaskId,
        group: &TargetGroupArn,
        port: u16,
        health: TargetHealth,
        step: &mut Step,
    ) {
        let Some(task) = self.tasks.get_mut(id) else { return };
        let is_running = task.is_running();
        let Some(target) = task.targets.get_mut(group) else { return };
        if !is_running && !is_verdict(health.state) {
            // Draining says nothing about how the target would serve if it were taken back.
            return;
        }
        let fell = health.state == TargetState::Unhealthy && target.health.state != health.state;
        target.health = health;
        if fell && is_running {
            let reason = target.health.description.clone().unwrap_or_else(|| "Health checks failed".to_owned());
            self.says(now, step, |words| words.unhealthy_target(id, port, group, &reason));
        }
    }

    fn target_drained(&mut self, id: &TaskId, group: &TargetGroupArn) {
        let Some(task) = self.tasks.get_mut(id) else { return };
        match task.status {
            TaskStatus::Deactivating(_) => {
                if let Some(target) = task.targets.get_mut(group) {
                    target.drained = true;
                }
            }
            TaskStatus::Pending | TaskStatus::Running | TaskStatus::Stopping(_) => {}
        }
    }

    fn task_stopped(&mut self, now: Timestamp, id: &TaskId, cause: StopCause, reason: &str, step: &mut Step) {
        let Some(task) = self.tasks.remove(id) else { return };
        if task.is_running() {
            for target_group in task.targets.keys() {
                step.effects.push(Effect::DeregisterTarget { task: id.clone(), target_group: target_group.clone() });
                self.says(now, step, |words| words.deregistered(1, target_group));
            }
        }
        if task.leaving().is_some() || self.lifecycle != Lifecycle::Active {
            return;
        }
        match cause {
            StopCause::FailedToStart | StopCause::CannotStart => {
                self.says(now, step, |words| words.not_placed(reason));
            }
            StopCause::Exited => {}
            StopCause::Ordered => return,
        }
        self.hold_back(now, &task, step);
        if task.condemned_at.is_none() {
            breaker::count_failure(self, task.revision);
        }
        breaker::fail_fast(self, now, task.revision, cause, reason, step);
    }

    /// Lets the throttle know of a task that ended by itself too early.
    fn hold_back(&mut self, now: Timestamp, task: &Task, step: &mut Step) {
        let end = match task.running_since {
            None => EarlyEnd::NeverRan,
            Some(since) if now.since(since) < self.policy.stable_after_running => EarlyEnd::RanBriefly,
            Some(_) => return,
        };
        let failure = EarlyFailure { end, created_at: task.created_at, ordinal: task.ordinal };
        let (policy, seed) = (self.policy, self.seed);
        let Some(entry) = self.deployments.iter_mut().find(|entry| entry.revision == task.revision) else { return };
        if entry.throttle.failed(now, failure, &policy, seed) {
            self.says(now, step, |words| words.impaired());
        }
    }
}

fn is_verdict(state: TargetState) -> bool {
    match state {
        TargetState::Healthy | TargetState::Unhealthy => true,
        TargetState::Initial | TargetState::Unused | TargetState::Draining | TargetState::Unavailable => false,
    }
}
