//! The lifecycle stages of a deployment that shifts traffic: what each waits for, what entering it does, and the way back.
//!
//! Before each step the rules are compared with what the deployment believes. Weights move only to a revision at full size, and a
//! rollback moves them before a task leaves (I3, I7).

use std::collections::BTreeMap;

use seatrial_model::{LifecycleStage, ListenerRuleArn, RevisionId, TargetGroupArn, Timestamp, TrafficPercent};

use crate::controller::Controller;
use crate::deployment::{ServiceDeploymentStatus, TaskCounts};
use crate::giving_back::Move;
use crate::rollback::{self, Failure};
use crate::rules::{LiveRule, Weights};
use crate::shift::{Shift, ShiftRoute};
use crate::step::{Shares, Step};
use crate::task::Task;
use crate::wording;

/// The most stages one input passes through: all of them, with the most steps a LINEAR deployment can have.
const STAGES_PASSED_MAX: usize = 128;

/// Takes the running deployment as far as it can go now.
pub(crate) fn advance(controller: &mut Controller, now: Timestamp, step: &mut Step) {
    let Some(deployment) = controller.service_deployment.as_ref().filter(|deployment| deployment.shift.is_some())
    else {
        return;
    };
    match deployment.status {
        ServiceDeploymentStatus::InProgress => {
            controller.attend_hooks(now, step);
            forward(controller, now, step);
        }
        ServiceDeploymentStatus::RollbackInProgress => {
            controller.attend_hooks(now, step);
            back(controller, now, step);
        }
        ServiceDeploymentStatus::Pending
        | ServiceDeploymentStatus::StopRequested
        | ServiceDeploymentStatus::Stopped
        | ServiceDeploymentStatus::Successful
        | ServiceDeploymentStatus::RollbackRequested
        | ServiceDeploymentStatus::RollbackSuccessful
        | ServiceDeploymentStatus::RollbackFailed => {}
    }
}

fn forward(controller: &mut Controller, now: Timestamp, step: &mut Step) {
    for _ in 0..STAGES_PASSED_MAX {
        if let Some(failure) = trouble(controller, now) {
            rollback::fail(controller, now, &failure, step);
            return;
        }
        let Some(next) = next_stage(controller, now) else { return };
        controller.enter_stage(now, next, step);
    }
}

/// Returns why the deployment cannot go on.
fn trouble(controller: &Controller, now: Timestamp) -> Option<Failure> {
    let deployment = controller.service_deployment.as_ref()?;
    let shift = deployment.shift.as_ref()?;
    if let Err(fault) = controller.check_believed(shift) {
        return Some(Failure::networking(&fault));
    }
    if let Some(why) = shift.hook_failure() {
        return Some(Failure::because(why));
    }
    if controller.has_lost_target(deployment.target, shift, now) {
        return Some(Failure::because(wording::TARGET_LOST));
    }
    let policy = &controller.policy;
    // A hook has a time limit of its own, and a pause may last longer than a stage.
    if !shift.is_held_up() && next_stage(controller, now).is_none() && shift.stage_since + policy.stage_limit <= now {
        return Some(Failure::because(&wording::stage_took_too_long(shift.stage)));
    }
    (deployment.started_at + policy.deployment_limit <= now)
        .then(|| Failure::because(wording::DEPLOYMENT_TOOK_TOO_LONG))
}

