//! How many tasks there may and must be (I1, I2, I7), and how one leaves (I4).

use std::collections::BTreeMap;
use std::time::Duration;

use seatrial_controller::{Effect, ServiceDeploymentStatus, Step, StopCode};
use seatrial_model::load_balancing::TargetState;
use seatrial_model::task_definition::HealthStatus;
use seatrial_model::{RevisionId, TargetGroupArn, TaskId, Timestamp};

use super::{Seen, SeenTarget, Stage, Watch, ensure};

impl Watch {
    pub(super) fn start(&mut self, id: &TaskId, revision: RevisionId) -> Result<(), String> {
        ensure(!self.deleted, "a deleted service starts no task")?;
        ensure(self.revisions.contains_key(&revision), "the revision is unknown")?;
        self.ensure_cap(revision)?;
        let task = Seen {
            revision,
            stage: Stage::Pending,
            running_since: None,
            container: HealthStatus::Unknown,
            targets: BTreeMap::new(),
        };
        ensure(self.tasks.insert(id.clone(), task).is_none(), "a task is started once")
    }

    /// I1, and I7: a rollback reaches full size before the failed revision is scaled in, if there is room for it.
    fn floor(&self) -> u32 {
        let desired = self.settings.desired_count;
        let rolls_back = self
            .deployments
            .last()
            .is_some_and(|deployment| deployment.status == ServiceDeploymentStatus::RollbackInProgress);
        if rolls_back && self.cap() > desired {
            desired
        } else {
            (desired * self.settings.deployment.minimum_healthy_percent.value()).div_ceil(100)
        }
    }

    fn cap(&self) -> u32 {
        self.settings.desired_count * self.settings.deployment.maximum_percent.value() / 100
    }

    /// I2: of all revisions together, or of each where two stand side by side.
    fn ensure_cap(&self, revision: RevisionId) -> Result<(), String> {
        let is_live = |task: &&Seen| matches!(task.stage, Stage::Pending | Stage::Running);
        let is_counted = |task: &&Seen| !self.is_shifting() || task.revision == revision;
        let live = self.tasks.values().filter(is_live).filter(is_counted).count() as u32;
        let cap = if self.is_shifting() { self.cap().max(self.settings.desired_count) } else { self.cap() };
        ensure(live < cap, &format!("I2: {live} tasks are live and the cap is {cap}"))
    }

    /// I1, for what the scheduler does by itself.
    pub(super) fn deactivate(&mut self, now: Timestamp, id: &TaskId, code: StopCode) -> Result<(), String> {
        let task = self.tasks.get(id).ok_or("the task is unknown")?;
        ensure(matches!(task.stage, Stage::Pending | Stage::Running), "the task is leaving already")?;
        let counts = self.is_healthy(task, now) && self.is_given_requests(task);
        if counts && code == StopCode::ServiceSchedulerInitiated && !self.deleted {
            let is_counted = |other: &&Seen| self.is_healthy(other, now) && self.share_requests(task, other);
            let (healthy, floor) = (self.tasks.values().filter(is_counted).count() as u32, self.floor());
            ensure(healthy > floor, &format!("I1, I7: {healthy} tasks are healthy and the floor is {floor}"))?;
        }
        let by = now + self.delay(task.revision);
        self.set_stage(id, Stage::Leaving { by });
        Ok(())
    }

    /// I4: what was ordered before the control plane was away may have been done only now.
    pub(super) fn delays_count_anew(&mut self, now: Timestamp) {
        let leaves = |task: &Seen| matches!(task.stage, Stage::Leaving { .. });
        let leaving: Vec<(TaskId, RevisionId)> =
            self.tasks.iter().filter(|(_, task)| leaves(task)).map(|(id, task)| (id.clone(), task.revision)).collect();
        for (id, revision) in leaving {
            self.set_stage(&id, Stage::Leaving { by: now + self.delay(revision) });
        }
    }

    fn delay(&self, revision: RevisionId) -> Duration {
        let groups = &self.revisions[&revision].target_groups;
        groups.iter().map(|group| group.deregistration_delay).max().unwrap_or(Duration::ZERO)
    }

