//! The machine the figures are of, and whether it was busy with other things.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::Command;

/// Above this many runnable threads of others, figures say more about them than about Seatrial.
const LOAD_QUIET: f64 = 0.5;

/// Says what machine this is; warns when it is not at rest.
pub fn describe() {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    println!("machine: {cores} cores, {} {}", std::env::consts::OS, kernel.trim());
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: f64 = load.split_whitespace().next().and_then(|load| load.parse().ok()).unwrap_or(0.0);
    if load > LOAD_QUIET {
        println!("note: the load average is {load}; other work on this machine spoils the figures");
    }
}

/// Finds a program on the path.
pub fn program(name: &str) -> Option<PathBuf> {
    // Servers of Debian lie where only root's path leads.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    places.map(|place| place.join(name)).find(|file| file.is_file())
}

/// A command that runs on this core only, where `taskset` is installed; otherwise wherever the kernel likes.
pub fn pinned(core: usize, program: &std::path::Path) -> Command {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    match self::program("taskset").filter(|_| core < cores) {
        Some(taskset) => {
            let mut command = Command::new(taskset);
            command.args(["-c", &core.to_string()]).arg(program);
            command
        }
        None => Command::new(program),
    }
}