/// Returns the stage after the present one, if that has nothing left to wait for.
fn next_stage(controller: &Controller, now: Timestamp) -> Option<LifecycleStage> {
    let deployment = controller.service_deployment.as_ref()?;
    let shift = deployment.shift.as_ref()?;
    if shift.is_held_up() {
        return None;
    }
    let is_complete = || controller.is_complete(deployment.target, now);
    let can_serve = || is_complete() && !controller.is_outdone(deployment.target, now);
    let (done, next) = match shift.stage {
        LifecycleStage::ReconcileService => (controller.is_reconciled(shift, now), LifecycleStage::PreScaleUp),
        LifecycleStage::PreScaleUp => (true, LifecycleStage::ScaleUp),
        LifecycleStage::ScaleUp => (is_complete(), LifecycleStage::PostScaleUp),
        LifecycleStage::PostScaleUp => (can_serve(), LifecycleStage::TestTrafficShift),
        LifecycleStage::TestTrafficShift => (true, LifecycleStage::PostTestTrafficShift),
        LifecycleStage::PostTestTrafficShift => (true, LifecycleStage::PreProductionTrafficShift),
        LifecycleStage::PreProductionTrafficShift => (can_serve(), LifecycleStage::ProductionTrafficShift),
        LifecycleStage::ProductionTrafficShift if shift.has_all_traffic() => {
            (true, LifecycleStage::PostProductionTrafficShift)
        }
        LifecycleStage::ProductionTrafficShift => {
            (deployment.has_baked(now), LifecycleStage::PreProductionTrafficShift)
        }
        LifecycleStage::PostProductionTrafficShift => (true, LifecycleStage::BakeTime),
        LifecycleStage::BakeTime => (deployment.has_baked(now) && is_complete(), LifecycleStage::CleanUp),
        LifecycleStage::CleanUp => (false, LifecycleStage::CleanUp),
    };
    done.then_some(next)
}

fn back(controller: &mut Controller, now: Timestamp, step: &mut Step) {
    let Some(shift) = controller.shift().filter(|shift| !shift.returned) else { return };
    if !controller.can_return(shift, now) {
        return;
    }
    match controller.move_back(shift, now) {
        Move::Nothing => {}
        Move::Keep(left) => controller.step_back(now, left, step),
        Move::Everything => give_everything_back(controller, now, step),
    }
}

fn give_everything_back(controller: &mut Controller, now: Timestamp, step: &mut Step) {
    let Some(shift) = controller.shift() else { return };
    let (routes, shares, given) = (shift.routes.clone(), shift.shares, shift.given());
    let rule_is_gone = |route: &ShiftRoute| *controller.live_rule(&route.production_rule) == LiveRule::Missing;
    if shares.production > TrafficPercent::NONE && routes.iter().any(rule_is_gone) {
        let reason = Some(wording::ROLLBACK_WITHOUT_RULE.to_owned());
        controller.end_service_deployment(now, ServiceDeploymentStatus::RollbackFailed, reason, step);
        return;
    }
    for route in &routes {
        controller.return_traffic(route, shares, step);
    }
    if let Some(shift) = controller.shift_mut() {
        shift.returned = true;
        shift.shares = Shares::default();
        shift.believed.clear();
    }
    controller.tell_hooks_of_return(now, given, step);
}

impl Controller {
    pub(crate) fn shift(&self) -> Option<&Shift> {
        self.service_deployment.as_ref()?.shift.as_ref()
    }

    pub(crate) fn shift_mut(&mut self) -> Option<&mut Shift> {
        self.service_deployment.as_mut()?.shift.as_mut()
    }

    /// Enters a stage and does what it is for.
    pub(crate) fn enter_stage(&mut self, now: Timestamp, stage: LifecycleStage, step: &mut Step) {
        let Some(deployment) = &mut self.service_deployment else { return };
        let Some(shift) = &mut deployment.shift else { return };
        shift.stage = stage;
        shift.stage_since = now;
        deployment.bake_skipped = false;
        match stage {
            LifecycleStage::TestTrafficShift => self.shift_test_traffic(step),
            LifecycleStage::ProductionTrafficShift => self.shift_production_traffic(now, step),
            LifecycleStage::ReconcileService
            | LifecycleStage::PreScaleUp
            | LifecycleStage::ScaleUp
            | LifecycleStage::PostScaleUp
            | LifecycleStage::PostTestTrafficShift
            | LifecycleStage::PreProductionTrafficShift
            | LifecycleStage::PostProductionTrafficShift
            | LifecycleStage::BakeTime
            | LifecycleStage::CleanUp => {}
        }
        if let (Some(deployment), Some(shift)) = (self.primary().map(|entry| entry.id), self.shift()) {
            let share = shift.shares.production;
            self.says(now, step, |words| words.entered_stage(deployment, stage, share));
        }
        self.begin_hooks(now, step);
        self.tell_service_deployment(step);
    }

