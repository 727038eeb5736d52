//! Reads processes from `/proc`: who descends from whom, what they use, whether a number still means the same process.
//!
//! Everything here is a look at a moving target. A process may end between two reads; it is then left out. Where there is no `/proc`
//! the table is empty, and what is built on it (memory limits, usage, finding strays) does nothing.

use std::fs;
use std::time::Duration;

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Pid, Signal};

/// One line of the process table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub id: u32,
    pub parent: u32,
    pub group: u32,
    /// When it started, in clock ticks since the machine did: together with `id`, an identity.
    pub started: u64,
    /// Processor time of the process itself, in clock ticks.
    pub ticks: u64,
    /// Processor time of children it has waited for, in clock ticks.
    pub children_ticks: u64,
    /// Resident memory in bytes, pages shared with others included.
    pub resident: u64,
    /// It has ended and waits for its parent to ask.
    pub zombie: bool,
}

/// Reads one process; none when it does not exist.
pub(crate) fn read(id: u32) -> Option<Process> {
    parse_stat(id, &fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
}

/// Reads every process of the machine, by id.
pub(crate) fn read_all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter_map(read).collect()
}

/// Reads all descendants of a process, parents before children; the process itself is not among them.
pub(crate) fn descendants(ancestor: u32) -> Vec<Process> {
    let mut found: Vec<Process> = Vec::new();
    let mut next = children(ancestor);
    while !next.is_empty() {
        let generation: Vec<Process> = next.into_iter().filter_map(read).collect();
        next = generation.iter().flat_map(|process| children(process.id)).collect();
        found.extend(generation);
    }
    found
}

/// Returns the memory of a process that is its own to answer for: anonymous and shared-memory pages, each divided by the number of
/// processes that share it. Costs much more than [`Process::resident`], which counts shared pages once per process.
pub(crate) fn proportional_memory(process: &Process) -> u64 {
    let Ok(rollup) = fs::read_to_string(format!("/proc/{}/smaps_rollup", process.id)) else { return process.resident };
    let kilobytes = |name: &str| -> Option<u64> {
        let line = rollup.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    };
    match (kilobytes("Pss_Anon:"), kilobytes("Pss_Shmem:")) {
        (Some(anonymous), Some(shared)) => (anonymous + shared) * 1024,
        (None, _) | (_, None) => process.resident,
    }
}

/// Tells whether a process was started with a variable of this value.
pub(crate) fn has_variable(id: u32, name: &str, value: &str) -> bool {
    let Ok(environment) = fs::read(format!("/proc/{id}/environ")) else { return false };
    let wanted = format!("{name}={value}");
    environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
}

/// Returns the identity of the machine's current boot, empty where there is none.
pub(crate) fn boot() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    boot.trim().to_owned()
}

/// Kills a process. One that has ended meanwhile needs no signal.
pub(crate) fn kill(process: &Process) {
    if let Some(id) = i32::try_from(process.id).ok().and_then(Pid::from_raw) {
        let _ = rustix::process::kill_process(id, Signal::KILL);
    }
}

/// Returns a process id as the table has it.
pub(crate) fn number(id: Pid) -> u32 {
    id.as_raw_nonzero().get().unsigned_abs()
}

pub(crate) fn ticks_to_time(ticks: u64) -> Duration {
    Duration::from_millis(ticks.saturating_mul(1000) / clock_ticks_per_second().max(1))
}

fn children(parent: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{parent}/task")) else { return Vec::new() };
    let mut found = Vec::new();
    for thread in threads.flatten() {
        match fs::read_to_string(thread.path().join("children")) {
            Ok(list) => found.extend(list.split_ascii_whitespace().filter_map(|id| id.parse::<u32>().ok())),
            // The kernel was built without these lists, or the thread has just ended.
            Err(_) => {
                return read_all().into_iter().filter(|child| child.parent == parent).map(|child| child.id).collect();
            }
        }
    }
    found
}

/// Parses `/proc/<id>/stat`. The second field is the program's name in parentheses and may hold anything, parentheses included.
fn parse_stat(id: u32, stat: &str) -> Option<Process> {
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    // `fields[0]` is the third field of the manual page proc_pid_stat(5).
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Process {
        id,
        parent: number(4)? as u32,
        group: number(5)? as u32,
        started: number(22)?,
        ticks: number(14)? + number(15)?,
        children_ticks: number(16)? + number(17)?,
        resident: number(24)? * page_size() as u64,
        zombie: matches!(*fields.first()?, "Z" | "X"),
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let stat = "17 (a) b (c) S 5 17 17 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 777 9000 25 18446744073709551615";
        let process = parse_stat(17, stat).expect("a line of the table");
        assert_eq!((process.parent, process.group, process.started), (5, 17, 777));
        assert_eq!((process.ticks, process.children_ticks), (30, 70));
        assert_eq!(process.resident, 25 * page_size() as u64);
        assert!(!process.zombie);
    }

    #[test]
    fn the_own_process_is_found_with_its_children() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("sleep starts");
        let own = std::process::id();
        assert!(read(own).expect("this process").resident > 0);
        let found = descendants(own).into_iter().find(|process| process.id == child.id());
        child.kill().expect("it is killed");
        child.wait().expect("it is reaped");
        assert_eq!(found.expect("the child is found").parent, own);
        assert!(read(child.id()).is_none());
    }

    #[test]
    fn memory_shared_between_processes_is_not_counted_twice() {
        let own = read(std::process::id()).expect("this process");
        let proportional = proportional_memory(&own);
        assert!(proportional > 0 && proportional <= own.resident, "{proportional} of {}", own.resident);
    }
}
