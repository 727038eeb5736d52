//! What the embedded engine runs a task with. An engine extension that travels as a label of the containers; AWS keeps it and ignores it.

use super::parse::InvalidTaskDefinition;
use super::{ContainerDefinition, TaskDefinition};

/// The label of a container that says what its task is run with.
pub const RUNTIME_LABEL: &str = "seatrial.runtime";

/// What a task asks to be run with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RequestedRuntime {
    /// As processes, where every container has something to run: an image of the engine's registry, or a command. Else in containers.
    #[default]
    Auto,
    /// As processes of this machine.
    Process,
    /// By a container engine.
    Container,
}

impl RequestedRuntime {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "auto" => Some(RequestedRuntime::Auto),
            "process" => Some(RequestedRuntime::Process),
            "container" => Some(RequestedRuntime::Container),
            _ => None,
        }
    }

    /// Reads the label of those containers that have it; they must agree, for they share a network.
    pub(super) fn of(containers: &[ContainerDefinition]) -> Result<Self, InvalidTaskDefinition> {
        let mut requested = None;
        for container in containers {
            let Some(word) = container.labels.get(RUNTIME_LABEL) else { continue };
            let runtime = RequestedRuntime::parse(word).ok_or_else(|| {
                InvalidTaskDefinition::Rule(format!(
                    "Container.dockerLabels {RUNTIME_LABEL} must be one of auto, process, container, got '{word}'."
                ))
            })?;
            if *requested.get_or_insert(runtime) != runtime {
                return Err(InvalidTaskDefinition::Rule(format!(
                    "Container.dockerLabels {RUNTIME_LABEL} must be the same for all containers of a task."
                )));
            }
        }
        Ok(requested.unwrap_or_default())
    }
}

impl TaskDefinition {
    /// Returns what the task asks to be run with.
    pub fn requested_runtime(&self) -> RequestedRuntime {
        RequestedRuntime::of(&self.containers).unwrap_or_default()
    }
}
