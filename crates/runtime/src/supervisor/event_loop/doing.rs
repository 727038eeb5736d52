//! Passes what happened to the machine and does what it answers.

use std::collections::VecDeque;
use std::time::Instant;

use rustix::process::Signal;
use seatrial_model::task_definition::ContainerDefinition;

use super::super::check::RunningCheck;
use super::super::machine::{Action, ContainerIndex, Input, Refusal, Verdict};
use super::super::prepared::Prepared;
use super::super::running::Running;
use super::super::unpacking::Source;
use super::ends::SWEEP_LIMIT;
use super::{EventLoop, now};
use crate::log::LogWriter;
use crate::process_table;

impl EventLoop {
    /// Tells the machine what happened and does what it wants, until it wants no more.
    pub(super) fn feed(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let actions = self.machine.handle(now(), input);
            self.publish();
            for action in actions {
                inputs.extend(self.perform(action));
            }
            if self.machine.is_stopping() {
                // What waits for an image does not start any more.
                inputs.extend(self.images.give_up().into_iter().map(|container| {
                    let refusal = Refusal::image_passing("the task stopped while the image was being unpacked");
                    Input::Refused { container, refusal }
                }));
            }
        }
    }

    fn publish(&mut self) {
        let groups = self.running.values().filter_map(Running::mark).collect();
        self.publisher.publish(&mut self.server, groups, |sequence, usage| self.machine.report(sequence, usage));
    }

    fn perform(&mut self, action: Action) -> Option<Input> {
        match action {
            Action::Start(container) => self.start(container),
            Action::Check(container) => self.check(container),
            Action::AbandonCheck(container) => {
                if let Some(check) = self.checks.remove(&container) {
                    check.kill();
                }
                None
            }
            Action::Terminate(container) => self.terminate(container),
            Action::Kill(container) => self.signal(container, Signal::KILL),
            Action::Sweep => {
                self.sweep_deadline = Some(Instant::now() + SWEEP_LIMIT);
                None
            }
        }
    }

    fn definition(&self, container: ContainerIndex) -> &ContainerDefinition {
        &self.launch.definition.containers[container.0]
    }

    /// Starts a container; none while its image is being unpacked.
    pub(super) fn start(&mut self, container: ContainerIndex) -> Option<Input> {
        let source = self.images.want(container)?;
        // That of a container which is restarted: what it last wrote comes before what it writes next.
        if let Some(mut former) = self.running.remove(&container) {
            former.finish(now(), &mut self.buffer);
        }
        Some(match source.and_then(|source| self.try_start(container, &source)) {
            Ok(running) => {
                let process = process_table::number(running.leader());
                self.running.insert(container, running);
                Input::Started { container, process }
            }
            Err(refusal) => Input::Refused { container, refusal },
        })
    }

    fn try_start(&self, container: ContainerIndex, source: &Source) -> Result<Running, Refusal> {
        let definition = self.definition(container);
        let prepared = Prepared::new(&self.launch, definition, &self.directory, source)?;
        let log = LogWriter::new(self.directory.logs(&definition.name));
        Running::start(&definition.name, prepared, log, self.own, Instant::now())
    }

    fn check(&mut self, container: ContainerIndex) -> Option<Input> {
        let health_check = self.definition(container).health_check.as_ref()?;
        let running = self.running.get(&container)?;
        let command = running.prepared().check_command(&health_check.command, self.own, running.leader());
        let started = match command {
            Ok(command) => RunningCheck::start(command).map_err(|error| format!("could not run the check: {error}")),
            Err(refusal) => Err(refusal.reason),
        };
        match started {
            Ok(check) => {
                self.checks.insert(container, check);
                None
            }
            Err(why) => Some(Input::CheckEnded { container, verdict: Verdict::Failed(why) }),
        }
    }

    fn terminate(&self, container: ContainerIndex) -> Option<Input> {
        let running = self.running.get(&container)?;
        running.signal(running.prepared().stop_signal());
        None
    }

    fn signal(&self, container: ContainerIndex, signal: Signal) -> Option<Input> {
        if let Some(running) = self.running.get(&container) {
            running.signal(signal);
        }
        None
    }
}
