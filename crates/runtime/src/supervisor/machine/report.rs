//! What the machine says about the task.

use seatrial_model::task_definition::HealthStatus;
use seatrial_ports::TaskReport;
use seatrial_ports::runtime::{ContainerReport, ContainerStatus, Usage};

use super::TaskMachine;
use super::container::{Container, Stage};

impl TaskMachine {
    /// Describes the whole task.
    pub fn report(&self, sequence: u64, usage: Option<Usage>) -> TaskReport {
        TaskReport {
            task: self.task.clone(),
            sequence,
            phase: self.phase,
            health: self.health(),
            containers: self.containers.iter().map(report_container).collect(),
            started_at: self.started_at,
            stopping_at: self.stopping_at,
            execution_stopped_at: self.execution_stopped_at,
            end: self.end.clone(),
            usage,
        }
    }

    /// The task's health is that of its essential containers with a check: the worst of them.
    fn health(&self) -> HealthStatus {
        let mut checked = self
            .containers
            .iter()
            .filter(|container| container.definition.essential)
            .filter_map(|container| container.health.as_ref().map(|health| health.status()));
        let Some(first) = checked.next() else { return HealthStatus::Unknown };
        checked.fold(first, worse)
    }
}

fn worse(one: HealthStatus, other: HealthStatus) -> HealthStatus {
    match (one, other) {
        (HealthStatus::Unhealthy, _) | (_, HealthStatus::Unhealthy) => HealthStatus::Unhealthy,
        (HealthStatus::Unknown, _) | (_, HealthStatus::Unknown) => HealthStatus::Unknown,
        (HealthStatus::Healthy, HealthStatus::Healthy) => HealthStatus::Healthy,
    }
}

fn report_container(container: &Container) -> ContainerReport {
    ContainerReport {
        name: container.definition.name.clone(),
        status: match container.stage {
            Stage::Pending | Stage::Starting => ContainerStatus::Pending,
            Stage::Running | Stage::Terminating { .. } | Stage::Killing => ContainerStatus::Running,
            Stage::Ended => ContainerStatus::Stopped,
        },
        health: container.health.as_ref().map_or(HealthStatus::Unknown, |health| health.status()),
        exit_code: container.exit_code,
        reason: container.reason.clone(),
        process_id: container.process,
        health_output: container.health.as_ref().and_then(|health| health.output()).map(str::to_owned),
        restart_count: container.restart_count,
    }
}
