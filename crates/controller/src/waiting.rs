//! What the controller waits for: the next useful instant, and every wait in words (I9).

use seatrial_model::{HookTarget, LifecycleStage, Timestamp};
use serde::{Deserialize, Serialize};

use crate::controller::{Controller, Lifecycle};
use crate::deployment::{Deployment, RolloutState, ServiceDeploymentStatus};
use crate::health;
use crate::hooks::HookRun;
use crate::shift::Shift;
use crate::task::{Task, TaskStatus};

/// Why the controller wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum WakeReason {
    /// A leaving task's requests have had the longest deregistration delay.
    DeregistrationDelayEnds,
    /// A task's failing checks are no longer ignored.
    GracePeriodEnds,
    /// A task that nothing checks has been running long enough to count as healthy.
    CountsAsHealthy,
    /// The start throttle allows another start.
    ThrottleEnds,
    /// A healthy task has been running long enough for its success to count.
    ProvesItself,
    /// A bake time is over.
    BakeTimeEnds,
    /// The next step of traffic's way back is due.
    StepBackIsDue,
    /// A hook is to be asked again, or its time is over.
    HookIsDue,
    /// A stage or the whole deployment has taken as long as it may.
    LimitReached,
}

/// One thing that is being waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Completes the sentence "waiting for …".
    pub what: String,
    pub why: String,
    pub since: Timestamp,
    /// The latest instant at which it ends by itself; none when only an event can end it.
    pub until: Option<Timestamp>,
}

pub(crate) fn wake_at(controller: &Controller, now: Timestamp) -> Option<(Timestamp, WakeReason)> {
    let from_tasks = controller.tasks.values().flat_map(|task| task_wakes(controller, task));
    let from_throttles = controller
        .deployments
        .iter()
        .filter_map(|entry| Some((entry.throttle.blocked_until(now)?, WakeReason::ThrottleEnds)));
    from_tasks.flatten().chain(from_throttles).chain(deployment_wakes(controller)).filter(|(at, _)| *at > now).min()
}

/// Returns the instants at which something about the running deployment may change by itself.
fn deployment_wakes(controller: &Controller) -> Vec<(Timestamp, WakeReason)> {
    let running = controller.service_deployment.as_ref().filter(|deployment| !deployment.status.is_terminal());
    let Some(deployment) = running else { return Vec::new() };
    let mut wakes = Vec::new();
    wakes.extend(deployment.bakes_until().map(|at| (at, WakeReason::BakeTimeEnds)));
    let Some(shift) = &deployment.shift else { return wakes };
    wakes.extend(shift.runs.iter().filter_map(|run| Some((run.wakes_at()?, WakeReason::HookIsDue))));
    if let Some(giving_back) = shift.giving_back.as_ref().filter(|_| !shift.returned) {
        wakes.extend(giving_back.next_at().map(|at| (at, WakeReason::StepBackIsDue)));
        wakes.push((giving_back.since + controller.policy.stage_limit, WakeReason::LimitReached));
    }
    wakes.push((shift.stage_since + controller.policy.stage_limit, WakeReason::LimitReached));
    wakes.push((deployment.started_at + controller.policy.deployment_limit, WakeReason::LimitReached));
    wakes
}

/// Returns the instants at which something about the task may change by itself; those that have passed no longer matter.
fn task_wakes(controller: &Controller, task: &Task) -> [Option<(Timestamp, WakeReason)>; 3] {
    match &task.status {
        TaskStatus::Deactivating(leaving) => {
            [Some((leaving.drained_by, WakeReason::DeregistrationDelayEnds)), None, None]
        }
        TaskStatus::Running => {
            let (revision, policy) = (controller.revision_of(task), &controller.policy);
            let settles = health::is_unchecked(revision).then(|| health::settled_at(task, policy)).flatten();
            let failing = task.condemned_at.is_none() && health::failing_check(task, revision).is_some();
            let grace_ends = failing.then(|| health::grace_ends(task, &controller.settings));
            let proves_itself = health::proven_at(task, policy).filter(|_| !task.proven);
            [
                settles.map(|at| (at, WakeReason::CountsAsHealthy)),
                grace_ends.map(|at| (at, WakeReason::GracePeriodEnds)),
                proves_itself.map(|at| (at, WakeReason::ProvesItself)),
            ]
        }
        TaskStatus::Pending | TaskStatus::Stopping(_) => [None, None, None],
    }
}

