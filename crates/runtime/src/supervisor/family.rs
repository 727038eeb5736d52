//! The processes of a task and which container each belongs to.
//!
//! The supervisor is the parent of every process whose own parent has ended, so its descendants are the task's processes: all of
//! them, whatever sessions and groups they made for themselves.

use std::collections::BTreeMap;
use std::time::Duration;

use super::environment::CONTAINER_VARIABLE;
use super::machine::ContainerIndex;
use crate::process_table::{self, Process};

/// The descendants of the supervisor at one moment.
#[derive(Debug)]
pub(super) struct Family {
    own: u32,
    processes: Vec<Process>,
}

impl Family {
    pub fn read() -> Self {
        let own = std::process::id();
        Family { own, processes: process_table::descendants(own) }
    }

    /// Sorts the processes by container. `leaders` names the first process of each container and of its check; `names` all containers.
    /// A process that cannot be placed is left out.
    pub fn by_container(
        &self,
        leaders: &BTreeMap<u32, ContainerIndex>,
        names: &BTreeMap<&str, ContainerIndex>,
    ) -> BTreeMap<ContainerIndex, Vec<&Process>> {
        let mut owners: BTreeMap<u32, ContainerIndex> = BTreeMap::new();
        let mut sorted: BTreeMap<ContainerIndex, Vec<&Process>> = BTreeMap::new();
        // Parents come before their children.
        for process in &self.processes {
            let own_name = leaders.get(&process.id).or_else(|| leaders.get(&process.group));
            let owner = own_name.or_else(|| owners.get(&process.parent)).copied().or_else(|| named(process, names));
            if let Some(owner) = owner {
                owners.insert(process.id, owner);
                sorted.entry(owner).or_default().push(process);
            }
        }
        sorted
    }

    /// Kills every process.
    pub fn kill(&self) {
        for process in self.processes.iter().filter(|process| !process.zombie) {
            process_table::kill(process);
        }
    }

    /// Returns the processor time of the task: of those that live, and of those that have ended, which the supervisor has waited for.
    pub fn processor_time(&self) -> Duration {
        let ended = process_table::read(self.own).map_or(0, |own| own.children_ticks);
        let living: u64 = self.processes.iter().map(|process| process.ticks + process.children_ticks).sum();
        process_table::ticks_to_time(ended + living)
    }

    /// Returns the resident memory of the task in bytes, shared pages once for each process.
    pub fn memory(&self) -> u64 {
        self.processes.iter().map(|process| process.resident).sum()
    }
}

fn named(process: &Process, names: &BTreeMap<&str, ContainerIndex>) -> Option<ContainerIndex> {
    let mut names = names.iter();
    names.find(|(name, _)| process_table::has_variable(process.id, CONTAINER_VARIABLE, name)).map(|(_, index)| *index)
}
