//! Checkers of the invariants, written apart from the controller: they know its inputs and its steps, never its state.
//!
//! [`Watch`] follows every task by what was observed of it and ordered for it, and objects to an effect that breaks I1 (floor), I2 (cap),
//! I3 (weights), I4 (order of leaving), I7 (rollback at full size) or I8 (one active deployment), or that makes no sense at all.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use seatrial_controller::{
    Command, Effect, Event, HookInvocation, Input, LiveRule, NewDeployment, Observation, Policy, Revision,
    ServiceDeployment, ServiceDeploymentStatus, Settings, Step, StopCode,
};
use seatrial_model::load_balancing::TargetState;
use seatrial_model::task_definition::HealthStatus;
use seatrial_model::{HookId, LifecycleStage, ListenerRuleArn, RevisionId, TargetGroupArn, TaskId, Timestamp};

use crate::routed::share_of;

/// A task as its life shows.
#[derive(Clone, Debug)]
pub struct Seen {
    pub revision: RevisionId,
    pub stage: Stage,
    pub running_since: Option<Timestamp>,
    pub container: HealthStatus,
    pub targets: BTreeMap<TargetGroupArn, SeenTarget>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Pending,
    Running,
    /// Its desired status is STOPPED; `by` is when its requests have had their time.
    Leaving {
        by: Timestamp,
    },
    Signalled,
}

#[derive(Clone, Copy, Debug)]
pub struct SeenTarget {
    pub registered: bool,
    pub drained: bool,
    pub state: TargetState,
}

/// Everything the checkers remember of one service.
#[derive(Clone, Debug)]
pub struct Watch {
    pub tasks: BTreeMap<TaskId, Seen>,
    settings: Settings,
    policy: Policy,
    revisions: BTreeMap<RevisionId, Revision>,
    deployments: Vec<ServiceDeployment>,
    deleted: bool,
    inactive: bool,
    rules: BTreeMap<ListenerRuleArn, LiveRule>,
    /// Rules that are as somebody else has made them.
    tampered: BTreeSet<ListenerRuleArn>,
    invoked: BTreeSet<(HookId, u32)>,
}

impl Watch {
    pub fn new(settings: Settings, policy: Policy) -> Self {
        Watch {
            tasks: BTreeMap::new(),
            settings,
            policy,
            revisions: BTreeMap::new(),
            deployments: Vec::new(),
            deleted: false,
            inactive: false,
            rules: BTreeMap::new(),
            tampered: BTreeSet::new(),
            invoked: BTreeSet::new(),
        }
    }

