//! What the controller waits for: the next useful instant, and every wait in words (I9).

use seatrial_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::controller::{Controller, Lifecycle};
use crate::deployment::{Deployment, RolloutState};
use crate::health;
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
    from_tasks.flatten().chain(from_throttles).filter(|(at, _)| *at > now).min()
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
                why: format!("{} tasks in a row failed; the wait doubles with each", entry.failed_tasks),
                since: entry.throttle.since().unwrap_or(now),
                until: Some(until),
            });
        }
    }
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

fn explain_failure(controller: &Controller, primary: &Deployment) -> Option<Waiting> {
    let stalls = primary.rollout_state == RolloutState::Failed && !controller.steady;
    stalls.then(|| Waiting {
        what: "a new deployment".to_owned(),
        why: format!("deployment {} failed and starts no further tasks", primary.id),
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
