//! Why one task failed, from its stop code, reasons and exit code. Pure.

use aws_sdk_ecs::types::{Container, Service, Task, TaskStopCode};

use super::cause::{Cause, CauseKind};
use super::health::HealthFacts;
use super::words::{readable, short_id, task_id};
use crate::aws::times::{between, timestamp};

/// A task that ran shorter than this before it exited counts as failing at its start.
const EARLY: std::time::Duration = std::time::Duration::from_secs(10);

/// Exit codes of shells and supervisors for a program that is not there or not executable.
const EXIT_NOT_EXECUTABLE: i32 = 126;
const EXIT_NOT_FOUND: i32 = 127;

/// Exit codes above this are 128 plus the number of a signal.
const EXIT_SIGNAL_BASE: i32 = 128;

/// Whether a task stopped because something went wrong with it, not because ECS no longer needed it.
pub(crate) fn has_failed(task: &Task) -> bool {
    let stopping = task.desired_status() == Some("STOPPED") || task.last_status() == Some("STOPPED");
    let reason = task.stopped_reason().unwrap_or_default();
    stopping && !reason.starts_with("Scaling activity initiated by")
}

/// Whether a task ended before anybody told it to, so that its exit codes tell why; otherwise they only tell how it took the signal.
pub(crate) fn has_ended_by_itself(task: &Task) -> bool {
    match task.stop_code() {
        Some(TaskStopCode::EssentialContainerExited | TaskStopCode::TaskFailedToStart) | None => true,
        Some(_) => false,
    }
}

/// The failure of one task.
pub(crate) fn of_task(task: &Task, service: &Service) -> Cause {
    let culprit = culprit(task);
    let kind = kind(task, culprit);
    let id = task_id(task.task_arn().unwrap_or_default());
    let health_answer = match kind {
        CauseKind::TargetUnhealthy => health_answer(service, id),
        _ => None,
    };
    let mut cause = Cause::of_deployment(kind, sentence(kind, task, culprit, health_answer.as_deref()));
    cause.tasks = 1;
    cause.task = Some(id.to_owned());
    cause.container = culprit.and_then(Container::name).map(ToOwned::to_owned);
    cause.exit_code = culprit.and_then(Container::exit_code).filter(|_| has_ended_by_itself(task));
    cause.stopped_reason = task.stopped_reason().map(readable);
    cause.container_reason = culprit.and_then(Container::reason).map(readable);
    cause.health_answer = health_answer;
    cause
}

/// A running task that is not healthy.
pub(crate) fn of_unhealthy(task: &Task, facts: &HealthFacts) -> Cause {
    let answer = facts.answer(task);
    let id = task_id(task.task_arn().unwrap_or_default());
    let said = answer.as_ref().map(|answer| format!(": {answer}")).unwrap_or_default();
    // The load balancer says nothing of a target that is healthy.
    let kind = if answer.is_some() { CauseKind::TargetUnhealthy } else { CauseKind::ContainerUnhealthy };
    let mut cause = Cause::of_deployment(kind, format!("task {} is not healthy{said}", short_id(id)));
    cause.tasks = 1;
    cause.task = Some(id.to_owned());
    cause.container = task.containers().first().and_then(Container::name).map(ToOwned::to_owned);
    cause.health_answer = answer;
    cause
}

/// The container that brought the task down: the first to have failed, else the first that ended at all.
fn culprit(task: &Task) -> Option<&Container> {
    let containers = task.containers();
    let failed =
        |container: &&Container| container.exit_code().is_some_and(|code| code != 0) || container.reason().is_some();
    containers
        .iter()
        .find(failed)
        .or_else(|| containers.iter().find(|container| container.exit_code().is_some()))
        .or(containers.first())
}