pub(crate) fn explain(controller: &Controller, now: Timestamp) -> Vec<Waiting> {
    let mut waits: Vec<Waiting> =
        controller.tasks.values().filter_map(|task| explain_task(controller, task, now)).collect();
    for entry in &controller.deployments {
        if let Some(until) = entry.throttle.blocked_until(now) {
            waits.push(Waiting {
                what: format!("the next start of a task of {}", entry.id),
                why: match entry.failed_tasks {
                    0 | 1 => "its last task failed to start; the wait doubles with each failure".to_owned(),
                    failed => format!("{failed} tasks in a row failed; the wait doubles with each"),
                },
                since: entry.throttle.since().unwrap_or(now),
                until: Some(until),
            });
        }
    }
    waits.extend(explain_deployment(controller, now));
    waits.extend(controller.primary().and_then(|primary| explain_failure(controller, primary)));
    if let Some(since) = controller.deadlocked_since {
        let deployment = &controller.settings.deployment;
        waits.push(Waiting {
            what: "a change of the deployment configuration".to_owned(),
            why: format!(
                "minimumHealthyPercent {} and maximumPercent {} allow neither a start nor a stop",
                deployment.minimum_healthy_percent.value(),
                deployment.maximum_percent.value()
            ),
            since,
            until: None,
        });
    }
    waits
}

fn explain_deployment(controller: &Controller, now: Timestamp) -> Vec<Waiting> {
    let running = controller.service_deployment.as_ref().filter(|deployment| !deployment.status.is_terminal());
    let Some(deployment) = running else { return Vec::new() };
    let bake = |since: Timestamp, until: Timestamp| Waiting {
        what: "the bake time to end".to_owned(),
        why: "alarms are watched while both revisions could still serve".to_owned(),
        since,
        until: Some(until),
    };
    let bakes_until = deployment.bakes_until().filter(|until| *until > now);
    let Some(shift) = &deployment.shift else {
        let baking = deployment.baking_since.zip(bakes_until);
        return baking.map(|(since, until)| bake(since, until)).into_iter().collect();
    };
    if deployment.rollback.is_some() {
        return if shift.returned { Vec::new() } else { vec![explain_way_back(deployment.updated_at, shift, now)] };
    }
    let mut waits: Vec<Waiting> =
        shift.runs.iter().filter(|run| run.status.is_open()).map(|run| explain_hook(shift, run)).collect();
    if let Some(until) = bakes_until {
        let step = || Waiting {
            what: "the next step of the traffic shift".to_owned(),
            why: format!("the target has {} of production traffic and is being watched", shift.shares.production),
            since: shift.stage_since,
            until: Some(until),
        };
        let has_all = shift.stage == LifecycleStage::BakeTime;
        waits.push(if has_all { bake(shift.stage_since, until) } else { step() });
    }
    waits
}

fn explain_way_back(updated_at: Timestamp, shift: &Shift, now: Timestamp) -> Waiting {
    let next = shift.giving_back.as_ref().and_then(|giving_back| Some((giving_back, giving_back.next_at()?)));
    match next.filter(|(_, at)| *at > now) {
        Some((giving_back, at)) => Waiting {
            what: "the next step of the traffic's way back".to_owned(),
            why: format!(
                "the revision given up still has {} of production traffic, and {} goes back at a time",
                shift.shares.production,
                giving_back.steps.step()
            ),
            since: giving_back.stepped_at.unwrap_or(giving_back.since),
            until: Some(at),
        },
        None => Waiting {
            what: "the source revision to take the traffic back".to_owned(),
            why: "it has to have healthy tasks first".to_owned(),
            since: updated_at,
            until: None,
        },
    }
}

