//! The `overrides` of RunTask: what one task has otherwise than its task definition. Roles and what only AWS's own machines have are
//! shown with the task and change nothing here.

use seatrial_engine::Refusal;
use seatrial_model::task_definition::{ContainerDefinition, LaunchSizes, TaskDefinition};
use serde::Deserialize;

/// The members that this engine acts on.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Overrides {
    #[serde(default)]
    container_overrides: Vec<ContainerOverride>,
    cpu: Option<String>,
    memory: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerOverride {
    name: Option<String>,
    command: Option<Vec<String>>,
    #[serde(default)]
    environment: Vec<Variable>,
    environment_files: Option<Vec<EnvironmentFile>>,
    cpu: Option<i64>,
    memory: Option<i64>,
    memory_reservation: Option<i64>,
}

#[derive(Deserialize)]
struct Variable {
    #[serde(default)]
    name: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
struct EnvironmentFile {
    #[serde(default)]
    value: String,
}

impl Overrides {
    /// Returns the definition a task is to have; none when it is the registered one.
    pub fn apply(
        &self,
        definition: &TaskDefinition,
        launch_type: Option<&str>,
    ) -> Result<Option<TaskDefinition>, Refusal> {
        if self.container_overrides.is_empty() && self.cpu.is_none() && self.memory.is_none() {
            return Ok(None);
        }
        let refuse =
            |error: seatrial_model::task_definition::InvalidTaskDefinition| Refusal::invalid(error.to_string());
        let mut definition = definition.clone();
        definition.resize(self.cpu.as_deref(), self.memory.as_deref()).map_err(refuse)?;
        for change in &self.container_overrides {
            let name = change.name.as_deref().unwrap_or_default();
            let found = definition.containers.iter_mut().find(|container| container.name.as_str() == name);
            let Some(container) = found else {
                let message = format!("Override for container named {name} is not a container in the TaskDefinition.");
                return Err(Refusal::invalid(message));
            };
            change.apply(container)?;
        }
        if self.changes_sizes() {
            let launch = if launch_type == Some("FARGATE") { LaunchSizes::Fargate } else { LaunchSizes::Any };
            definition.check_sizes(launch).map_err(refuse)?;
        }
        Ok(Some(definition))
    }

    fn changes_sizes(&self) -> bool {
        let of_container = |change: &ContainerOverride| {
            change.cpu.is_some() || change.memory.is_some() || change.memory_reservation.is_some()
        };
        self.cpu.is_some() || self.memory.is_some() || self.container_overrides.iter().any(of_container)
    }
}

impl ContainerOverride {
    fn apply(&self, container: &mut ContainerDefinition) -> Result<(), Refusal> {
        if let Some(command) = &self.command {
            container.command.clone_from(command);
        }
        for Variable { name, value } in &self.environment {
            container.environment.insert(name.clone(), value.clone());
        }
        if let Some(files) = &self.environment_files {
            container.environment_files = files.iter().map(|file| file.value.clone()).collect();
        }
        if let Some(cpu) = self.cpu {
            container.cpu = size("cpu", cpu, 0)?;
        }
        if let Some(memory) = self.memory {
            container.memory = Some(size("memory", memory, 4)?);
        }
        if let Some(reservation) = self.memory_reservation {
            container.memory_reservation = Some(size("memoryReservation", reservation, 4)?);
        }
        Ok(())
    }
}

fn size(member: &str, value: i64, least: u32) -> Result<u32, Refusal> {
    let size = u32::try_from(value).ok().filter(|size| *size >= least);
    size.ok_or_else(|| Refusal::invalid(format!("The override of {member} must be at least {least}, got {value}.")))
}