    pub(super) fn reactivate(&mut self, id: &TaskId) -> Result<(), String> {
        ensure(!self.deleted, "a deleted service takes no task back")?;
        let task = self.tasks.get(id).ok_or("the task is unknown")?;
        self.ensure_cap(task.revision)?;
        ensure(matches!(task.stage, Stage::Leaving { .. }), "only a leaving task comes back before its signal")?;
        ensure(task.running_since.is_some(), "only a task that has been running comes back")?;
        self.set_stage(id, Stage::Running);
        Ok(())
    }

    pub(super) fn register(&mut self, id: &TaskId, group: &TargetGroupArn) -> Result<(), String> {
        let task = self.tasks.get_mut(id).ok_or("the task is unknown")?;
        ensure(task.stage == Stage::Running, "only a running task is registered")?;
        let groups = &self.revisions[&task.revision].target_groups;
        ensure(groups.iter().any(|known| known.arn == *group), "the revision has no such target group")?;
        let target = match task.targets.get(group) {
            Some(target) if target.registered => return Err("the target is registered already".to_owned()),
            // A draining target that is registered again keeps its health.
            Some(target) if !target.drained => SeenTarget { registered: true, ..*target },
            Some(_) | None => SeenTarget { registered: true, drained: false, state: TargetState::Initial },
        };
        task.targets.insert(group.clone(), target);
        Ok(())
    }

    pub(super) fn deregister(&mut self, id: &TaskId, group: &TargetGroupArn) -> Result<(), String> {
        // The target of a task that is gone is deregistered too.
        let Some(task) = self.tasks.get_mut(id) else { return Ok(()) };
        ensure(task.stage != Stage::Running, "I4: a running task stays in rotation")?;
        let target = task.targets.get_mut(group).ok_or("the target is unknown")?;
        ensure(target.registered, "the target is deregistered already")?;
        (target.registered, target.drained) = (false, false);
        Ok(())
    }

    /// I4.
    pub(super) fn stop(&mut self, now: Timestamp, id: &TaskId) -> Result<(), String> {
        let task = self.tasks.get(id).ok_or("the task is unknown")?;
        let Stage::Leaving { by } = task.stage else {
            return Err("I4: only a leaving task is signalled, and once".to_owned());
        };
        ensure(task.targets.values().all(|target| !target.registered), "I4: a target is in rotation")?;
        let drained = task.targets.values().all(|target| target.drained);
        ensure(drained || by <= now, "I4: requests are in flight and their time is not over")?;
        self.set_stage(id, Stage::Signalled);
        Ok(())
    }

    fn set_stage(&mut self, id: &TaskId, stage: Stage) {
        if let Some(task) = self.tasks.get_mut(id) {
            task.stage = stage;
        }
    }

    /// Of one revision's tasks the scheduler lets those go first that serve nobody.
    pub(super) fn no_healthy_task_left_before_an_unhealthy_one(
        &self,
        now: Timestamp,
        step: &Step,
    ) -> Result<(), String> {
        if self.deleted {
            return Ok(());
        }
        for effect in &step.effects {
            let Effect::DeactivateTask { task, code: StopCode::ServiceSchedulerInitiated, .. } = effect else {
                continue;
            };
            let Some(left) = self.tasks.get(task) else { continue };
            let as_running = Seen { stage: Stage::Running, ..with_targets(left) };
            if !self.is_healthy(&as_running, now) {
                continue;
            }
            let idle = self.tasks.iter().find(|(_, other)| {
                let live = matches!(other.stage, Stage::Pending | Stage::Running);
                other.revision == left.revision && live && !self.is_healthy(other, now)
            });
            if let Some((idle, _)) = idle {
                return Err(format!("healthy task {task} was stopped while {idle} of its revision serves nobody"));
            }
        }
        Ok(())
    }
}

/// The task as it was before its targets were deregistered.
fn with_targets(task: &Seen) -> Seen {
    let mut task = task.clone();
    task.targets.values_mut().for_each(|target| target.registered = true);
    task
}
