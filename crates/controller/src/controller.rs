//! The controller of one service: its state, and the order in which an input is worked through.
//!
//! Each input is first recorded (`command`, `observe`), then the state settles: drained tasks are signalled, failing ones condemned,
//! the circuit breaker judges, the strategy plans one pass, the plan is carried out, and what has become true is announced. Keeps I1
//! and I2 through [`crate::scheduler`], I4 in `deactivate` and `signal_drained`, I7 and I8 through [`crate::rollback`].

use std::collections::BTreeMap;

use seatrial_model::{RevisionId, ServiceDeploymentId, ServiceName, TargetGroupArn, TaskId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::breaker;
use crate::deployment::{
    CircuitBreakerStatus, Deployment, RevisionCounts, RolloutState, ServiceDeployment, ServiceDeploymentStatus,
    StopType, TaskCounts,
};
use crate::health;
use crate::input::{Command, Input, Observation, StopCause, Update};
use crate::policy::Policy;
use crate::rollback::{self, Failure};
use crate::seed::Seed;
use crate::settings::{Revision, Settings};
use crate::step::{Effect, Event, Step, StopCode};
use crate::strategy::{self, Plan};
use crate::task::{Leaving, Target, Task, TaskStatus};
use crate::throttle::EarlyEnd;
use crate::waiting::{self, Waiting, WakeReason};
use crate::wording::{self, Wording};

/// `status` of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Lifecycle {
    Active,
    Draining,
    Inactive,
}

impl Lifecycle {
    pub const fn as_str(self) -> &'static str {
        match self {
            Lifecycle::Active => "ACTIVE",
            Lifecycle::Draining => "DRAINING",
            Lifecycle::Inactive => "INACTIVE",
        }
    }
}

/// The deployment controller of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Controller {
    pub(crate) service: ServiceName,
    pub(crate) seed: Seed,
    pub(crate) policy: Policy,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) settings: Settings,
    pub(crate) revisions: BTreeMap<RevisionId, Revision>,
    /// PRIMARY first, then older ones that still have tasks, newest first.
    pub(crate) deployments: Vec<Deployment>,
    /// The running or latest service deployment.
    pub(crate) service_deployment: Option<ServiceDeployment>,
    /// The revision of the last completed deployment; none while it is being rolled back to.
    pub(crate) last_completed: Option<RevisionId>,
    pub(crate) tasks: BTreeMap<TaskId, Task>,
    pub(crate) next_ordinal: u64,
    pub(crate) steady: bool,
    pub(crate) deadlocked_since: Option<Timestamp>,
}

impl Controller {
    /// Creates the controller of a new service; its first input is to be [`Command::Update`] with a deployment.
    pub fn new(service: ServiceName, seed: Seed, policy: Policy, settings: Settings) -> Self {
        Controller {
            service,
            seed,
            policy,
            lifecycle: Lifecycle::Active,
            settings,
            revisions: BTreeMap::new(),
            deployments: Vec::new(),
            service_deployment: None,
            last_completed: None,
            tasks: BTreeMap::new(),
            next_ordinal: 0,
            steady: false,
            deadlocked_since: None,
        }
    }

    /// Feeds one input; returns everything the caller must do. Never blocks, never fails, reads no clock.
    pub fn handle(&mut self, now: Timestamp, input: Input) -> Step {
        let mut step = Step::default();
        let before = self.service_deployment.as_ref().map(|deployment| (deployment.id.clone(), deployment.status));
        match input {
            Input::Command(command) => self.command(now, command, &mut step),
            Input::Observation(observation) => self.observe(now, observation, &mut step),
            Input::Tick => {}
        }
        self.settle(now, &mut step);
        if let Some(deployment) = &self.service_deployment
            && before.is_none_or(|(id, status)| id != deployment.id || status != deployment.status)
        {
            step.events.push(Event::ServiceDeployment(Box::new(deployment.clone())));
        }
        step
    }

