//! What is looked at from time to time: memory, usage, and whether the task's files are still there.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::super::family::Family;
use super::super::machine::{ContainerIndex, Input};
use super::EventLoop;
use crate::process_table;

/// How often the supervisor looks whether its files are still there. A task whose directory somebody deleted could not be found, let
/// alone stopped, by any engine.
pub(super) const FILES_LOOK_INTERVAL: Duration = Duration::from_secs(5);

impl EventLoop {
    /// Ends rests that are over, enforces memory limits and tells usage, each when it is due.
    pub(super) fn keep_watch(&mut self) {
        let instant = Instant::now();
        for running in self.running.values_mut() {
            running.resume(instant);
        }
        self.look_for_files(instant);
        let usage_due = self.server.has_connections() && instant >= self.publisher.usage_due_at();
        let memory_due = self.memory.is_due(instant);
        if !usage_due && !memory_due {
            return;
        }
        let family = Family::read();
        if memory_due {
            let offenders = self.memory.offenders(&family.by_container(&self.leaders(), &self.names()));
            for container in offenders {
                if let Some(running) = self.running.get_mut(&container).filter(|running| running.is_running()) {
                    running.kill_for_memory();
                }
            }
        }
        if usage_due {
            match self.usage(&family) {
                Some((cpu_time, memory)) => {
                    self.publisher.publish_usage(instant, &mut self.server, cpu_time, memory);
                }
                None => self.publisher.pass_usage(instant),
            }
        }
    }

    /// Returns what the task uses; none as long as that is not known.
    pub(super) fn usage(&self, family: &Family) -> Option<(Duration, u64)> {
        match &self.containers {
            Some(containers) => containers.usage(),
            None => Some((family.processor_time(), family.memory())),
        }
    }

    fn look_for_files(&mut self, instant: Instant) {
        if instant >= self.next_files_look {
            self.next_files_look = instant + FILES_LOOK_INTERVAL;
            if matches!(self.directory.launch_file().try_exists(), Ok(false)) {
                eprintln!("the directory of the task was removed; the task stops");
                self.feed(Input::StopOrdered);
            }
        }
    }

    /// Returns the first processes of running containers and checks.
    pub(super) fn leaders(&self) -> BTreeMap<u32, ContainerIndex> {
        let running = self.running.iter().filter(|(_, running)| running.is_running());
        let containers = running.map(|(container, running)| (running.leader(), *container));
        let checks = self.checks.iter().map(|(container, check)| (check.leader(), *container));
        containers.chain(checks).map(|(leader, index)| (process_table::number(leader), index)).collect()
    }

    pub(super) fn names(&self) -> BTreeMap<&str, ContainerIndex> {
        let containers = self.launch.definition.containers.iter().enumerate();
        containers.map(|(index, container)| (container.name.as_str(), ContainerIndex(index))).collect()
    }
}
