//! What a container's process does to itself between fork and exec: the only unsafe code of the workspace.
#![allow(unsafe_code)]

#[cfg(target_os = "linux")]
pub(crate) mod root;

use std::io::{self, PipeWriter};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;

use rustix::fs::Mode;
use rustix::process::{Gid, Pid, Signal, Uid};

/// Files a container creates are readable by others unless it says otherwise, as in any container; the engine's are not.
const CONTAINER_UMASK: Mode = Mode::from_raw_mode(0o022);

/// Whom a container runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub user: Uid,
    pub group: Gid,
    pub supplementary_groups: Vec<Gid>,
}

/// Where a container's process lives.
#[derive(Debug)]
pub(crate) enum Place {
    /// In the machine's own root.
    Machine,
    /// In a root of its own, which is made; the step at which that failed is written to the pipe.
    #[cfg(target_os = "linux")]
    New(Arc<root::NewRoot>, PipeWriter),
    /// In the root of another process.
    #[cfg(target_os = "linux")]
    Shared(root::Namespaces),
}

impl Place {
    fn enter(&self) -> io::Result<()> {
        match self {
            Place::Machine => Ok(()),
            #[cfg(target_os = "linux")]
            Place::New(new, steps) => {
                // SAFETY: neither of the flags given concerns descriptors.
                let entered = new.enter(|flags| unsafe { rustix::thread::unshare_unsafe(flags) });
                entered.map_err(|(step, error)| {
                    // Nobody learns the step then; the error itself gets through.
                    let _ = rustix::io::write(steps, &[step as u8]);
                    error.into()
                })
            }
            #[cfg(target_os = "linux")]
            Place::Shared(namespaces) => namespaces.join().map_err(|(_, error)| error.into()),
        }
    }
}

/// Finds a signal by the name or number that an image's `StopSignal` is.
pub(crate) fn signal_named(name: &str) -> Option<Signal> {
    let name = name.to_ascii_uppercase();
    let signal = match name.strip_prefix("SIG").unwrap_or(&name) {
        "HUP" | "1" => Signal::HUP,
        "INT" | "2" => Signal::INT,
        "QUIT" | "3" => Signal::QUIT,
        "KILL" | "9" => Signal::KILL,
        "USR1" | "10" => Signal::USR1,
        "USR2" | "12" => Signal::USR2,
        "TERM" | "15" => Signal::TERM,
        "WINCH" | "28" => Signal::WINCH,
        _ => return None,
    };
    Some(signal)
}

/// Prepares a command to run as a container's process: in a group of its own, with the given credentials, and killed by the kernel
/// when `supervisor`, which must be the calling process, dies.
///
/// The kernel kills when the *thread* that forked ends: spawn from a thread that lives as long as the process.
pub(crate) fn isolate(command: &mut Command, supervisor: Pid, place: Place, credentials: Option<Credentials>) {
    command.process_group(0);
    let in_child = move || -> io::Result<()> {
        rustix::process::umask(CONTAINER_UMASK);
        place.enter()?;
        if let Some(credentials) = &credentials {
            assume(credentials)?;
        }
        // After the change of user, which takes the death signal back.
        die_with(supervisor)
    };
    // SAFETY: the closure runs in the forked child before exec and must be async-signal-safe: it makes system calls through rustix,
    // which neither allocates nor locks for them, and reads memory that was prepared before the fork. Descriptors it opens close on exec.
    unsafe {
        command.pre_exec(in_child);
    }
}

/// Changes the user of the child. Per-thread calls are right here: a forked child has one thread.
#[cfg(target_os = "linux")]
fn assume(credentials: &Credentials) -> io::Result<()> {
    // What the container writes goes through pipes that are its own: many programs open them anew, by `/dev/stdout`.
    for pipe in [rustix::stdio::stdout(), rustix::stdio::stderr()] {
        rustix::fs::fchown(pipe, Some(credentials.user), Some(credentials.group))?;
    }
    rustix::thread::set_thread_groups(&credentials.supplementary_groups)?;
    rustix::thread::set_thread_res_gid(credentials.group, credentials.group, credentials.group)?;
    rustix::thread::set_thread_res_uid(credentials.user, credentials.user, credentials.user)?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn assume(_: &Credentials) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(target_os = "linux")]
fn die_with(supervisor: Pid) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    // The supervisor may have died before the call above: then nobody would send the signal.
    if rustix::process::getppid() == Some(supervisor) { Ok(()) } else { Err(rustix::io::Errno::SRCH.into()) }
}

#[cfg(not(target_os = "linux"))]
fn die_with(_: Pid) -> io::Result<()> {
    Ok(())
}

/// Makes the calling process the new parent of every descendant whose own parent ends, so that it can find and reap all of them.
#[cfg(target_os = "linux")]
pub(crate) fn become_subreaper() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn become_subreaper() -> io::Result<()> {
    Ok(())
}