    /// The next instant at which `Input::Tick` can change something, and why.
    pub fn wake_at(&self, now: Timestamp) -> Option<(Timestamp, WakeReason)> {
        waiting::wake_at(self, now)
    }

    /// Everything the service is waiting for (I9): what, why, since when, until when at most.
    pub fn waiting(&self, now: Timestamp) -> Vec<Waiting> {
        waiting::explain(self, now)
    }

    pub fn service(&self) -> &ServiceName {
        &self.service
    }

    pub fn lifecycle(&self) -> Lifecycle {
        self.lifecycle
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the deployments, PRIMARY first.
    pub fn deployments(&self) -> &[Deployment] {
        &self.deployments
    }

    pub fn primary(&self) -> Option<&Deployment> {
        self.deployments.first()
    }

    /// Returns the running or latest service deployment.
    pub fn service_deployment(&self) -> Option<&ServiceDeployment> {
        self.service_deployment.as_ref()
    }

    pub fn revision(&self, id: RevisionId) -> Option<&Revision> {
        self.revisions.get(&id)
    }

    pub fn last_completed(&self) -> Option<RevisionId> {
        self.last_completed
    }

    /// Returns every task that is not gone, leaving ones included.
    pub fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.values()
    }

    pub fn task(&self, id: &TaskId) -> Option<&Task> {
        self.tasks.get(id)
    }

    /// Tells whether the service is at steady state: every wanted task runs and is healthy, and no other task exists.
    pub fn is_steady(&self) -> bool {
        self.steady
    }

    /// Tells whether the task counts as healthy now.
    pub fn is_healthy(&self, task: &Task, now: Timestamp) -> bool {
        health::is_healthy(task, self.revision_of(task), &self.policy, now)
    }

    /// Counts the tasks of a revision as DescribeServices does.
    pub fn counts(&self, revision: RevisionId) -> TaskCounts {
        let requested = self.deployments.iter().find(|entry| entry.revision == revision);
        let of = |status: &TaskStatus| {
            self.tasks.values().filter(|task| task.revision == revision && task.status == *status).count() as u32
        };
        TaskCounts {
            requested: requested.map_or(0, |entry| entry.desired_count),
            running: of(&TaskStatus::Running),
            pending: of(&TaskStatus::Pending),
        }
    }

    pub(crate) fn revision_of(&self, task: &Task) -> &Revision {
        self.revisions.get(&task.revision).expect("a revision is kept as long as it has tasks")
    }

    pub(crate) fn says(&self, now: Timestamp, step: &mut Step, words: impl FnOnce(&Wording<'_>) -> String) {
        step.events.push(Event::Service { at: now, message: words(&Wording(&self.service)) });
    }

    pub(crate) fn draw_ordinal(&mut self) -> u64 {
        self.next_ordinal += 1;
        self.next_ordinal
    }

    fn command(&mut self, now: Timestamp, command: Command, step: &mut Step) {
        match command {
            Command::Update(update) => self.update(now, update, step),
            Command::StopServiceDeployment { id, stop_type } => self.stop_service_deployment(now, &id, stop_type, step),
            Command::StopTask { task, reason } => {
                if self.tasks.get(&task).is_some_and(Task::is_live) {
                    self.deactivate(
                        now,
                        std::slice::from_ref(&task),
                        StopCode::UserInitiated,
                        |_| reason.clone(),
                        step,
                    );
                }
            }
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
        self.settings = update.settings;
        self.deadlocked_since = None;
        if let Some((id, revision)) = update.deploy {
            self.deploy(now, id, revision, step);
        }
    }

    fn deploy(&mut self, now: Timestamp, id: ServiceDeploymentId, revision: Revision, step: &mut Step) {
        self.end_superseded(now, wording::SUPERSEDED, step);
        let deployment = seatrial_model::DeploymentId::new(revision.id);
        let sources = self.revisions_with_tasks();
        self.begin_primary(Deployment::new(deployment, revision.id, wording::in_progress(deployment), now));
        let breaker = self.settings.deployment.circuit_breaker;
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
            circuit_breaker: if breaker.enable {
                CircuitBreakerStatus::Monitoring
            } else {
                CircuitBreakerStatus::Disabled
            },
            failure_count: 0,
            target_was_healthy: false,
            threshold: breaker.threshold.failures(self.settings.desired_count),
            rollback: None,
        });
        self.revisions.insert(revision.id, revision);
    }

