//! `state.json`: the last report of a task, and the processes that must not outlive its supervisor.

use std::io;

use seatrial_model::ContainerName;
use seatrial_ports::TaskReport;
use seatrial_ports::runtime::TaskPhase;
use serde::{Deserialize, Serialize};

use crate::directory::TaskDirectory;
use crate::files::{self, Durability};

/// What a supervisor leaves behind at every change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SavedState {
    pub report: TaskReport,
    /// The process groups of running containers.
    #[serde(default)]
    pub groups: Vec<GroupMark>,
    /// The boot of the machine in which the groups exist; process ids of another boot mean nothing.
    #[serde(default)]
    pub boot: String,
}

/// A process group, recognisable when its number has been given to somebody else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct GroupMark {
    pub container: ContainerName,
    /// The process id of the container's first process, which is the number of its group.
    pub leader: u32,
    /// When the leader started, in clock ticks since the machine did.
    pub started: u64,
}

impl SavedState {
    /// Reads a task's state; none when no supervisor has ever had the task.
    pub fn read(directory: &TaskDirectory) -> io::Result<Option<Self>> {
        files::read_json(&directory.state_file())
    }

    /// Replaces a task's state. Only the holder of the task's lock may.
    pub fn write(&self, directory: &TaskDirectory, durability: Durability) -> io::Result<()> {
        files::write_json(&directory.state_file(), self, durability)
    }

    pub fn is_stopped(&self) -> bool {
        self.report.phase == TaskPhase::Stopped
    }
}
