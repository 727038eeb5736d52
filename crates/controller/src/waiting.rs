//! What the controller waits for: the next useful instant, and every wait in words (I9).

use seatrial_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::controller::{Controller, Lifecycle};
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
    let from_tasks = controller.tasks.values().filter_map(|task| task_wakes(controller, task));
    let from_throttles = controller
        .deployments
        .iter()
        .filter_map(|entry| Some((entry.throttle.blocked_until(now)?, WakeReason::ThrottleEnds)));
    from_tasks.chain(from_throttles).filter(|(at, _)| *at > now).min()
}

fn task_wakes(controller: &Controller, task: &Task) -> Option<(Timestamp, WakeReason)> {
    match &task.status {
        TaskStatus::Deactivating(leaving) => Some((leaving.drained_by, WakeReason::DeregistrationDelayEnds)),
        TaskStatus::Running => {
            let revision = controller.revision_of(task);
            if revision.target_groups.is_empty() && !revision.has_health_check {
                return health::settled_at(task, &controller.policy).map(|at| (at, WakeReason::CountsAsHealthy));
            }
            let failing = task.condemned_at.is_none() && health::fails_checks(task, revision);
            failing.then(|| (health::grace_ends(task, &controller.settings), WakeReason::GracePeriodEnds))
        }
        TaskStatus::Pending | TaskStatus::Stopping(_) => None,
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

fn explain_task(controller: &Controller, task: &Task, now: Timestamp) -> Option<Waiting> {
    let id = &task.id;
    match &task.status {
        TaskStatus::Pending => Some(Waiting {
            what: format!("task {id} to start"),
            why: "its containers have not all been started".to_owned(),
            since: task.created_at,
            until: None,
        }),
        TaskStatus::Running if controller.is_healthy(task, now) => None,
        TaskStatus::Running => Some(explain_unhealthy(controller, task)),
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

fn explain_unhealthy(controller: &Controller, task: &Task) -> Waiting {
    let revision = controller.revision_of(task);
    let since = task.running_since.unwrap_or(task.created_at);
    let what = format!("task {} to be healthy", task.id);
    if revision.target_groups.is_empty() && !revision.has_health_check {
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
    let failing = health::fails_checks(task, revision);
    Waiting { what, why, since, until: failing.then(|| health::grace_ends(task, &controller.settings)) }
}