    fn shift_test_traffic(&mut self, step: &mut Step) {
        let Some(routes) = self.shift().map(|shift| shift.routes.clone()) else { return };
        let mut believed = Vec::new();
        for route in &routes {
            let Some(rule) = &route.test_rule else { continue };
            let weights = self.set_weights(rule, (&route.target, &route.source), TrafficPercent::ALL, step);
            believed.push((rule.clone(), weights));
        }
        if let Some(shift) = self.shift_mut() {
            shift.shares.test = TrafficPercent::ALL;
            shift.believed.extend(believed);
        }
    }

    /// Makes the next step of the shift; it is the last one where the source has lost all of its tasks (I3).
    fn shift_production_traffic(&mut self, now: Timestamp, step: &mut Step) {
        let Some(deployment) = &self.service_deployment else { return };
        let Some(shift) = &deployment.shift else { return };
        let answers = |revision| self.healthy_tasks(revision, now) > 0;
        let stands_alone = shift.source.is_some_and(|source| !answers(source)) && answers(deployment.target);
        let schedule = shift.schedule();
        let steps_taken = if stands_alone { schedule.len() } else { shift.steps_taken + 1 };
        let share = schedule.get(steps_taken - 1).copied().unwrap_or(TrafficPercent::ALL);
        let routes = shift.routes.clone();
        let mut believed = Vec::new();
        for route in &routes {
            let weights = self.set_weights(&route.production_rule, (&route.target, &route.source), share, step);
            believed.push((route.production_rule.clone(), weights));
        }
        if let Some(shift) = self.shift_mut() {
            shift.steps_taken = steps_taken;
            shift.shares.production = share;
            shift.believed.extend(believed);
        }
    }

    /// Gives a route's traffic back to the source. A rule that somebody has pointed elsewhere stays as it is.
    pub(crate) fn return_traffic(&mut self, route: &ShiftRoute, shifted: Shares, step: &mut Step) {
        let rules = [(Some(&route.production_rule), shifted.production), (route.test_rule.as_ref(), shifted.test)];
        for (rule, share) in rules {
            let Some(rule) = rule.filter(|_| share > TrafficPercent::NONE) else { continue };
            let serving = self.live_rule(rule).serving();
            if serving.iter().any(|(group, _)| route.pairs(group)) {
                self.set_weights(rule, (&route.source, &route.target), TrafficPercent::ALL, step);
            }
        }
    }

    /// Tells whether a revision has as many tasks as are wanted, all of which can be relied upon.
    pub(crate) fn is_complete(&self, revision: RevisionId, now: Timestamp) -> bool {
        let of_revision: Vec<&Task> =
            self.tasks.values().filter(|task| task.revision == revision && task.is_live()).collect();
        of_revision.len() == self.settings.desired_count as usize
            && of_revision.iter().all(|task| self.is_reliable(task, now))
    }

    /// Tells whether other revisions have healthy tasks and this one, at a desired count of zero, has none (I3).
    pub(crate) fn is_outdone(&self, revision: RevisionId, now: Timestamp) -> bool {
        self.healthy_tasks(revision, now) == 0 && self.tasks.values().any(|task| self.is_healthy(task, now))
    }

    pub(crate) fn healthy_tasks(&self, revision: RevisionId, now: Timestamp) -> u32 {
        let is_healthy = |task: &&Task| task.revision == revision && self.is_healthy(task, now);
        self.tasks.values().filter(is_healthy).count() as u32
    }

    /// Tells whether only the source is left of the revisions that ran before. Tasks that stand in for some that the source lacks may never
    /// be able to leave, and are not waited for.
    fn is_reconciled(&self, shift: &Shift, now: Timestamp) -> bool {
        let lacks_some = shift.source.is_some_and(|source| !self.is_complete(source, now));
        let stands_in =
            |task: &Task| lacks_some && self.is_healthy(task, now) && !self.is_bypassed(self.revision_of(task));
        self.tasks.values().all(|task| Some(task.revision) == shift.source || stands_in(task))
    }

    /// Tells whether the target is given production traffic and has no healthy task left for it, while the source has some.
    fn has_lost_target(&self, target: RevisionId, shift: &Shift, now: Timestamp) -> bool {
        let is_given_traffic = shift.shares.production > TrafficPercent::NONE && shift.stage < LifecycleStage::CleanUp;
        is_given_traffic
            && self.settings.desired_count > 0
            && self.healthy_tasks(target, now) == 0
            && shift.source.is_some_and(|source| self.healthy_tasks(source, now) > 0)
    }

