//! Notices processes that have ended, and makes sure that none outlives its container or its task.

use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, WaitStatus};

use super::super::family::Family;
use super::super::machine::{ContainerIndex, Input};
use super::super::running::Ending;
use super::{EventLoop, now};
use crate::process_table;

/// How often the task's last processes are looked for again while they are being killed: some fork faster than they die.
pub(super) const SWEEP_INTERVAL: Duration = Duration::from_millis(10);

/// After this long a process that survives SIGKILL, as one waiting for a dead disk does, is left to the kernel.
pub(super) const SWEEP_LIMIT: Duration = Duration::from_secs(10);

impl EventLoop {
    /// Takes note of every process that has ended.
    pub(super) fn reap(&mut self) {
        let mut childless = false;
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((process, status))) => self.reaped(process, status),
                Ok(None) => break,
                Err(error) => {
                    childless = error == Errno::CHILD;
                    break;
                }
            }
        }
        self.sweep(childless);
    }

    fn reaped(&mut self, process: Pid, status: WaitStatus) {
        let mut running = self.running.iter_mut();
        if let Some((container, running)) =
            running.find(|(_, running)| running.is_running() && running.leader() == process)
        {
            let container = *container;
            let has_started = running.hear(Instant::now());
            let leader = process_table::number(process);
            if has_started {
                self.feed(Input::Started { container, process: leader });
            }
            self.ended(container, process, status);
            return;
        }
        let check = self.checks.iter().find(|(_, check)| check.leader() == process).map(|(container, _)| *container);
        if let Some((container, check)) = check.and_then(|container| self.checks.remove_entry(&container)) {
            self.feed(Input::CheckEnded { container, verdict: check.conclude(status) });
            return;
        }
        self.keeper_ended(process);
    }

    fn ended(&mut self, container: ContainerIndex, process: Pid, status: WaitStatus) {
        let Some(running) = self.running.get_mut(&container) else { return };
        let ending = running.end(now(), status, &mut self.buffer);
        match &mut self.containers {
            Some(containers) if running.was_deserted() => {
                containers.remove(&self.launch.definition.containers[container.0].name);
            }
            Some(_) => {}
            None => self.kill_strays(container, process),
        }
        self.feed(match ending {
            Ending::Exited(exit) => Input::Exited { container, exit },
            Ending::Refused(refusal) => Input::Refused { container, refusal },
        });
    }

    /// Kills what left the group of a container that has ended.
    fn kill_strays(&self, container: ContainerIndex, leader: Pid) {
        let family = Family::read();
        let mut leaders = self.leaders();
        leaders.insert(process_table::number(leader), container);
        for process in family.by_container(&leaders, &self.names()).remove(&container).into_iter().flatten() {
            process_table::kill(process);
        }
    }

    /// Kills whatever is left of the task, once the machine has asked for it, until nothing is.
    fn sweep(&mut self, childless: bool) {
        let Some(deadline) = self.sweep_deadline else { return };
        if !childless && Instant::now() < deadline {
            if self.containers.is_none() {
                Family::read().kill();
            }
            return;
        }
        if !childless {
            Family::read().kill();
            eprintln!("processes of the task survived SIGKILL for {} s and were left behind", SWEEP_LIMIT.as_secs());
        }
        self.sweep_deadline = None;
        for running in self.running.values_mut() {
            running.finish(now(), &mut self.buffer);
        }
        if let Some((cpu_time, memory)) = self.usage(&Family::read()) {
            self.publisher.note_usage(cpu_time, memory);
        }
        self.feed(Input::Swept);
    }
}
