//! BLUE_GREEN, CANARY and LINEAR: two revisions side by side, each kept at its own size, while traffic moves between them.
//!
//! Each side is scheduled by itself, with the floor and the cap of its own size. Only while a service is reconciled do revisions give
//! way to one another as in a rolling update.

use seatrial_model::{LifecycleStage, RevisionId, Timestamp};

use super::{Plan, rolling};
use crate::controller::Controller;
use crate::deployment::{Deployment, ServiceDeploymentStatus};
use crate::scheduler::{self, Facts, Group, Starts};
use crate::shift::Shift;

/// Tells whether the latest service deployment keeps two revisions side by side: it shifts traffic and has not come to a good end.
pub(crate) fn governs(controller: &Controller) -> bool {
    controller.service_deployment().is_some_and(|deployment| {
        let has_one_revision = matches!(
            deployment.status,
            ServiceDeploymentStatus::Successful | ServiceDeploymentStatus::RollbackSuccessful
        );
        deployment.shift.is_some() && !has_one_revision
    })
}

/// How many tasks an entry is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    /// The desired count.
    Full,
    /// Those that it has: nothing is started and nothing stopped.
    AsItIs,
    Nothing,
}

/// Plans one pass.
pub(crate) fn plan(controller: &Controller, now: Timestamp) -> Plan {
    let Some(deployment) = controller.service_deployment() else { return Plan::default() };
    let Some(shift) = &deployment.shift else { return Plan::default() };
    let (target, goes_forward) = (deployment.target, deployment.status == ServiceDeploymentStatus::InProgress);
    let keeper = keeper(controller, target, shift, goes_forward);
    // Without rules to tell them apart, the target's tasks stand in for those that the source lacks when it is gone back to.
    let target_leaves = !goes_forward && shift.returned && shift.routes.is_empty();
    let is_target = |entry: &Deployment| entry.revision == target && !target_leaves;
    let is_other =
        |entry: &&Deployment| !is_target(entry) && keeper.is_none_or(|keeper| keeper.revision != entry.revision);
    let others: Vec<&Deployment> = controller.deployments().iter().filter(is_other).collect();
    let is_last = shift.stage == LifecycleStage::CleanUp;
    let converging = keeper.filter(|_| (target_leaves || !is_last) && !others.is_empty());
    let mut plan = converging.map_or_else(Plan::default, |keeper| reconcile(controller, keeper, &others, now));
    for entry in controller.deployments() {
        let size = if is_target(entry) {
            size_of_target(shift, goes_forward)
        } else if converging.is_some() {
            continue;
        } else if is_other(&entry) || (goes_forward && is_last) {
            Size::Nothing
        } else {
            Size::Full
        };
        side(controller, entry, size, now, &mut plan);
    }
    plan
}

/// Returns the older revision that production stays on: the source, or what is rolled back to where there was none.
fn keeper<'a>(
    controller: &'a Controller,
    target: RevisionId,
    shift: &Shift,
    goes_forward: bool,
) -> Option<&'a Deployment> {
    let source = controller.deployments().iter().find(|entry| Some(entry.revision) == shift.source);
    source.or_else(|| controller.primary().filter(|primary| !goes_forward && primary.revision != target))
}

fn size_of_target(shift: &Shift, goes_forward: bool) -> Size {
    match (goes_forward, shift.returned) {
        (true, _) if shift.stage < LifecycleStage::ScaleUp => Size::Nothing,
        (true, _) => Size::Full,
        (false, false) => Size::AsItIs,
        (false, true) => Size::Nothing,
    }
}

fn side(controller: &Controller, entry: &Deployment, size: Size, now: Timestamp, plan: &mut Plan) {
    let tasks = rolling::live_of(controller, entry.revision);
    let group = rolling::group(controller, &tasks, now);
    let (wanted, starts) = match size {
        Size::Full => (controller.settings().desired_count, rolling::throttled(entry, now)),
        Size::AsItIs => (group.standing(), Starts::Forbidden),
        Size::Nothing => (0, Starts::Forbidden),
    };
    let configuration = &controller.settings().deployment;
    let decision = scheduler::decide(Facts {
        desired: wanted,
        floor: configuration.floor(wanted),
        cap: configuration.cap(wanted).max(wanted),
        new: group,
        old: Group::default(),
        old_wanted: 0,
        new_returnable: rolling::returnable(controller, entry.revision).len() as u32,
        old_returnable: 0,
        new_starts: starts,
        old_startable: 0,
    });
    plan.stop.extend(rolling::choose(controller, &tasks, decision.stop_new, now));
    rolling::bring_new(controller, entry.revision, decision, plan);
    plan.older_desired.push((entry.revision, wanted));
    plan.blocked_by_cap |= decision.blocked_by_cap;
}

/// Lets every other older revision leave, as fast as the healthy tasks of the one that keeps production allow.
fn reconcile(controller: &Controller, keeper: &Deployment, others: &[&Deployment], now: Timestamp) -> Plan {
    let mut plan = rolling::converge(controller, keeper, rolling::throttled(keeper, now), others, now);
    plan.older_desired.push((keeper.revision, controller.settings().desired_count));
    plan
}
