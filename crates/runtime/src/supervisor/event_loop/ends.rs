//! Notices processes that have ended, and makes sure that none outlives its container or its task.

use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, WaitStatus};

use super::super::family::Family;
use super::super::machine::{ContainerIndex, Input};
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
            let exit = running.end(now(), status, &mut self.buffer);
            self.kill_strays(container, process);
            self.feed(Input::Exited { container, exit });
            return;
        }
        let check = self.checks.iter().find(|(_, check)| check.leader() == process).map(|(container, _)| *container);
        if let Some((container, check)) = check.and_then(|container| self.checks.remove_entry(&container)) {
            self.feed(Input::CheckEnded { container, verdict: check.conclude(status) });
        }
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
            Family::read().kill();
            return;
        }
        if !childless {
            eprintln!("processes of the task survived SIGKILL for {} s and were left behind", SWEEP_LIMIT.as_secs());
        }
        self.sweep_deadline = None;
        for running in self.running.values_mut() {
            running.finish(now(), &mut self.buffer);
        }
        let family = Family::read();
        self.publisher.note_usage(family.processor_time(), family.memory());
        self.feed(Input::Swept);
    }
}
