//! What the shims of a task in containers have to say.

use std::time::Instant;

use rustix::process::Pid;

use super::super::machine::{ContainerIndex, Input};
use super::super::running::Running;
use super::EventLoop;
use super::now;
use crate::log::LogWriter;
use crate::process_table;

impl EventLoop {
    pub(super) fn hear_keeper(&mut self) {
        let definitions = &self.launch.definition.containers;
        let index_of = |name: &_| definitions.iter().position(|container| container.name == *name).map(ContainerIndex);
        let settled = self.containers.as_mut().map(|containers| containers.hear(index_of)).unwrap_or_default();
        for container in settled {
            if let Some(refused) = self.start(container) {
                self.feed(refused);
            }
        }
    }

    pub(super) fn hear_shim(&mut self, container: ContainerIndex) {
        let Some(running) = self.running.get_mut(&container) else { return };
        if running.hear(Instant::now()) {
            let process = process_table::number(running.leader());
            self.feed(Input::Started { container, process });
        }
    }

    /// Starts the shim of a container, which says later that the container has started; at once it says only that it cannot.
    pub(super) fn start_by_shim(&mut self, container: ContainerIndex) -> Option<Input> {
        let containers = self.containers.as_mut()?;
        let definition = &self.launch.definition.containers[container.0];
        let image = containers.want(container, &definition.name)?;
        if let Some(mut former) = self.running.remove(&container) {
            former.finish(now(), &mut self.buffer);
        }
        match image.and_then(|image| containers.start(&self.launch, definition, &image)) {
            Ok(shim) => {
                let log = LogWriter::new(self.directory.logs(&definition.name));
                self.running.insert(container, Running::by_shim(&definition.name, shim, log, Instant::now()));
                None
            }
            Err(refusal) => Some(Input::Refused { container, refusal }),
        }
    }

    /// Takes note of the end of a child that is neither container nor check.
    pub(super) fn keeper_ended(&mut self, process: Pid) {
        let stranded = self.containers.as_mut().map(|containers| containers.keeper_ended(process)).unwrap_or_default();
        for container in stranded {
            if let Some(refused) = self.start(container) {
                self.feed(refused);
            }
        }
    }
}
