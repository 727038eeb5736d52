//! What users ask for: CreateService and UpdateService, StopServiceDeployment, StopTask, DeleteService.
//!
//! A new deployment takes the place of the running one (I8); what no longer applies changes nothing.

use seatrial_model::{DeploymentId, LifecycleStage, ServiceDeploymentId, TaskId, Timestamp};

use crate::controller::{Controller, Lifecycle};
use crate::deployment::{
    Deployment, MonitorStatus, RevisionCounts, RolloutState, ServiceDeployment, ServiceDeploymentStatus, StopType,
    TaskCounts, WatchedAlarms,
};
use crate::input::{Command, NewDeployment, Update};
use crate::leaving::Departure;
use crate::rollback::{self, Failure};
use crate::settings::{Revision, Settings};
use crate::shift::{Shift, ShiftRoute};
use crate::step::{Shares, Step, StopCode};
use crate::task::Task;
use crate::wording;

impl Controller {
    pub(crate) fn command(&mut self, now: Timestamp, command: Command, step: &mut Step) {
        match command {
            Command::Update(update) => self.update(now, update, step),
            Command::StopServiceDeployment { id, stop_type } => self.stop_service_deployment(now, &id, stop_type, step),
            Command::ContinueServiceDeployment { id, hook, action } => self.continue_deployment(&id, &hook, action),
            Command::SkipBake { id } => self.skip_bake(now, &id, step),
            Command::StopTask { task, reason } => self.stop_for_user(now, task, reason, step),
            Command::SetDeregistrationDelay { target_group, delay } => {
                let attachments = self.revisions.values_mut().flat_map(|revision| &mut revision.target_groups);
                attachments
                    .filter(|group| group.arn == target_group)
                    .for_each(|group| group.deregistration_delay = delay);
            }
            Command::Delete => self.delete(now, step),
        }
    }

    fn update(&mut self, now: Timestamp, update: Update, step: &mut Step) {
        if self.lifecycle != Lifecycle::Active {
            return;
        }
        self.share_scale_out(update.settings.desired_count);
        self.change_settings(update.settings);
        if let Some(new) = update.deploy {
            self.deploy(now, *new, step);
        }
    }

    /// Scaling out during a rollout is applied to both sides: if the new revision turns out to be bad, the old one carries the load.
    fn share_scale_out(&mut self, desired_count: u32) {
        let more = desired_count.saturating_sub(self.settings.desired_count);
        let is_wanted =
            |entry: &&mut Deployment| entry.desired_count > 0 && entry.rollout_state != RolloutState::Failed;
        if let Some(entry) = self.deployments.iter_mut().skip(1).find(is_wanted) {
            entry.desired_count = entry.desired_count.saturating_add(more);
        }
    }

    fn change_settings(&mut self, settings: Settings) {
        self.settings = settings;
        self.deadlocked_since = None;
        let enabled = self.settings.deployment.circuit_breaker.enable;
        if let Some(deployment) = &mut self.service_deployment
            && deployment.status == ServiceDeploymentStatus::InProgress
        {
            deployment.circuit_breaker = breaker_status(enabled);
        }
    }

    fn deploy(&mut self, now: Timestamp, new: NewDeployment, step: &mut Step) {
        let NewDeployment { id, revision, rules, firing_alarms } = new;
        self.end_superseded(now, wording::SUPERSEDED, step);
        self.rules = rules.into_iter().collect();
        let deployment = DeploymentId::new(revision.id);
        let sources = self.revisions_with_tasks();
        let shift = self.shift_to(now, &revision);
        self.begin_primary(Deployment::new(deployment, revision.id, wording::in_progress(deployment), now));
        let configuration = &self.settings.deployment;
        self.service_deployment = Some(ServiceDeployment {
            id,
            status: ServiceDeploymentStatus::InProgress,
            status_reason: None,
            deployment,
            target: revision.id,
            sources,
            target_counts: TaskCounts::default(),
            created_at: now,
            started_at: now,
            updated_at: now,
            finished_at: None,
            stopped_at: None,
            circuit_breaker: breaker_status(configuration.circuit_breaker.enable),
            failure_count: 0,
            target_was_healthy: false,
            threshold: configuration.circuit_breaker.threshold.failures(self.settings.desired_count),
            rollback: None,
            shift: None,
            alarms: WatchedAlarms::begin(&configuration.alarms, &firing_alarms),
            bake_time: configuration.bake_time,
            baking_since: None,
            bake_skipped: false,
        });
        let routes = revision.routes();
        self.revisions.insert(revision.id, revision);
        self.tell_service_deployment(step);
        match shift {
            Some(shift) => self.begin_shift(now, shift, step),
            None => self.end_split(&routes, step),
        }
    }

