//! The process groups of running commands, each killed as a whole: when its command has ended or is over its time, or all at once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, RawPid, Signal, kill_process_group};

/// The groups that are running.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProcessGroups(Arc<Mutex<Running>>);

#[derive(Debug, Default)]
struct Running {
    /// Their leaders. None of them has been reaped, so its number belongs to nobody else.
    leaders: BTreeSet<RawPid>,
    is_closed: bool,
}

impl ProcessGroups {
    /// Takes over the group of a command that was just started. After [`ProcessGroups::close`] it is killed at once.
    pub fn add(&self, leader: Pid) -> ProcessGroup {
        let group = ProcessGroup { leader, groups: self.clone() };
        let mut running = self.running();
        running.leaders.insert(leader.as_raw_pid());
        if running.is_closed {
            kill(leader);
        }
        group
    }

    /// Kills all groups, and whatever is still added.
    pub fn close(&self) {
        let mut running = self.running();
        running.is_closed = true;
        running.leaders.iter().filter_map(|leader| Pid::from_raw(*leader)).for_each(kill);
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running group. Dropped, it is killed: what a command leaves behind ends with it. Must be dropped before its leader is reaped.
#[derive(Debug)]
pub(crate) struct ProcessGroup {
    leader: Pid,
    groups: ProcessGroups,
}

impl ProcessGroup {
    pub fn leader(&self) -> Pid {
        self.leader
    }

    /// Kills what still runs of the group.
    pub fn kill(&self) {
        kill(self.leader);
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        let mut running = self.groups.running();
        kill(self.leader);
        running.leaders.remove(&self.leader.as_raw_pid());
    }
}

/// A group that has ended meanwhile needs no signal.
fn kill(leader: Pid) {
    let _ = kill_process_group(leader, Signal::KILL);
}
