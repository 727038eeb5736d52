//! What happens to a task whose supervisor is gone without a last word: nothing of it is left running, and it is said so.
//!
//! The kernel kills each container's first process with the supervisor. What those had started lives on, and is found by the mark in
//! its environment, or in the groups the supervisor wrote down, as far as a group's number still means what it did.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use seatrial_model::TaskId;
use seatrial_ports::TaskReport;
use seatrial_ports::runtime::{EndCause, TaskEnd};
use tokio::runtime::Handle;

use super::synthesis;
use crate::clock::wall_now;
use crate::container_engine::{ContainerPlace, remove_of_task};
use crate::directory::TaskDirectory;
use crate::files::{self, Durability};
use crate::process_table::{self, Process};
use crate::saved_state::{GroupMark, SavedState};
use crate::supervisor::TASK_VARIABLE;

/// How long the processes of a lost task are hunted: SIGKILL takes effect at once, except on a process in the kernel's hands.
const KILL_LIMIT: Duration = Duration::from_secs(5);

/// How often the process table is read meanwhile.
const KILL_INTERVAL: Duration = Duration::from_millis(10);

/// Whether this engine knew the supervisor alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Witness {
    /// Its groups existed a moment ago, so their numbers are still theirs.
    SawItLive,
    /// It was gone before: a number may have passed to somebody else.
    FoundGone,
}

/// All that is known of a lost task.
pub(super) struct Case {
    pub task: TaskId,
    pub directory: TaskDirectory,
    pub saved: Option<SavedState>,
    pub last_sequence: u64,
    pub exit: Option<ExitStatus>,
    pub witness: Witness,
}

/// Kills what is left of the task and describes its end. The caller holds the task's lock.
pub(super) fn declare(case: Case) -> TaskReport {
    let same_boot = case.saved.as_ref().is_none_or(|saved| saved.boot == process_table::boot());
    if same_boot {
        let groups = case.saved.as_ref().map_or(&[][..], |saved| &saved.groups);
        kill_all(&case.task, groups, case.witness);
    }
    remove_containers(&case.directory, &case.task);
    let reason = match (same_boot, case.exit) {
        (false, _) => "Task lost: the machine was restarted".to_owned(),
        (true, Some(status)) => format!("Task lost: its supervisor ended ({status})"),
        (true, None) => "Task lost: its supervisor is gone".to_owned(),
    };
    let now = wall_now();
    let boot = case.saved.as_ref().map(|saved| saved.boot.clone()).unwrap_or_default();
    let report = match case.saved {
        Some(saved) => synthesis::lost(saved, case.last_sequence, now, reason),
        None => synthesis::never_ran(&case.task, None, now, Some(TaskEnd { cause: EndCause::Lost, reason })),
    };
    let state = SavedState { report: report.clone(), groups: Vec::new(), boot };
    if let Err(error) = state.write(&case.directory, Durability::Machine) {
        tracing::warn!(task = %case.task, %error, "could not save the end of a lost task");
    }
    report
}

/// How long the removal of containers is waited for.
const REMOVAL_WAIT: Duration = Duration::from_secs(5);

/// Removes what a container engine has of the task. One that is gone is asked again when it is back.
///
/// Must be called on a thread of the executor that may wait.
pub(super) fn remove_containers(directory: &TaskDirectory, task: &TaskId) {
    let Ok(Some(place)) = files::read_json::<ContainerPlace>(&directory.containers_file()) else { return };
    let of = task.clone();
    let removal = Handle::current().spawn(async move {
        if let Err(error) = remove_of_task(&place, &of).await {
            tracing::warn!(task = %of, %error, "containers of a task may be left behind");
        }
    });
    // It goes on when it takes longer: an engine that does not answer keeps a thread from other tasks.
    let waited = async { tokio::time::timeout(REMOVAL_WAIT, removal).await };
    let _ = Handle::current().block_on(waited);
}

fn kill_all(task: &TaskId, groups: &[GroupMark], witness: Witness) {
    let deadline = Instant::now() + KILL_LIMIT;
    loop {
        let table = process_table::read_all();
        let left: Vec<&Process> = table
            .iter()
            .filter(|process| !process.zombie)
            .filter(|process| is_in_group(process, groups, witness, &table) || is_marked(process, task))
            .collect();
        if left.is_empty() {
            return;
        }
        if Instant::now() >= deadline {
            tracing::warn!(%task, count = left.len(), "processes of a lost task survive SIGKILL");
            return;
        }
        for process in left {
            process_table::kill(process);
        }
        std::thread::sleep(KILL_INTERVAL);
    }
}

fn is_marked(process: &Process, task: &TaskId) -> bool {
    process_table::has_variable(process.id, TASK_VARIABLE, task.as_str())
}

/// A group is recognised by its leader. When that is gone, its number is only trusted if it was seen in use a moment ago.
fn is_in_group(process: &Process, groups: &[GroupMark], witness: Witness, table: &[Process]) -> bool {
    let Some(mark) = groups.iter().find(|mark| mark.leader == process.group) else { return false };
    match table.iter().find(|leader| leader.id == mark.leader) {
        Some(leader) => leader.started == mark.started,
        None => witness == Witness::SawItLive && process.started >= mark.started,
    }
}

#[cfg(test)]
mod tests {
    use seatrial_model::ContainerName;

    use super::*;

    fn process(id: u32, group: u32, started: u64) -> Process {
        Process { id, parent: 1, group, started, ticks: 0, children_ticks: 0, resident: 0, zombie: false }
    }

    fn mark() -> Vec<GroupMark> {
        vec![GroupMark { container: ContainerName::parse("app").expect("a name"), leader: 100, started: 5000 }]
    }

    #[test]
    fn a_group_whose_leader_started_at_another_time_belongs_to_somebody_else() {
        for (leader_started, expected) in [(5000, true), (9000, false)] {
            let table = [process(100, 100, leader_started), process(101, 100, 9500)];
            for member in &table {
                assert_eq!(is_in_group(member, &mark(), Witness::SawItLive, &table), expected);
                assert_eq!(is_in_group(member, &mark(), Witness::FoundGone, &table), expected);
            }
        }
    }

    #[test]
    fn a_group_without_leader_is_trusted_only_by_who_saw_it_live() {
        let table = [process(101, 100, 6000), process(102, 100, 4000), process(103, 99, 6000)];
        let trusted = |witness| -> Vec<bool> {
            table.iter().map(|member| is_in_group(member, &mark(), witness, &table)).collect()
        };
        assert_eq!(trusted(Witness::SawItLive), [true, false, false]);
        assert_eq!(trusted(Witness::FoundGone), [false, false, false]);
    }
}
