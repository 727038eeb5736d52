//! `dependsOn`: when a container may start, and when it must not stop yet.

use std::time::Instant;

use seatrial_model::task_definition::{Dependency, DependencyCondition, HealthStatus};

use super::TaskMachine;
use super::container::{Container, Stage};

/// Whether a container may start.
pub(super) enum Readiness {
    Ready,
    Waiting,
    /// A condition can no longer be met; why, for the container's `reason`.
    Never(String),
}

/// Whether one condition is met.
enum Condition {
    Met,
    Open,
    Never(String),
}

impl TaskMachine {
    pub(super) fn readiness(&self, container: &Container, now: Instant) -> Readiness {
        let mut readiness = Readiness::Ready;
        for dependency in &container.definition.depends_on {
            let Some(other) = self.find(dependency) else {
                return Readiness::Never(format!("container {} does not exist", dependency.container));
            };
            match condition(other, dependency.condition) {
                Condition::Met => {}
                Condition::Never(why) => return Readiness::Never(why),
                Condition::Open => match start_deadline(other) {
                    Some(deadline) if now >= deadline => {
                        return Readiness::Never(timed_out(other, dependency.condition));
                    }
                    Some(_) | None => readiness = Readiness::Waiting,
                },
            }
        }
        readiness
    }

    /// Tells whether a running container depends on this one: then that one stops first.
    pub(super) fn is_needed(&self, container: &Container) -> bool {
        let depends = |other: &&Container| {
            other.definition.depends_on.iter().any(|dependency| dependency.container == container.definition.name)
        };
        self.containers.iter().filter(depends).any(|other| other.stage != Stage::Ended)
    }

    /// The instants at which containers that others wait for run out of time.
    pub(super) fn dependency_deadlines(&self) -> impl Iterator<Item = Instant> {
        let pending = self.containers.iter().filter(|container| container.stage == Stage::Pending);
        let dependencies = pending.flat_map(|container| &container.definition.depends_on);
        dependencies.filter_map(|dependency| {
            let other = self.find(dependency)?;
            match condition(other, dependency.condition) {
                Condition::Open => start_deadline(other),
                Condition::Met | Condition::Never(_) => None,
            }
        })
    }

    fn find(&self, dependency: &Dependency) -> Option<&Container> {
        self.containers.iter().find(|container| container.definition.name == dependency.container)
    }
}

fn condition(other: &Container, wanted: DependencyCondition) -> Condition {
    let name = &other.definition.name;
    if other.stage == Stage::Ended && other.exit_code.is_none() {
        return Condition::Never(format!("container {name} was not started"));
    }
    match (wanted, other.exit_code) {
        (DependencyCondition::Start, _) if other.started.is_some() => Condition::Met,
        (DependencyCondition::Complete, Some(_)) | (DependencyCondition::Success, Some(0)) => Condition::Met,
        (DependencyCondition::Success, Some(code)) => {
            Condition::Never(format!("container {name} was to end successfully and exited with code {code}"))
        }
        (DependencyCondition::Healthy, _) => healthy(other),
        (DependencyCondition::Start | DependencyCondition::Complete | DependencyCondition::Success, _) => {
            Condition::Open
        }
    }
}

/// A start timeout gives an UNHEALTHY container its time to recover; without one, its retries were all the patience there is.
fn healthy(other: &Container) -> Condition {
    let name = &other.definition.name;
    let status = other.health.as_ref().map_or(HealthStatus::Unknown, |health| health.status());
    match status {
        HealthStatus::Healthy => Condition::Met,
        HealthStatus::Unknown | HealthStatus::Unhealthy if other.exit_code.is_some() => {
            Condition::Never(format!("container {name} ended before it was HEALTHY"))
        }
        HealthStatus::Unhealthy if other.definition.start_timeout.is_none() => {
            Condition::Never(format!("container {name} is UNHEALTHY"))
        }
        HealthStatus::Unknown | HealthStatus::Unhealthy => Condition::Open,
    }
}

/// The `startTimeout` of a container counts from its own start, and limits those who wait for it.
fn start_deadline(other: &Container) -> Option<Instant> {
    Some(other.started? + other.definition.start_timeout?)
}

fn timed_out(other: &Container, wanted: DependencyCondition) -> String {
    let name = &other.definition.name;
    let condition = match wanted {
        DependencyCondition::Start => "START",
        DependencyCondition::Complete => "COMPLETE",
        DependencyCondition::Success => "SUCCESS",
        DependencyCondition::Healthy => "HEALTHY",
    };
    let limit = other.definition.start_timeout.unwrap_or_default().as_secs();
    format!("DependencyTimedOutError: container {name} did not reach {condition} within its startTimeout of {limit} s")
}
