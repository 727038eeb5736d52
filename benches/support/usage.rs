//! What the kernel knows of processes: the CPU time they used and the memory they hold.

use std::collections::BTreeMap;
use std::time::Duration;

/// Memory a process holds, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// All of its pages that are in memory.
    pub resident: u64,
    /// The same, each page divided among the processes that share it.
    pub proportional: u64,
    /// What it alone holds and wrote to; what one more process like it costs.
    pub private_dirty: u64,
}

/// Returns the memory of a process, or none when it has gone.
pub fn memory(process: u32) -> Option<Memory> {
    let text = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    let sizes: BTreeMap<&str, u64> = text
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.split_once(':')?;
            Some((name, rest.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024))
        })
        .collect();
    Some(Memory {
        resident: *sizes.get("Rss")?,
        proportional: *sizes.get("Pss")?,
        private_dirty: *sizes.get("Private_Dirty")?,
    })
}

/// Returns the CPU time a process and its descendants have used, to the nanosecond. Threads that ended are not in it.
pub fn cpu_time(process: u32) -> Duration {
    own_cpu_time(process) + children(process).into_iter().map(cpu_time).sum::<Duration>()
}

/// Returns the CPU time a process itself has used.
pub fn own_cpu_time(process: u32) -> Duration {
    threads(process).into_iter().map(|thread| thread_time(process, thread)).sum()
}

/// Returns the clock ticks a process and its descendants have spent in their own code and in the kernel.
pub fn user_and_kernel_ticks(process: u32) -> (u64, u64) {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields.split_whitespace().collect()).unwrap_or_else(Vec::new);
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    // utime and stime, by proc(5) the fields 14 and 15; the first two come before the last bracket.
    children(process)
        .into_iter()
        .map(user_and_kernel_ticks)
        .fold((ticks(11), ticks(12)), |sum, of_child| (sum.0 + of_child.0, sum.1 + of_child.1))
}

fn thread_time(process: u32, thread: u32) -> Duration {
    let text = std::fs::read_to_string(format!("/proc/{process}/task/{thread}/schedstat")).unwrap_or_default();
    Duration::from_nanos(text.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(0))
}

fn children(process: u32) -> Vec<u32> {
    threads(process)
        .into_iter()
        .filter_map(|thread| std::fs::read_to_string(format!("/proc/{process}/task/{thread}/children")).ok())
        .flat_map(|line| line.split_whitespace().filter_map(|child| child.parse().ok()).collect::<Vec<u32>>())
        .collect()
}

fn threads(process: u32) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}