    /// Puts a deployment in front; the others keep as many tasks as they have, until the strategy says otherwise.
    pub(crate) fn begin_primary(&mut self, deployment: Deployment) {
        let counts: Vec<u32> = self
            .deployments
            .iter()
            .map(|entry| {
                self.tasks.values().filter(|task| task.revision == entry.revision && task.is_live()).count() as u32
            })
            .collect();
        for (entry, count) in self.deployments.iter_mut().zip(counts) {
            entry.desired_count = count;
        }
        self.deployments.retain(|entry| entry.revision != deployment.revision);
        self.deployments.insert(0, deployment);
        self.steady = false;
        self.deadlocked_since = None;
    }

    fn end_superseded(&mut self, now: Timestamp, why: &str, step: &mut Step) {
        let Some(deployment) = self.service_deployment.as_mut().filter(|deployment| !deployment.status.is_terminal())
        else {
            return;
        };
        let status = match deployment.status {
            ServiceDeploymentStatus::RollbackInProgress => ServiceDeploymentStatus::RollbackFailed,
            _ => ServiceDeploymentStatus::Stopped,
        };
        deployment.end(status, Some(why.to_owned()), now);
        step.events.push(Event::ServiceDeployment(Box::new(deployment.clone())));
    }

    fn stop_service_deployment(
        &mut self,
        now: Timestamp,
        id: &ServiceDeploymentId,
        stop_type: StopType,
        step: &mut Step,
    ) {
        let stoppable = self
            .service_deployment
            .as_ref()
            .is_some_and(|deployment| deployment.id == *id && deployment.status == ServiceDeploymentStatus::InProgress);
        if !stoppable {
            return;
        }
        match stop_type {
            StopType::Rollback => rollback::fail(self, now, &Failure::stopped_by_user(), step),
            StopType::Abort => rollback::halt(self, now, wording::STOPPED_BY_USER),
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
        let live: Vec<TaskId> = self.tasks.values().filter(|task| task.is_live()).map(|task| task.id.clone()).collect();
        let reason = wording::deleting(&self.service);
        self.deactivate(now, &live, StopCode::ServiceSchedulerInitiated, |_| reason.clone(), step);
    }

    fn observe(&mut self, now: Timestamp, observation: Observation, step: &mut Step) {
        match observation {
            Observation::TaskRunning { task } => self.task_running(now, &task, step),
            Observation::TaskHealth { task, health } => {
                if let Some(task) = self.tasks.get_mut(&task) {
                    task.container_health = health;
                }
            }
            Observation::TaskStopped { task, cause, reason } => self.task_stopped(now, &task, cause, &reason, step),
            Observation::TargetHealth { task, target_group, port, health } => {
                let Some(target) = self.tasks.get_mut(&task).and_then(|task| task.targets.get_mut(&target_group))
                else {
                    return;
                };
                let fell = health.state == seatrial_model::load_balancing::TargetState::Unhealthy
                    && target.health.state != health.state;
                target.health = health;
                if fell {
                    let reason = target.health.description.clone().unwrap_or_else(|| "Health checks failed".to_owned());
                    self.says(now, step, |words| words.unhealthy_target(&task, port, &target_group, &reason));
                }
            }
            Observation::TargetDrained { task, target_group } => {
                if let Some(target) = self.tasks.get_mut(&task).and_then(|task| task.targets.get_mut(&target_group)) {
                    target.drained = true;
                }
            }
        }
    }

    fn task_running(&mut self, now: Timestamp, id: &TaskId, step: &mut Step) {
        let Some(task) = self.tasks.get_mut(id).filter(|task| task.status == TaskStatus::Pending) else { return };
        task.status = TaskStatus::Running;
        task.running_since = Some(now);
        let revision = self.revisions.get(&task.revision).expect("a revision is kept as long as it has tasks");
        let groups: Vec<_> = revision.target_groups.iter().map(|group| group.arn.clone()).collect();
        for group in groups {
            self.register(now, std::slice::from_ref(id), &group, step);
        }
    }

    fn register(&mut self, now: Timestamp, tasks: &[TaskId], group: &TargetGroupArn, step: &mut Step) {
        for id in tasks {
            if let Some(task) = self.tasks.get_mut(id) {
                task.targets.insert(group.clone(), Target::new());
                step.effects.push(Effect::RegisterTarget { task: id.clone(), target_group: group.clone() });
            }
        }
        self.says(now, step, |words| words.registered(tasks.len(), group));
    }

    fn task_stopped(&mut self, now: Timestamp, id: &TaskId, cause: StopCause, reason: &str, step: &mut Step) {
        let Some(task) = self.tasks.remove(id) else { return };
        let still_registered = match task.status {
            TaskStatus::Running => !task.targets.is_empty(),
            TaskStatus::Pending | TaskStatus::Deactivating(_) | TaskStatus::Stopping(_) => false,
        };
        if still_registered {
            for target_group in task.targets.keys() {
                step.effects.push(Effect::DeregisterTarget { task: id.clone(), target_group: target_group.clone() });
                self.says(now, step, |words| words.deregistered(1, target_group));
            }
        }
        if task.leaving().is_some() || self.lifecycle != Lifecycle::Active {
            return;
        }
        if matches!(cause, StopCause::FailedToStart | StopCause::CannotStart) {
            self.says(now, step, |words| words.not_placed(reason));
        }
        if cause != StopCause::Ordered {
            self.hold_back(now, &task, step);
            breaker::count_failure(self, &task);
            breaker::fail_fast(self, now, &task, cause, reason, step);
        }
    }

    /// Lets the throttle know of a task that ended by itself too early.
    fn hold_back(&mut self, now: Timestamp, task: &Task, step: &mut Step) {
        let end = match task.running_since {
            None => EarlyEnd::NeverRan,
            Some(since) if now.since(since) < self.policy.stable_after_running => EarlyEnd::RanBriefly,
            Some(_) => return,
        };
        let (policy, seed) = (self.policy, self.seed);
        let Some(entry) = self.deployments.iter_mut().find(|entry| entry.revision == task.revision) else { return };
        if entry.throttle.failed(now, end, &policy, seed, task.ordinal) {
            self.says(now, step, |words| words.impaired());
        }
    }

    fn settle(&mut self, now: Timestamp, step: &mut Step) {
        self.signal_drained(now, step);
        if self.lifecycle == Lifecycle::Active {
            self.note_healthy(now);
            self.condemn_failing(now, step);
            breaker::judge(self, now, step);
            let plan = strategy::rolling::plan(self, now);
            self.carry_out(now, plan, step);
        }
        self.forget_older_entries(now);
        self.announce(now, step);
        self.note_counts(now);
    }

    /// Signals tasks whose requests have ended or had their time (I4).
    fn signal_drained(&mut self, now: Timestamp, step: &mut Step) {
        for task in self.tasks.values_mut() {
            let TaskStatus::Deactivating(leaving) = &task.status else { continue };
            if task.is_drained() || leaving.drained_by <= now {
                task.status = TaskStatus::Stopping(leaving.clone());
                step.effects.push(Effect::StopTask { task: task.id.clone() });
            }
        }
    }

    fn note_healthy(&mut self, now: Timestamp) {
        let healthy: Vec<TaskId> =
            self.tasks.values().filter(|task| self.is_healthy(task, now)).map(|task| task.id.clone()).collect();
        for id in healthy {
            let task = self.tasks.get_mut(&id).expect("the id was just read from the map");
            task.condemned_at = None;
            if !task.once_healthy {
                task.once_healthy = true;
                let revision = task.revision;
                breaker::task_became_healthy(self, revision);
            }
        }
    }

    /// Gives up tasks whose checks fail outside their grace period: those that never served at once, others when they are replaced.
    fn condemn_failing(&mut self, now: Timestamp, step: &mut Step) {
        let failing: Vec<(TaskId, String)> = self
            .tasks
            .values()
            .filter(|task| task.condemned_at.is_none() && health::grace_ends(task, &self.settings) <= now)
            .filter_map(|task| Some((task.id.clone(), health::failing_check(task, self.revision_of(task))?)))
            .collect();
        for (id, reason) in failing {
            let task = self.tasks.get_mut(&id).expect("the id was just read from the map");
            task.condemned_at = Some(now);
            let task = task.clone();
            if reason.contains("container health") {
                self.says(now, step, |words| words.unhealthy_containers(&id));
            }
            breaker::count_failure(self, &task);
            if !task.once_healthy {
                self.deactivate(
                    now,
                    std::slice::from_ref(&id),
                    StopCode::ServiceSchedulerInitiated,
                    |_| reason.clone(),
                    step,
                );
            }
        }
    }

    fn carry_out(&mut self, now: Timestamp, plan: Plan, step: &mut Step) {
        for (revision, desired_count) in plan.older_desired {
            if let Some(entry) = self.deployments.iter_mut().skip(1).find(|entry| entry.revision == revision) {
                entry.desired_count = desired_count;
            }
        }
        self.stop_planned(now, &plan.stop, step);
        self.reactivate(now, &plan.reactivate, step);
        for start in plan.start {
            self.start(now, start, step);
        }
        self.note_primary_desired();
        self.note_deadlock(now, plan.blocked_by_cap, step);
    }

    fn stop_planned(&mut self, now: Timestamp, tasks: &[TaskId], step: &mut Step) {
        let reasons: BTreeMap<TaskId, String> = tasks
            .iter()
            .filter_map(|id| self.tasks.get(id))
            .map(|task| {
                let failing = task.condemned_at.and_then(|_| health::failing_check(task, self.revision_of(task)));
                (task.id.clone(), failing.unwrap_or_else(|| wording::scaling(task.deployment)))
            })
            .collect();
        self.deactivate(
            now,
            tasks,
            StopCode::ServiceSchedulerInitiated,
            |id| reasons.get(id).cloned().unwrap_or_default(),
            step,
        );
    }

    /// Takes tasks out of rotation; those without targets are signalled at once, the others when they have drained (I4).
    fn deactivate(
        &mut self,
        now: Timestamp,
        tasks: &[TaskId],
        code: StopCode,
        reason: impl Fn(&TaskId) -> String,
        step: &mut Step,
    ) {
        let mut drained: BTreeMap<TargetGroupArn, usize> = BTreeMap::new();
        let (mut running, mut pending, mut draining) = (Vec::new(), 0, BTreeMap::new());
        for id in tasks {
            let Some(task) = self.tasks.get_mut(id) else { continue };
            let revision = self.revisions.get(&task.revision).expect("a revision is kept as long as it has tasks");
            let delay = revision.target_groups.iter().map(|group| group.deregistration_delay).max().unwrap_or_default();
            let reason = reason(id);
            let returnable = code == StopCode::ServiceSchedulerInitiated
                && task.condemned_at.is_none()
                && self.lifecycle == Lifecycle::Active;
            let leaving = Leaving { since: now, drained_by: now + delay, reason: reason.clone(), returnable };
            step.effects.push(Effect::DeactivateTask { task: id.clone(), code, reason });
            if task.is_running() {
                running.push(id.clone());
            } else {
                pending += 1;
            }
            if task.targets.is_empty() {
                task.status = TaskStatus::Stopping(leaving);
                step.effects.push(Effect::StopTask { task: id.clone() });
                continue;
            }
            task.status = TaskStatus::Deactivating(leaving);
            *draining.entry(task.deployment).or_insert(0) += 1;
            for (group, target) in &mut task.targets {
                target.drained = false;
                *drained.entry(group.clone()).or_insert(0) += 1;
                step.effects.push(Effect::DeregisterTarget { task: id.clone(), target_group: group.clone() });
            }
        }
        if !running.is_empty() {
            self.says(now, step, |words| words.stopped_running(&running));
        }
        if pending > 0 {
            self.says(now, step, |words| words.stopped_pending(pending));
        }
        for (group, count) in drained {
            self.says(now, step, |words| words.deregistered(count, &group));
        }
        for (deployment, count) in draining {
            self.says(now, step, |words| words.draining(count, deployment));
        }
    }

    /// Takes back leaving tasks that have not been signalled: the quickest way to healthy capacity.
    fn reactivate(&mut self, now: Timestamp, tasks: &[TaskId], step: &mut Step) {
        for id in tasks {
            let Some(task) = self.tasks.get_mut(id) else { continue };
            task.status = TaskStatus::Running;
            step.effects.push(Effect::ReactivateTask { task: id.clone() });
            let groups: Vec<_> = task.targets.keys().cloned().collect();
            for group in groups {
                self.register(now, std::slice::from_ref(id), &group, step);
            }
        }
        if !tasks.is_empty() {
            self.says(now, step, |words| words.returned(tasks));
        }
    }

    fn start(&mut self, now: Timestamp, start: strategy::Start, step: &mut Step) {
        let Some(entry) = self.deployments.iter().find(|entry| entry.revision == start.revision) else { return };
        let deployment = entry.id;
        let started: Vec<TaskId> = (0..start.count)
            .map(|_| {
                let ordinal = self.draw_ordinal();
                let id = self.seed.task(ordinal);
                self.tasks.insert(id.clone(), Task::new(id.clone(), ordinal, deployment, start.revision, now));
                step.effects.push(Effect::StartTask { task: id.clone(), deployment, revision: start.revision });
                id
            })
            .collect();
        self.says(now, step, |words| words.started(&started, start.replacing));
    }

    fn note_primary_desired(&mut self) {
        let Some(revision) = self.primary().map(|entry| entry.revision) else { return };
        let standing = self
            .tasks
            .values()
            .filter(|task| task.revision == revision && task.is_live() && task.condemned_at.is_none())
            .count() as u32;
        let desired = self.settings.desired_count;
        let entry = &mut self.deployments[0];
        entry.desired_count = match entry.rollout_state {
            RolloutState::Completed => desired,
            RolloutState::InProgress => entry.desired_count.max(standing).min(desired),
            RolloutState::Failed => standing.min(desired),
        };
    }

    fn note_deadlock(&mut self, now: Timestamp, blocked_by_cap: bool, step: &mut Step) {
        let stuck = blocked_by_cap && self.tasks.values().all(Task::is_live);
        match (stuck, self.deadlocked_since) {
            (true, None) => {
                self.deadlocked_since = Some(now);
                self.says(now, step, |words| words.deadlocked());
            }
            (false, Some(_)) => self.deadlocked_since = None,
            (true, Some(_)) | (false, None) => {}
        }
    }

    /// Drops entries of older deployments that have no task left, and revisions nobody refers to.
    fn forget_older_entries(&mut self, now: Timestamp) {
        let has_tasks = |revision: RevisionId| self.tasks.values().any(|task| task.revision == revision);
        let mut index = 0;
        self.deployments.retain(|entry| {
            index += 1;
            index == 1 || entry.desired_count > 0 || has_tasks(entry.revision)
        });
        let tasks = &self.tasks;
        let deployments = &self.deployments;
        let last_completed = self.last_completed;
        self.revisions.retain(|id, _| {
            Some(*id) == last_completed
                || deployments.iter().any(|entry| entry.revision == *id)
                || tasks.values().any(|task| task.revision == *id)
        });
        if let Some(primary) = self.deployments.first_mut()
            && primary.updated_at < now
        {
            primary.updated_at = now;
        }
    }

    /// Announces what has become true: completion, steady state, the end of the service.
    fn announce(&mut self, now: Timestamp, step: &mut Step) {
        if self.lifecycle == Lifecycle::Draining && self.tasks.is_empty() {
            self.lifecycle = Lifecycle::Inactive;
            self.deployments.clear();
            step.events.push(Event::ServiceInactive { at: now });
        }
        if self.lifecycle != Lifecycle::Active {
            return;
        }
        let steady = self.is_settled(now);
        if (steady || self.has_early_success(now)) && self.primary().is_some_and(in_progress) {
            self.complete(now, step);
        }
        if steady && !self.steady {
            self.says(now, step, |words| words.steady());
        }
        self.steady = steady;
    }

    fn is_settled(&self, now: Timestamp) -> bool {
        let Some(primary) = self.primary() else { return false };
        let live = self.tasks.values().filter(|task| task.is_live());
        let all_new_and_healthy =
            live.clone().all(|task| task.revision == primary.revision && self.is_healthy(task, now));
        let none_older_leaving = self.tasks.values().all(|task| task.revision == primary.revision);
        live.count() as u32 == self.settings.desired_count && all_new_and_healthy && none_older_leaving
    }

    fn has_early_success(&self, now: Timestamp) -> bool {
        use seatrial_model::deployment_configuration::SourceRevisionCleanup;
        let (Some(criteria), Some(primary)) = (self.settings.deployment.early_success, self.primary()) else {
            return false;
        };
        let rolling_back = self.service_deployment.as_ref().is_some_and(|deployment| deployment.rollback.is_some());
        if rolling_back || !in_progress(primary) {
            return false;
        }
        let new = self.tasks.values().filter(|task| task.revision == primary.revision);
        let healthy = new.filter(|task| self.is_healthy(task, now)).count() as u32;
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
        primary.throttle.clear();
        let (id, revision) = (primary.id, primary.revision);
        self.last_completed = Some(revision);
        let counts = self.counts(revision);
        if let Some(deployment) = self.service_deployment.as_mut().filter(|deployment| !deployment.status.is_terminal())
        {
            deployment.target_counts = if deployment.target == revision { counts } else { deployment.target_counts };
            let (status, reason) = match deployment.rollback {
                Some(_) => (ServiceDeploymentStatus::RollbackSuccessful, deployment.status_reason.clone()),
                None => (ServiceDeploymentStatus::Successful, None),
            };
            deployment.end(status, reason, now);
        }
        self.says(now, step, |words| words.completed(id));
    }

    fn note_counts(&mut self, now: Timestamp) {
        let Some(target) =
            self.service_deployment.as_ref().filter(|deployment| !deployment.status.is_terminal()).map(|d| d.target)
        else {
            return;
        };
        let counts = self.counts(target);
        let threshold = self.settings.deployment.circuit_breaker.threshold.failures(self.settings.desired_count);
        if let Some(deployment) = &mut self.service_deployment {
            deployment.target_counts = counts;
            deployment.threshold = threshold;
            deployment.updated_at = now;
        }
    }

    fn revisions_with_tasks(&self) -> Vec<RevisionCounts> {
        let with_tasks = |entry: &&Deployment| self.tasks.values().any(|task| task.revision == entry.revision);
        let entries = self.deployments.iter().filter(with_tasks);
        entries.map(|entry| RevisionCounts { revision: entry.revision, counts: self.counts(entry.revision) }).collect()
    }
}

fn in_progress(deployment: &Deployment) -> bool {
    deployment.rollout_state == RolloutState::InProgress
}