fn kind(task: &Task, culprit: Option<&Container>) -> CauseKind {
    let stopped = task.stopped_reason().unwrap_or_default();
    let reason = culprit.and_then(Container::reason).unwrap_or_default();
    let text = format!("{stopped} {reason}").to_ascii_lowercase();
    let says = |tokens: &[&str]| tokens.iter().any(|token| text.contains(token));
    if says(&["outofmemory"]) {
        return CauseKind::OutOfMemory;
    }
    if says(&["elb health checks"]) {
        return CauseKind::TargetUnhealthy;
    }
    if says(&["container health checks"]) {
        return CauseKind::ContainerUnhealthy;
    }
    if says(&["cannotpull"]) {
        return CauseKind::ImageNotPulled;
    }
    if says(&["secret", "parameterstore", "ssm"]) && says(&["resourceinitialization", "unable to"]) {
        return CauseKind::SecretMissing;
    }
    if says(&["resourceinitialization"]) {
        return CauseKind::NotInitialised;
    }
    if says(&["cannotstart", "cannotcreate", "task failed to start"]) {
        return match () {
            () if says(&["not found", "no such file"]) => CauseKind::CommandNotFound,
            () if says(&["permission denied", "exec format"]) => CauseKind::CommandNotExecutable,
            () if says(&["address already in use", "address in use"]) => CauseKind::PortInUse,
            () => CauseKind::NotStarted,
        };
    }
    match (task.stop_code(), culprit.and_then(Container::exit_code)) {
        (Some(TaskStopCode::UserInitiated), _) => CauseKind::StoppedByHand,
        (
            Some(TaskStopCode::SpotInterruption | TaskStopCode::TerminationNotice | TaskStopCode::InfrastructureHealth),
            _,
        ) => CauseKind::Infrastructure,
        (_, Some(EXIT_NOT_FOUND)) => CauseKind::CommandNotFound,
        (_, Some(EXIT_NOT_EXECUTABLE)) => CauseKind::CommandNotExecutable,
        (_, Some(_)) if run_time(task).is_none_or(|time| time < EARLY) => CauseKind::ExitedAtStart,
        (_, Some(_)) => CauseKind::Exited,
        (Some(TaskStopCode::TaskFailedToStart), None) => CauseKind::NotStarted,
        (_, None) => CauseKind::Unknown,
    }
}

fn run_time(task: &Task) -> Option<std::time::Duration> {
    let end = timestamp(task.execution_stopped_at()).or_else(|| timestamp(task.stopped_at()))?;
    between(timestamp(task.started_at())?, end)
}

fn sentence(kind: CauseKind, task: &Task, culprit: Option<&Container>, health_answer: Option<&str>) -> String {
    let id = short_id(task_id(task.task_arn().unwrap_or_default()));
    let container = culprit.and_then(Container::name).unwrap_or("?");
    let own_reason = culprit.and_then(Container::reason).or(task.stopped_reason()).map(readable);
    let reason = own_reason.unwrap_or_else(|| "no reason given".to_owned());
    match kind {
        CauseKind::ExitedAtStart | CauseKind::Exited => {
            let ending = culprit.and_then(Container::exit_code).map_or_else(|| reason.clone(), exit);
            let after = run_time(task).map(|time| format!(" after {:.1} s", time.as_secs_f64())).unwrap_or_default();
            format!("container {container} of task {id} {ending}{after}")
        }
        CauseKind::CommandNotFound => {
            format!("the command of container {container} was not found (task {id}: {reason})")
        }
        CauseKind::CommandNotExecutable => {
            format!("the command of container {container} cannot be executed (task {id}: {reason})")
        }
        CauseKind::TargetUnhealthy => {
            let answer = health_answer.map(|answer| format!(": {answer}")).unwrap_or_default();
            format!("task {id} failed the load balancer's health checks{answer}")
        }
        CauseKind::ContainerUnhealthy => format!("container {container} of task {id} failed its own health check"),
        CauseKind::OutOfMemory => {
            format!("container {container} of task {id} was killed: it used more memory than it may")
        }
        CauseKind::ImageNotPulled
        | CauseKind::SecretMissing
        | CauseKind::NotInitialised
        | CauseKind::NotStarted
        | CauseKind::PortInUse
        | CauseKind::Infrastructure
        | CauseKind::NotPlaced
        | CauseKind::NoContainerEngine
        | CauseKind::Deadlock
        | CauseKind::StoppedByHand
        | CauseKind::Superseded
        | CauseKind::NothingToRollBackTo
        | CauseKind::NotVerified
        | CauseKind::AlarmFired
        | CauseKind::Unknown => format!("task {id}: {reason}"),
    }
}

fn exit(code: i32) -> String {
    let signal = match code - EXIT_SIGNAL_BASE {
        6 => "SIGABRT",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        15 => "SIGTERM",
        _ => return format!("exited with code {code}"),
    };
    format!("was ended by {signal} (exit code {code})")
}

/// The answer that made ECS replace a task, from its service event: `… (task ID) … due to (reason ANSWER).`
fn health_answer(service: &Service, id: &str) -> Option<String> {
    let of_task = |message: &&str| message.contains("is unhealthy in") && message.contains(id);
    let any = |message: &&str| message.contains("is unhealthy in");
    let messages = || service.events().iter().filter_map(|event| event.message());
    let message = messages().find(of_task).or_else(|| messages().find(any))?;
    let answer = message.split_once("(reason ")?.1;
    Some(answer.trim_end_matches('.').trim_end_matches(')').to_owned())
}

#[cfg(test)]
mod tests;