fn explain_hook(shift: &Shift, run: &HookRun) -> Waiting {
    let hook = &shift.hooks[run.hook];
    let (what, why) = match &hook.target {
        HookTarget::Pause => {
            (format!("hook {} to be continued", run.id), format!("the deployment pauses at {}", run.stage.as_str()))
        }
        HookTarget::Function(function) => {
            (format!("{function} to succeed"), format!("it is a hook of {}", run.stage.as_str()))
        }
    };
    Waiting { what, why, since: shift.stage_since, until: Some(run.expires_at) }
}

fn explain_failure(controller: &Controller, primary: &Deployment) -> Option<Waiting> {
    let has_failed = primary.rollout_state == RolloutState::Failed;
    let ended = controller.service_deployment.as_ref().filter(|deployment| deployment.status.is_terminal());
    let rollback_failed = ended.is_some_and(|ended| ended.status == ServiceDeploymentStatus::RollbackFailed);
    let stalls = (has_failed || rollback_failed) && !controller.steady;
    stalls.then(|| Waiting {
        what: "a new deployment".to_owned(),
        why: if has_failed {
            format!("deployment {} failed and starts no further tasks", primary.id)
        } else {
            "the rollback failed; what runs is kept as it is".to_owned()
        },
        since: primary.updated_at,
        until: None,
    })
}

fn explain_task(controller: &Controller, task: &Task, now: Timestamp) -> Option<Waiting> {
    let id = &task.id;
    match &task.status {
        TaskStatus::Pending => Some(Waiting {
            what: format!("task {id} to start"),
            why: "its containers have not all been started".to_owned(),
            since: task.created_at,
            until: None,
        }),
        TaskStatus::Running if controller.is_reliable(task, now) => None,
        TaskStatus::Running if controller.is_healthy(task, now) => Some(Waiting {
            what: format!("task {id} to run for a while"),
            why: "tasks of its deployment failed before, so it has to prove itself".to_owned(),
            since: task.running_since.unwrap_or(task.created_at),
            until: health::proven_at(task, &controller.policy),
        }),
        TaskStatus::Running => Some(explain_unhealthy(controller, task, now)),
        TaskStatus::Deactivating(leaving) => Some(Waiting {
            what: format!("task {id} to finish its requests"),
            why: leaving.reason.clone(),
            since: leaving.since,
            until: Some(leaving.drained_by),
        }),
        TaskStatus::Stopping(leaving) => Some(Waiting {
            what: format!("task {id} to exit"),
            why: match controller.lifecycle {
                Lifecycle::Active => leaving.reason.clone(),
                Lifecycle::Draining | Lifecycle::Inactive => "the service is being deleted".to_owned(),
            },
            since: leaving.since,
            until: None,
        }),
    }
}

fn explain_unhealthy(controller: &Controller, task: &Task, now: Timestamp) -> Waiting {
    let revision = controller.revision_of(task);
    let since = task.running_since.unwrap_or(task.created_at);
    let what = format!("task {} to be healthy", task.id);
    if health::is_unchecked(revision) {
        let why = "nothing checks it, so it counts as healthy after running for a while".to_owned();
        return Waiting { what, why, since, until: health::settled_at(task, &controller.policy) };
    }
    let target = task.targets.iter().find(|(_, target)| !target.health.is_healthy());
    let why = match target {
        Some((group, target)) => format!(
            "target {} in {group}: {}",
            target.health.state.as_str(),
            target.health.description.as_deref().unwrap_or("no reason given")
        ),
        None => format!("container health is {}", task.container_health.as_str()),
    };
    if let Some(condemned_at) = task.condemned_at {
        let what = format!("a healthy replacement of task {}", task.id);
        return Waiting { what, why, since: condemned_at, until: None };
    }
    let failing = health::failing_check(task, revision).is_some();
    let grace_ends = failing.then(|| health::grace_ends(task, &controller.settings));
    Waiting { what, why, since, until: grace_ends.filter(|at| *at > now) }
}
