//! What has become true: entries that are empty, completion, steady state, the end of the service, and the books of it all.

use seatrial_model::deployment_configuration::SourceRevisionCleanup;
use seatrial_model::{LifecycleStage, Timestamp};

use crate::controller::{Controller, Lifecycle};
use crate::deployment::{Deployment, RolloutState, ServiceDeployment, ServiceDeploymentStatus};
use crate::step::{Event, Step};
use crate::task::Task;
use crate::wording;

impl Controller {
    /// Drops entries of older deployments that have no task left, and revisions nobody refers to. The source of the running deployment
    /// stays: that may have to go back to it when its last task is gone.
    pub(crate) fn forget_older_entries(&mut self) {
        let has_tasks = |revision| self.tasks.values().any(|task| task.revision == revision);
        let mut is_primary = true;
        self.deployments
            .retain(|entry| std::mem::take(&mut is_primary) || entry.desired_count > 0 || has_tasks(entry.revision));
        let running = self.service_deployment.as_ref().filter(|deployment| !deployment.status.is_terminal());
        let source = running.and_then(|deployment| deployment.shift.as_ref()?.source);
        let (tasks, deployments, last_completed) = (&self.tasks, &self.deployments, self.last_completed);
        self.revisions.retain(|id, _| {
            Some(*id) == last_completed
                || Some(*id) == source
                || deployments.iter().any(|entry| entry.revision == *id)
                || tasks.values().any(|task| task.revision == *id)
        });
    }

    pub(crate) fn announce(&mut self, now: Timestamp, step: &mut Step) {
        if self.lifecycle == Lifecycle::Draining && self.tasks.is_empty() {
            self.lifecycle = Lifecycle::Inactive;
            self.deployments.clear();
            step.events.push(Event::ServiceInactive { at: now });
        }
        if self.lifecycle != Lifecycle::Active {
            return;
        }
        let settled = self.is_settled(now);
        let may_end = self.primary().is_some_and(is_in_progress) && self.has_passed_stages();
        if may_end && (settled || self.has_early_success(now)) && self.has_baked(now) {
            self.complete(now, step);
        }
        let steady = settled && self.has_passed_stages();
        if steady && !self.steady {
            self.says(now, step, |words| words.steady());
        }
        self.steady = steady;
    }

    fn is_settled(&self, now: Timestamp) -> bool {
        let Some(primary) = self.primary() else { return false };
        let none_older = self.tasks.values().all(|task| task.revision == primary.revision);
        let live: Vec<&Task> = self.tasks.values().filter(|task| task.is_live()).collect();
        none_older
            && live.len() == self.settings.desired_count as usize
            && live.iter().all(|task| self.is_reliable(task, now))
    }

    /// Tells whether nothing but tasks holds the end of the deployment up: one that shifts traffic has to be at its last stage, its
    /// rollback has to have given all traffic back.
    fn has_passed_stages(&self) -> bool {
        let Some(deployment) = self.service_deployment.as_ref().filter(|deployment| !deployment.status.is_terminal())
        else {
            return true;
        };
        deployment.shift.as_ref().is_none_or(|shift| match deployment.rollback {
            Some(_) => shift.returned,
            None => shift.stage == LifecycleStage::CleanUp,
        })
    }

    /// Tells whether a ROLLING deployment has been watched long enough since its new revision stood alone.
    fn has_baked(&mut self, now: Timestamp) -> bool {
        let Some(deployment) = &mut self.service_deployment else { return true };
        deployment.baking_since.get_or_insert(now);
        deployment.shift.is_some() || deployment.has_baked(now)
    }

    fn has_early_success(&self, now: Timestamp) -> bool {
        let (Some(criteria), Some(primary)) = (self.settings.deployment.early_success, self.primary()) else {
            return false;
        };
        if self.is_rolling_back() || !is_in_progress(primary) {
            return false;
        }
        let new = self.tasks.values().filter(|task| task.revision == primary.revision);
        let healthy = new.filter(|task| self.is_reliable(task, now)).count() as u32;
        let wanted = criteria.healthy_percent.of_rounded_up(self.settings.desired_count).max(1);
        let older_gone = self.tasks.values().all(|task| task.revision == primary.revision);
        healthy >= wanted
            && match criteria.cleanup {
                SourceRevisionCleanup::Blocking => older_gone,
                SourceRevisionCleanup::Deferred => true,
            }
    }

    fn complete(&mut self, now: Timestamp, step: &mut Step) {
        let desired = self.settings.desired_count;
        let Some(primary) = self.deployments.first_mut() else { return };
        primary.rollout_state = RolloutState::Completed;
        primary.rollout_state_reason = wording::completed(primary.id);
        primary.desired_count = desired;
        let (id, revision) = (primary.id, primary.revision);
        self.last_completed = Some(revision);
        self.says(now, step, |words| words.completed(id));
        let Some(deployment) = self.service_deployment.as_ref().filter(|deployment| !deployment.status.is_terminal())
        else {
            return;
        };
        let (status, reason) = match deployment.rollback {
            Some(_) => (ServiceDeploymentStatus::RollbackSuccessful, deployment.status_reason.clone()),
            None => (ServiceDeploymentStatus::Successful, None),
        };
        self.end_service_deployment(now, status, reason, step);
    }

    /// Ends the running service deployment with the counts of this moment, which no longer change.
    pub(crate) fn end_service_deployment(
        &mut self,
        now: Timestamp,
        status: ServiceDeploymentStatus,
        reason: Option<String>,
        step: &mut Step,
    ) {
        self.note_counts();
        if let Some(deployment) = &mut self.service_deployment {
            deployment.end(status, reason, now);
        }
        self.tell_service_deployment(step);
    }

    /// Publishes the service deployment: it began, changed its status or ended.
    pub(crate) fn tell_service_deployment(&self, step: &mut Step) {
        if let Some(deployment) = &self.service_deployment {
            step.events.push(Event::ServiceDeployment(Box::new(deployment.clone())));
        }
    }

    pub(crate) fn note_counts(&mut self) {
        let running = self.service_deployment.as_ref().filter(|deployment| !deployment.status.is_terminal());
        let Some(target) = running.map(|deployment| deployment.target) else { return };
        let counts = self.counts(target);
        let threshold = self.settings.deployment.circuit_breaker.threshold.failures(self.settings.desired_count);
        if let Some(deployment) = &mut self.service_deployment {
            deployment.target_counts = counts;
            deployment.threshold = threshold;
        }
    }

    /// Dates what an input has changed, so that one that changes nothing leaves no trace.
    pub(crate) fn date_changes(&mut self, now: Timestamp, entries: &[Deployment], running: Option<&ServiceDeployment>) {
        for entry in &mut self.deployments {
            if !entries.contains(entry) {
                entry.updated_at = now;
            }
        }
        if let Some(deployment) = &mut self.service_deployment
            && running != Some(&*deployment)
        {
            deployment.updated_at = now;
        }
    }
}

fn is_in_progress(deployment: &Deployment) -> bool {
    deployment.rollout_state == RolloutState::InProgress
}