    /// Follows one input and its step; the error says what is wrong with it.
    pub fn follow(&mut self, now: Timestamp, input: &Input, step: &Step) -> Result<(), String> {
        self.note(now, input);
        let ended_before = self.latest_end();
        // What ends a service comes after its last effect; everything else that is told is the cause of the effects.
        let ends = |event: &&Event| matches!(event, Event::ServiceInactive { .. });
        step.events.iter().filter(|event| !ends(event)).try_for_each(|event| self.event(event))?;
        for effect in &step.effects {
            self.effect(now, effect).map_err(|what| format!("{what}: {effect}"))?;
        }
        step.events.iter().filter(ends).try_for_each(|event| self.event(event))?;
        let invoked = |effect: &Effect| matches!(effect, Effect::InvokeHook(_));
        let is_dead = ended_before.is_some() && ended_before == self.latest_end();
        ensure(!is_dead || !step.effects.iter().any(invoked), "I8: a deployment that has ended invokes no hook")?;
        if ended_before != self.latest_end() {
            self.ended_well(now)?;
        }
        self.no_healthy_task_left_before_an_unhealthy_one(now, step)
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Counts running and healthy tasks.
    pub fn healthy(&self, now: Timestamp) -> u32 {
        self.tasks.values().filter(|task| self.is_healthy(task, now)).count() as u32
    }

    pub fn live(&self) -> u32 {
        self.tasks.values().filter(|task| matches!(task.stage, Stage::Pending | Stage::Running)).count() as u32
    }

    /// The table of §1.2 of the semantics.
    pub fn is_healthy(&self, task: &Seen, now: Timestamp) -> bool {
        let (Stage::Running, Some(since)) = (task.stage, task.running_since) else { return false };
        let revision = &self.revisions[&task.revision];
        let in_rotation = revision.target_groups.iter().all(|group| {
            task.targets.get(&group.arn).is_some_and(|target| target.registered && target.state == TargetState::Healthy)
        });
        match (revision.target_groups.is_empty(), revision.has_health_check) {
            (true, false) => now >= since + self.policy.healthy_after_running,
            (true, true) => task.container == HealthStatus::Healthy,
            (false, false) => in_rotation,
            (false, true) => in_rotation && task.container == HealthStatus::Healthy,
        }
    }

    fn note(&mut self, now: Timestamp, input: &Input) {
        match input {
            Input::Command(Command::Update(update)) => {
                if self.deleted {
                    return;
                }
                self.settings = update.settings.clone();
                if let Some(new) = &update.deploy {
                    self.deployed(new);
                }
            }
            Input::Command(Command::SetDeregistrationDelay { target_group, delay }) => {
                let groups = self.revisions.values_mut().flat_map(|revision| &mut revision.target_groups);
                groups.filter(|group| group.arn == *target_group).for_each(|group| group.deregistration_delay = *delay);
            }
            Input::Command(Command::Delete) => self.deleted = true,
            Input::Command(
                Command::StopServiceDeployment { .. }
                | Command::ContinueServiceDeployment { .. }
                | Command::SkipBake { .. }
                | Command::StopTask { .. },
            )
            | Input::Tick => {}
            Input::Observation(observation) => self.observe(now, observation),
        }
    }

    fn deployed(&mut self, new: &NewDeployment) {
        self.revisions.insert(new.revision.id, new.revision.clone());
        for (rule, live) in &new.rules {
            if self.rules.get(rule).is_some_and(|known| known != live) {
                self.tampered.insert(rule.clone());
            }
        }
        self.rules = new.rules.iter().cloned().collect();
    }

    fn observe(&mut self, now: Timestamp, observation: &Observation) {
        match observation {
            Observation::TaskRunning { task } => {
                if let Some(task) = self.tasks.get_mut(task).filter(|task| task.stage == Stage::Pending) {
                    task.stage = Stage::Running;
                    task.running_since = Some(now);
                }
            }
            Observation::TaskHealth { task, health } => {
                if let Some(task) = self.tasks.get_mut(task) {
                    task.container = *health;
                }
            }
            Observation::TaskStopped { task, .. } => {
                self.tasks.remove(task);
            }
            Observation::TargetHealth { task, target_group, health, .. } => {
                let target = self.tasks.get_mut(task).and_then(|task| task.targets.get_mut(target_group));
                // Of a draining target only the verdict of its checks counts: it is what it would be if it were taken back.
                let is_verdict = matches!(health.state, TargetState::Healthy | TargetState::Unhealthy);
                if let Some(target) = target.filter(|target| target.registered || is_verdict) {
                    target.state = health.state;
                }
            }
            Observation::TargetDrained { task, target_group } => {
                let target = self.tasks.get_mut(task).and_then(|task| task.targets.get_mut(target_group));
                if let Some(target) = target.filter(|target| !target.registered) {
                    target.drained = true;
                }
            }
            Observation::ListenerRule { rule, live } => {
                self.rules.insert(rule.clone(), live.clone());
                self.tampered.insert(rule.clone());
            }
            Observation::HookAnswered { .. } | Observation::AlarmFired { .. } => {}
        }
    }

    fn effect(&mut self, now: Timestamp, effect: &Effect) -> Result<(), String> {
        if self.inactive {
            return Err("nothing is done for an INACTIVE service".to_owned());
        }
        match effect {
            Effect::StartTask { task, revision, .. } => self.start(task, *revision),
            Effect::DeactivateTask { task, code, .. } => self.deactivate(now, task, *code),
            Effect::ReactivateTask { task } => self.reactivate(task),
            Effect::RegisterTarget { task, target_group } => self.register(task, target_group),
            Effect::DeregisterTarget { task, target_group } => self.deregister(task, target_group),
            Effect::StopTask { task } => self.stop(now, task),
            Effect::SetRuleWeights { rule, weights } => self.set_weights(now, rule, weights),
            Effect::InvokeHook(invocation) => self.invoke(invocation),
        }
    }

    /// I3.
    fn set_weights(
        &mut self,
        now: Timestamp,
        rule: &ListenerRuleArn,
        weights: &[(TargetGroupArn, u32)],
    ) -> Result<(), String> {
        let sum: u32 = weights.iter().map(|(_, weight)| weight).sum();
        ensure(sum == 100 || sum == 1000, "I3: the weights are hundredths or thousandths")?;
        let serves = |group: &TargetGroupArn| {
            self.tasks.values().any(|task| self.is_healthy(task, now) && task.targets.contains_key(group))
        };
        let somebody_serves = weights.iter().any(|(group, _)| serves(group));
        let idle = weights.iter().find(|(group, weight)| *weight > 0 && !serves(group));
        ensure(!somebody_serves || idle.is_none(), "I3: traffic is sent to a target group without a healthy target")?;
        self.only_takes_back(rule, weights)?;
        self.rules.insert(rule.clone(), LiveRule::Forwards(weights.iter().cloned().collect()));
        self.tampered.remove(rule);
        Ok(())
    }

    /// I7: a rollback never gives the revision given up more of a rule's traffic than it had.
    fn only_takes_back(&self, rule: &ListenerRuleArn, weights: &[(TargetGroupArn, u32)]) -> Result<(), String> {
        let rolls_back = |latest: &&ServiceDeployment| latest.status == ServiceDeploymentStatus::RollbackInProgress;
        let Some(latest) = self.deployments.last().filter(rolls_back) else { return Ok(()) };
        let Some(before) = self.rules.get(rule).filter(|_| !self.tampered.contains(rule)) else { return Ok(()) };
        let after = LiveRule::Forwards(weights.iter().cloned().collect());
        let groups = &self.revisions[&latest.target].target_groups;
        let grows = groups.iter().any(|group| share_of(&after, &group.arn) > share_of(before, &group.arn));
        ensure(!grows, "I7: a rollback gives more traffic to the revision given up")
    }

    /// I8: only the present deployment asks its hooks, each time for the first time.
    fn invoke(&mut self, invocation: &HookInvocation) -> Result<(), String> {
        let target = self.deployments.last().map(|deployment| deployment.target);
        ensure(Some(invocation.target) == target, "I8: a hook of another deployment is invoked")?;
        let is_first = self.invoked.insert((invocation.hook.clone(), invocation.attempt));
        ensure(is_first, "a hook is invoked twice for the same attempt")
    }

    /// Returns which service deployment was the last to begin, once it has ended.
    fn latest_end(&self) -> Option<usize> {
        self.deployments.last().filter(|latest| latest.status.is_terminal()).map(|_| self.deployments.len())
    }

    /// I7: where a deployment has come to a good end, the revision that stays has its full size and all of the traffic.
    fn ended_well(&self, now: Timestamp) -> Result<(), String> {
        let Some(ended) = self.deployments.last() else { return Ok(()) };
        let stays = match (ended.status, &ended.rollback) {
            (ServiceDeploymentStatus::Successful, None) => ended.target,
            (ServiceDeploymentStatus::RollbackSuccessful, Some(rollback)) => rollback.revision,
            (ServiceDeploymentStatus::Successful | ServiceDeploymentStatus::RollbackSuccessful, _) => {
                return Err("I7: only a rollback brings a revision back".to_owned());
            }
            _ => return Ok(()),
        };
        let size = self.tasks.values().filter(|task| task.revision == stays && self.is_healthy(task, now)).count();
        let wanted = self.settings.desired_count as usize;
        let is_early = self.settings.deployment.early_success.is_some();
        ensure(is_early || size == wanted, &format!("I7: {size} of {wanted} tasks are healthy at the end"))?;
        let idle = self.revisions[&stays].target_groups.iter().find(|group| {
            let Some(route) = &group.route else { return false };
            let serving = self.rules.get(&route.production_rule).map(LiveRule::serving).unwrap_or_default();
            let is_alone = serving.len() == 1 && *serving[0].0 == group.arn;
            !is_alone && !self.tampered.contains(&route.production_rule)
        });
        match idle {
            Some(group) => {
                Err(format!("I7: {} does not have all of the traffic at the end: {:?}", group.arn, self.rules))
            }
            None => Ok(()),
        }
    }

    /// Tells whether two revisions may stand side by side, each at its own size.
    fn is_shifting(&self) -> bool {
        use ServiceDeploymentStatus::{RollbackSuccessful, Successful};
        self.deployments.last().is_some_and(|deployment| {
            deployment.shift.is_some() && !matches!(deployment.status, Successful | RollbackSuccessful)
        })
    }

    /// Tells whether production requests come to a task: they do unless its target groups have no weight.
    fn is_given_requests(&self, task: &Seen) -> bool {
        let weight = |rule: &ListenerRuleArn, group: &TargetGroupArn| match self.rules.get(rule) {
            Some(LiveRule::Forwards(weights)) => weights.get(group).copied().unwrap_or(0),
            Some(LiveRule::Missing | LiveRule::Elsewhere) | None => 0,
        };
        let groups = &self.revisions[&task.revision].target_groups;
        groups
            .iter()
            .all(|group| group.route.as_ref().is_none_or(|route| weight(&route.production_rule, &group.arn) > 0))
    }

    /// Tells whether two tasks can stand in for one another: no rule tells them apart.
    fn share_requests(&self, one: &Seen, other: &Seen) -> bool {
        let groups = |task: &Seen| {
            let groups = &self.revisions[&task.revision].target_groups;
            groups.iter().filter(|group| group.route.is_some()).map(|group| group.arn.clone()).collect::<Vec<_>>()
        };
        groups(one) == groups(other)
    }

    fn start(&mut self, id: &TaskId, revision: RevisionId) -> Result<(), String> {
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
    fn deactivate(&mut self, now: Timestamp, id: &TaskId, code: StopCode) -> Result<(), String> {
        let task = self.tasks.get(id).ok_or("the task is unknown")?;
        ensure(matches!(task.stage, Stage::Pending | Stage::Running), "the task is leaving already")?;
        let counts = self.is_healthy(task, now) && self.is_given_requests(task);
        if counts && code == StopCode::ServiceSchedulerInitiated && !self.deleted {
            let is_counted = |other: &&Seen| self.is_healthy(other, now) && self.share_requests(task, other);
            let (healthy, floor) = (self.tasks.values().filter(is_counted).count() as u32, self.floor());
            ensure(healthy > floor, &format!("I1, I7: {healthy} tasks are healthy and the floor is {floor}"))?;
        }
        let groups = &self.revisions[&task.revision].target_groups;
        let delay = groups.iter().map(|group| group.deregistration_delay).max().unwrap_or(Duration::ZERO);
        self.set_stage(id, Stage::Leaving { by: now + delay });
        Ok(())
    }

    fn reactivate(&mut self, id: &TaskId) -> Result<(), String> {
        ensure(!self.deleted, "a deleted service takes no task back")?;
        let task = self.tasks.get(id).ok_or("the task is unknown")?;
        self.ensure_cap(task.revision)?;
        ensure(matches!(task.stage, Stage::Leaving { .. }), "only a leaving task comes back before its signal")?;
        ensure(task.running_since.is_some(), "only a task that has been running comes back")?;
        self.set_stage(id, Stage::Running);
        Ok(())
    }

    fn register(&mut self, id: &TaskId, group: &TargetGroupArn) -> Result<(), String> {
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

    fn deregister(&mut self, id: &TaskId, group: &TargetGroupArn) -> Result<(), String> {
        // The target of a task that is gone is deregistered too.
        let Some(task) = self.tasks.get_mut(id) else { return Ok(()) };
        ensure(task.stage != Stage::Running, "I4: a running task stays in rotation")?;
        let target = task.targets.get_mut(group).ok_or("the target is unknown")?;
        ensure(target.registered, "the target is deregistered already")?;
        (target.registered, target.drained) = (false, false);
        Ok(())
    }

    /// I4.
    fn stop(&mut self, now: Timestamp, id: &TaskId) -> Result<(), String> {
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

    fn event(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::Service { message, .. } => {
                ensure(message.starts_with("(service web"), &format!("an event names its service: {message}"))
            }
            Event::ServiceDeployment(deployment) => self.service_deployment(deployment),
            Event::ServiceInactive { .. } => {
                ensure(self.deleted && self.tasks.is_empty(), "only a deleted service without tasks is INACTIVE")?;
                ensure(!std::mem::replace(&mut self.inactive, true), "a service becomes INACTIVE once")
            }
        }
    }

    /// I8, and the table of §5.1 of the semantics.
    fn service_deployment(&mut self, deployment: &ServiceDeployment) -> Result<(), String> {
        use ServiceDeploymentStatus::{
            InProgress, Pending, RollbackFailed, RollbackInProgress, RollbackRequested, RollbackSuccessful,
            StopRequested, Stopped, Successful,
        };
        let others_active =
            self.deployments.iter().any(|known| known.id != deployment.id && !known.status.is_terminal());
        ensure(!others_active, "I8: another service deployment is active")?;
        let Some(known) = self.deployments.iter_mut().find(|known| known.id == deployment.id) else {
            ensure(deployment.status == InProgress, "a service deployment begins IN_PROGRESS")?;
            self.deployments.push(deployment.clone());
            return Ok(());
        };
        let next: &[ServiceDeploymentStatus] = match known.status {
            Pending => &[InProgress, RollbackRequested, StopRequested, Stopped],
            InProgress => &[Successful, StopRequested, RollbackRequested, RollbackInProgress, Stopped],
            StopRequested => &[Stopped],
            RollbackRequested => &[RollbackInProgress, Successful, Stopped],
            RollbackInProgress => &[RollbackSuccessful, RollbackFailed],
            Stopped | Successful | RollbackSuccessful | RollbackFailed => &[],
        };
        let (from, to) = (known.status.as_str(), deployment.status.as_str());
        if known.status == deployment.status && known.shift != deployment.shift {
            let stage = |deployment: &ServiceDeployment| deployment.shift.as_ref().map(|shift| shift.stage);
            let goes_on =
                stage(known) <= stage(deployment) || stage(known) == Some(LifecycleStage::ProductionTrafficShift);
            ensure(goes_on, "stages are passed in their order")?;
            known.clone_from(deployment);
            return Ok(());
        }
        ensure(next.contains(&deployment.status), &format!("I8: a service deployment goes from {from} to {to}"))?;
        known.clone_from(deployment);
        Ok(())
    }

    /// Of one revision's tasks the scheduler lets those go first that serve nobody.
    fn no_healthy_task_left_before_an_unhealthy_one(&self, now: Timestamp, step: &Step) -> Result<(), String> {
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

fn ensure(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}