    /// Tells whether the source can take all traffic back. Until the old tasks leave it is kept at full size, so one that is healthy will
    /// do; after that it has to be brought back first.
    fn can_return(&self, shift: &Shift, now: Timestamp) -> bool {
        if shift.shares == Shares::default() {
            return true;
        }
        let Some(source) = self.primary().map(|entry| entry.revision) else { return true };
        let desired = self.settings.desired_count;
        let needed = match shift.stage {
            LifecycleStage::CleanUp => self.settings.deployment.floor(desired).max(desired.min(1)),
            LifecycleStage::ReconcileService
            | LifecycleStage::PreScaleUp
            | LifecycleStage::ScaleUp
            | LifecycleStage::PostScaleUp
            | LifecycleStage::TestTrafficShift
            | LifecycleStage::PostTestTrafficShift
            | LifecycleStage::PreProductionTrafficShift
            | LifecycleStage::ProductionTrafficShift
            | LifecycleStage::PostProductionTrafficShift
            | LifecycleStage::BakeTime => desired.min(1),
        };
        self.healthy_tasks(source, now) >= needed
    }

    /// Begins the lifecycle of a deployment that shifts traffic.
    pub(crate) fn begin_shift(&mut self, now: Timestamp, mut shift: Shift, step: &mut Step) {
        let former = std::mem::take(&mut shift.believed);
        let checked = self.check_routes(&shift.routes, shift.source, &former);
        if checked.is_ok() {
            shift.believed = self.keep_production(&shift.routes, step);
        }
        let first = shift.stage;
        if let Some(deployment) = &mut self.service_deployment {
            deployment.shift = Some(shift);
        }
        match checked {
            Ok(()) => self.enter_stage(now, first, step),
            Err(fault) => rollback::fail(self, now, &Failure::networking(&fault), step),
        }
    }

    /// Points every production rule to the source alone, ending what the deployment before has left: a split, or a rule on a revision that
    /// has lost its tasks.
    fn keep_production(&mut self, routes: &[ShiftRoute], step: &mut Step) -> BTreeMap<ListenerRuleArn, Weights> {
        let mut believed = BTreeMap::new();
        for route in routes {
            let live = self.live_rule(&route.production_rule).clone();
            let weights = match live {
                LiveRule::Forwards(weights) if serves_alone(&weights, &route.source) => weights,
                LiveRule::Forwards(_) | LiveRule::Missing | LiveRule::Elsewhere => {
                    let pair = (&route.source, &route.target);
                    self.set_weights(&route.production_rule, pair, TrafficPercent::ALL, step)
                }
            };
            believed.insert(route.production_rule.clone(), weights);
        }
        believed
    }

    /// Chooses the revision that production stays on while a new one is brought up: the one with the larger weight, even when it has lost
    /// its tasks, then the last completed one, then the one with more healthy tasks, then the older.
    pub(crate) fn choose_source(
        &self,
        target: RevisionId,
        routes: &[ShiftRoute],
        now: Timestamp,
    ) -> Option<RevisionId> {
        let serves = |revision: RevisionId| {
            let attached = self.revisions.get(&revision).map(|revision| &revision.target_groups);
            routes
                .first()
                .is_none_or(|route| attached.is_some_and(|groups| groups.iter().any(|group| group.arn == route.source)))
        };
        let counts = |revision: RevisionId| -> TaskCounts { self.counts(revision) };
        self.deployments
            .iter()
            .enumerate()
            .filter(|(_, entry)| entry.revision != target)
            .filter(|(_, entry)| {
                let TaskCounts { running, pending, .. } = counts(entry.revision);
                running + pending > 0 || (!routes.is_empty() && serves(entry.revision))
            })
            .max_by_key(|(age, entry)| {
                let revision = entry.revision;
                let is_completed = self.last_completed == Some(revision);
                (serves(revision), is_completed, self.healthy_tasks(revision, now), *age)
            })
            .map(|(_, entry)| entry.revision)
    }
}

fn serves_alone(weights: &Weights, group: &TargetGroupArn) -> bool {
    weights.iter().filter(|(_, weight)| **weight > 0).map(|(serving, _)| serving).eq([group])
}
