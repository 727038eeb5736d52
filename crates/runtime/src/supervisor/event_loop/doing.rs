//! Passes what happened to the machine and does what it answers.

use std::collections::VecDeque;
use std::time::Instant;

use seatrial_model::task_definition::ContainerDefinition;

use super::super::check::RunningCheck;
use super::super::containers::Containers;
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
                // What waits for an image does not start any more, and what is about to start is not let.
                self.running.values_mut().for_each(Running::kill_unstarted);
                let waiting = self.containers.as_mut().map(Containers::give_up).unwrap_or_default();
                inputs.extend(self.images.give_up().into_iter().chain(waiting).map(|container| {
                    let refusal = Refusal::image_passing("the task stopped while its image was being brought");
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
            Action::Kill(container) => self.kill(container),
            Action::Sweep => {
                self.containers.as_mut().into_iter().for_each(Containers::dismiss);
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
        if self.containers.is_some() {
            return self.start_by_shim(container);
        }
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
        let failed = |error: std::io::Error| format!("could not run the check: {error}");
        let started = match (running.prepared(), &self.containers) {
            (Some(prepared), _) => {
                let command = prepared.check_command(&health_check.command, self.own, running.leader());
                let started = command.map_err(|refusal| refusal.reason);
                started.and_then(|command| RunningCheck::start(command).map_err(failed))
            }
            (None, Some(containers)) => {
                let name = &self.definition(container).name;
                let shim = containers.check(&self.launch, name, &health_check.command);
                shim.map(RunningCheck::by_shim).map_err(failed)
            }
            (None, None) => return None,
        };
        match started {
            Ok(check) => {
                self.checks.insert(container, check);
                None
            }
            Err(why) => Some(Input::CheckEnded { container, verdict: Verdict::Failed(why) }),
        }
    }

    fn terminate(&mut self, container: ContainerIndex) -> Option<Input> {
        self.running.get_mut(&container)?.terminate();
        None
    }

    fn kill(&mut self, container: ContainerIndex) -> Option<Input> {
        self.running.get_mut(&container)?.kill();
        None
    }
}