    /// Returns the lifecycle of a deployment of the revision, if the configured strategy has one.
    fn shift_to(&self, now: Timestamp, revision: &Revision) -> Option<Shift> {
        let configuration = &self.settings.deployment;
        if !configuration.strategy.shifts_traffic() {
            return None;
        }
        let routes = ShiftRoute::of(revision);
        let source = self.choose_source(revision.id, &routes, now);
        let running = |entry: &&Deployment| self.tasks.values().any(|task| task.revision == entry.revision);
        let has_several = self.deployments.iter().filter(running).count() > 1;
        let former = self.shift().map(|shift| shift.believed.clone());
        Some(Shift {
            strategy: configuration.strategy,
            bake_time: configuration.bake_time,
            hooks: configuration.lifecycle_hooks.clone(),
            stage: if has_several { LifecycleStage::ReconcileService } else { LifecycleStage::PreScaleUp },
            stage_since: now,
            steps_taken: 0,
            shares: Shares::default(),
            source,
            routes,
            believed: former.unwrap_or_default(),
            runs: Vec::new(),
            returned: false,
            giving_back: None,
        })
    }

    /// Puts a deployment in front; the others keep as many tasks as they have, until the strategy says otherwise.
    pub(crate) fn begin_primary(&mut self, deployment: Deployment) {
        let tasks = &self.tasks;
        for entry in &mut self.deployments {
            let live = tasks.values().filter(|task| task.revision == entry.revision && task.is_live());
            entry.desired_count = live.count() as u32;
        }
        self.deployments.retain(|entry| entry.revision != deployment.revision);
        self.deployments.insert(0, deployment);
        self.steady = false;
        self.deadlocked_since = None;
    }

    fn revisions_with_tasks(&self) -> Vec<RevisionCounts> {
        let with_tasks = |entry: &&Deployment| self.tasks.values().any(|task| task.revision == entry.revision);
        let entries = self.deployments.iter().filter(with_tasks);
        entries.map(|entry| RevisionCounts { revision: entry.revision, counts: self.counts(entry.revision) }).collect()
    }

    fn end_superseded(&mut self, now: Timestamp, why: &str, step: &mut Step) {
        let Some(deployment) = self.service_deployment.as_ref().filter(|deployment| !deployment.status.is_terminal())
        else {
            return;
        };
        let status = match deployment.status {
            ServiceDeploymentStatus::RollbackInProgress => ServiceDeploymentStatus::RollbackFailed,
            ServiceDeploymentStatus::Pending
            | ServiceDeploymentStatus::InProgress
            | ServiceDeploymentStatus::StopRequested
            | ServiceDeploymentStatus::RollbackRequested => ServiceDeploymentStatus::Stopped,
            ServiceDeploymentStatus::Stopped
            | ServiceDeploymentStatus::Successful
            | ServiceDeploymentStatus::RollbackSuccessful
            | ServiceDeploymentStatus::RollbackFailed => return,
        };
        self.end_service_deployment(now, status, Some(why.to_owned()), step);
    }

    fn stop_service_deployment(
        &mut self,
        now: Timestamp,
        id: &ServiceDeploymentId,
        stop_type: StopType,
        step: &mut Step,
    ) {
        let known = self.service_deployment.as_ref().filter(|deployment| deployment.id == *id);
        let status = known.map(|deployment| deployment.status);
        if status == Some(ServiceDeploymentStatus::RollbackInProgress) && stop_type == StopType::Rollback {
            self.hurry_back();
        }
        if status != Some(ServiceDeploymentStatus::InProgress) {
            return;
        }
        match stop_type {
            StopType::Rollback => {
                rollback::fail(self, now, &Failure::stopped_by_user(), step);
                self.begin_giving_back(now);
            }
            StopType::Abort => rollback::halt(self, now, wording::STOPPED_BY_USER, step),
        }
    }

    fn delete(&mut self, now: Timestamp, step: &mut Step) {
        if self.lifecycle != Lifecycle::Active {
            return;
        }
        self.lifecycle = Lifecycle::Draining;
        self.settings.desired_count = 0;
        self.end_superseded(now, wording::DELETED, step);
        self.deployments.iter_mut().for_each(|entry| entry.desired_count = 0);
        let live: Vec<TaskId> =
            self.tasks.values().filter(|task| Task::is_live(task)).map(|task| task.id.clone()).collect();
        let reason = wording::deleting(&self.service);
        let code = StopCode::ServiceSchedulerInitiated;
        let departures = live.into_iter().map(|task| Departure { task, code, reason: reason.clone() }).collect();
        self.deactivate(now, departures, step);
    }
}

const fn breaker_status(enabled: bool) -> MonitorStatus {
    if enabled { MonitorStatus::Monitoring } else { MonitorStatus::Disabled }
}
