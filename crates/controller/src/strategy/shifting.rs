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
    let goes_forward = deployment.status == ServiceDeploymentStatus::InProgress;
    let others = others(controller, deployment.target, shift);
    // Tasks that share production with a source that fails may stay until everything leaves.
    let reconciles = shift.stage == LifecycleStage::ReconcileService
        || (shift.stage < LifecycleStage::CleanUp && !others.is_empty());
    let mut plan = if reconciles { reconcile(controller, shift, &others, now) } else { Plan::default() };
    for entry in controller.deployments().iter().filter(|entry| !reconciles || entry.revision == deployment.target) {
        let size = if entry.revision == deployment.target {
            size_of_target(shift, goes_forward)
        } else {
            size_of_other(controller, shift, entry, goes_forward)
        };
        side(controller, entry, size, now, &mut plan);
    }
    plan
}

fn size_of_target(shift: &Shift, goes_forward: bool) -> Size {
    match (goes_forward, shift.returned) {
        (true, _) if shift.stage < LifecycleStage::ScaleUp => Size::Nothing,
        (true, _) => Size::Full,
        (false, false) => Size::AsItIs,
        (false, true) => Size::Nothing,
    }
}

fn size_of_other(controller: &Controller, shift: &Shift, entry: &Deployment, goes_forward: bool) -> Size {
    let keeps_production = if goes_forward {
        Some(entry.revision) == shift.source && shift.stage < LifecycleStage::CleanUp
    } else {
        let rolls_back_to = controller.primary().map(|primary| primary.revision);
        Some(entry.revision) == shift.source || Some(entry.revision) == rolls_back_to
    };
    if keeps_production { Size::Full } else { Size::Nothing }
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

/// Returns the older revisions that are not the source.
fn others<'a>(controller: &'a Controller, target: RevisionId, shift: &Shift) -> Vec<&'a Deployment> {
    let is_other = |entry: &&Deployment| entry.revision != target && Some(entry.revision) != shift.source;
    controller.deployments().iter().filter(is_other).collect()
}

/// Lets every older revision but the source leave, as fast as the source's healthy tasks allow; so does a rollback, since it is the source
/// that it goes back to. What they lose is not replaced: one that keeps failing would never be gone.
fn reconcile(controller: &Controller, shift: &Shift, others: &[&Deployment], now: Timestamp) -> Plan {
    let source = controller.deployments().iter().find(|entry| Some(entry.revision) == shift.source);
    let Some(source) = source else { return Plan::default() };
    let mut plan = rolling::converge(
        controller,
        source,
        rolling::throttled(source, now),
        (others, rolling::Losses::Accepted),
        now,
    );
    plan.older_desired.push((source.revision, controller.settings().desired_count));
    plan
}
