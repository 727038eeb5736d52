//! Memory limits without control groups: looks at what the task's processes use and says which container is over its limit.
//!
//! A look costs little because it counts resident pages, shared ones once for each process. Only when that sum is over a limit the
//! exact, costly reading decides, so that a server that forks workers is not killed for pages they share.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use seatrial_model::task_definition::TaskDefinition;

use super::machine::ContainerIndex;
use crate::process_table::{Process, proportional_memory};

/// How often a task with limits is looked at: a container can pass its limit by what it allocates in this time.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

const MEBIBYTE: u64 = 1 << 20;

/// The limits of one task.
#[derive(Debug)]
pub(super) struct MemoryWatch {
    containers: BTreeMap<ContainerIndex, u64>,
    task: Option<u64>,
    next_look: Instant,
}

impl MemoryWatch {
    pub fn new(definition: &TaskDefinition, now: Instant) -> Self {
        let limits = definition.containers.iter().enumerate();
        let containers = limits
            .filter_map(|(index, container)| Some((ContainerIndex(index), u64::from(container.memory?) * MEBIBYTE)))
            .collect();
        let task = definition.memory.map(|memory| u64::from(memory) * MEBIBYTE);
        MemoryWatch { containers, task, next_look: now }
    }

    /// Watches nothing: somebody else does.
    pub fn without_limits(now: Instant) -> Self {
        MemoryWatch { containers: BTreeMap::new(), task: None, next_look: now }
    }

    /// When the next look is due; never when there are no limits.
    pub fn wake_at(&self) -> Option<Instant> {
        (self.task.is_some() || !self.containers.is_empty()).then_some(self.next_look)
    }

    /// Tells whether a look is due, and plans the one after it.
    pub fn is_due(&mut self, now: Instant) -> bool {
        let due = self.wake_at().is_some_and(|at| now >= at);
        if due {
            self.next_look = now + LOOK_INTERVAL;
        }
        due
    }

    /// Returns the containers to kill, given the processes of each.
    pub fn offenders(&self, processes: &BTreeMap<ContainerIndex, Vec<&Process>>) -> Vec<ContainerIndex> {
        let over = self
            .containers
            .iter()
            .filter(|(container, limit)| processes.get(container).is_some_and(|processes| is_over(processes, **limit)));
        let offenders: Vec<ContainerIndex> = over.map(|(container, _)| *container).collect();
        if !offenders.is_empty() {
            return offenders;
        }
        let all: Vec<&Process> = processes.values().flatten().copied().collect();
        match self.task {
            Some(limit) if is_over(&all, limit) => largest(processes).into_iter().collect(),
            Some(_) | None => Vec::new(),
        }
    }
}

fn is_over(processes: &[&Process], limit: u64) -> bool {
    let resident: u64 = processes.iter().map(|process| process.resident).sum();
    resident > limit && exact(processes) > limit
}

fn exact(processes: &[&Process]) -> u64 {
    processes.iter().map(|process| proportional_memory(process)).sum()
}

fn largest(processes: &BTreeMap<ContainerIndex, Vec<&Process>>) -> Option<ContainerIndex> {
    processes.iter().max_by_key(|(_, processes)| exact(processes)).map(|(container, _)| *container)
}
