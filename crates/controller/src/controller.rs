//! The controller of one service: its state, and the order in which an input is worked through.
//!
//! Each input is first recorded (`commands`, `observe`), then the state settles in passes: drained tasks are signalled, failing ones
//! condemned, circuit breaker and alarms judge, stages are passed, the strategy plans, the plan is carried out, and what has become true is announced, until a
//! pass has nothing left to do. Keeps I1 and I2 through [`crate::scheduler`], I4 in `leaving`, I7 and I8 in `rollback`.

use std::collections::BTreeMap;

use seatrial_model::{ListenerRuleArn, RevisionId, ServiceName, TaskId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::alarms;
use crate::breaker;
use crate::deployment::{Deployment, RolloutState, ServiceDeployment, TaskCounts};
use crate::health;
use crate::input::Input;
use crate::policy::Policy;
use crate::rules::LiveRule;
use crate::seed::Seed;
use crate::settings::{Revision, Settings};
use crate::stages;
use crate::step::{Effect, Event, Step};
use crate::strategy::{self, Plan};
use crate::task::{Task, TaskStatus};
use crate::waiting::{self, Waiting, WakeReason};
use crate::wording::Wording;

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

/// The most passes one input settles in. Three are known to be needed (a deployment fails, its predecessor's tasks come back and are
/// healthy at once, the failed ones leave); a state that still moved would go on at the next input.
const SETTLE_PASSES_MAX: usize = 8;

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
    /// The listener rules that the latest deployment relies on, as they were last seen.
    #[serde(default)]
    pub(crate) rules: BTreeMap<ListenerRuleArn, LiveRule>,
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
            rules: BTreeMap::new(),
        }
    }

    /// Feeds one input; returns everything the caller must do. Never blocks, never fails, reads no clock.
    pub fn handle(&mut self, now: Timestamp, input: Input) -> Step {
        let mut step = Step::default();
        let (entries, running) = (self.deployments.clone(), self.service_deployment.clone());
        match input {
            Input::Command(command) => self.command(now, command, &mut step),
            Input::Observation(observation) => self.observe(now, observation, &mut step),
            Input::Tick => {}
            Input::Restarted => self.count_delays_anew(now),
        }
        self.settle(now, &mut step);
        self.date_changes(now, &entries, running.as_ref());
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

    /// Tells whether the PRIMARY brings back the revision of an earlier deployment, whether or not that has been given up.
    pub(crate) fn is_rolling_back(&self) -> bool {
        let (Some(primary), Some(deployment)) = (self.primary(), &self.service_deployment) else { return false };
        deployment.rollback.is_some()
            && deployment.deployment == primary.id
            && primary.rollout_state == RolloutState::InProgress
    }

    /// Tells whether the scheduler may rely on a task: it is healthy, and where tasks of its rollout have failed before it, it has proven
    /// itself. A version that crashes soon after it was healthy thereby never displaces the one before.
    pub(crate) fn is_reliable(&self, task: &Task, now: Timestamp) -> bool {
        let is_doubtful = |entry: &Deployment| {
            entry.revision == task.revision && entry.rollout_state == RolloutState::InProgress && entry.failed_tasks > 0
        };
        self.is_healthy(task, now) && (task.proven || !self.primary().is_some_and(is_doubtful))
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

    /// Lets the state come to rest: a tick at the same instant would find nothing to do.
    fn settle(&mut self, now: Timestamp, step: &mut Step) {
        for _ in 0..SETTLE_PASSES_MAX {
            let before = step.effects.len() + step.events.len();
            self.pass(now, step);
            if step.effects.len() + step.events.len() == before {
                return;
            }
        }
    }

    fn pass(&mut self, now: Timestamp, step: &mut Step) {
        self.signal_drained(now, step);
        if self.lifecycle == Lifecycle::Active {
            self.note_healthy(now);
            self.condemn_failing(now, step);
            breaker::judge(self, now, step);
            alarms::judge(self, now, step);
            stages::advance(self, now, step);
            self.bring_production_back(now, step);
            let plan = if strategy::shifting::governs(self) {
                strategy::shifting::plan(self, now)
            } else {
                strategy::rolling::plan(self, now)
            };
            self.carry_out(now, plan, step);
        }
        self.forget_older_entries();
        self.announce(now, step);
        self.note_counts();
    }

    fn note_healthy(&mut self, now: Timestamp) {
        let healthy: Vec<TaskId> =
            self.tasks.values().filter(|task| self.is_healthy(task, now)).map(|task| task.id.clone()).collect();
        for id in healthy {
            let policy = self.policy;
            let task = self.tasks.get_mut(&id).expect("the id was just read from the map");
            let revision = task.revision;
            let becomes_healthy = !std::mem::replace(&mut task.once_healthy, true);
            let proves_itself = !task.proven && health::proven_at(task, &policy).is_some_and(|at| at <= now);
            task.condemned_at = None;
            task.proven |= proves_itself;
            if becomes_healthy {
                breaker::task_became_healthy(self, revision);
            }
            if proves_itself {
                breaker::task_proved_itself(self, revision);
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

    fn start(&mut self, now: Timestamp, start: strategy::Start, step: &mut Step) {
        let Some(entry) = self.deployments.iter_mut().find(|entry| entry.revision == start.revision) else { return };
        let deployment = entry.id;
        let replacing = entry.unhealthy_to_replace.min(start.count);
        entry.unhealthy_to_replace -= replacing;
        let started: Vec<TaskId> = (0..start.count)
            .map(|_| {
                let ordinal = self.draw_ordinal();
                let id = self.seed.task(ordinal);
                self.tasks.insert(id.clone(), Task::new(id.clone(), ordinal, deployment, start.revision, now));
                step.effects.push(Effect::StartTask { task: id.clone(), deployment, revision: start.revision });
                id
            })
            .collect();
        self.says(now, step, |words| words.started(&started, replacing));
    }

    fn note_primary_desired(&mut self) {
        let Some(revision) = self.primary().map(|entry| entry.revision) else { return };
        let is_standing = |task: &&Task| task.revision == revision && task.is_live() && task.condemned_at.is_none();
        let standing = self.tasks.values().filter(is_standing).count() as u32;
        let desired = self.settings.desired_count;
        let entry = &mut self.deployments[0];
        entry.desired_count = match entry.rollout_state {
            RolloutState::Completed => desired,
            RolloutState::InProgress => entry.desired_count.max(standing).min(desired),
            RolloutState::Failed => standing.min(desired),
        };
        if standing >= desired {
            entry.unhealthy_to_replace = 0;
        }
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
}
