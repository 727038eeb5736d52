//! What a container's process does to itself between fork and exec: the only unsafe code of the workspace.
#![allow(unsafe_code)]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::fs::Mode;
use rustix::process::{Gid, Pid, Uid};

/// Files a container creates are readable by others unless it says otherwise, as in any container; the engine's are not.
const CONTAINER_UMASK: Mode = Mode::from_raw_mode(0o022);

/// Whom a container runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub user: Uid,
    pub group: Gid,
    pub supplementary_groups: Vec<Gid>,
}

/// Prepares a command to run as a container's process: in a group of its own, with the given credentials, and killed by the kernel
/// when `supervisor`, which must be the calling process, dies.
///
/// The kernel kills when the *thread* that forked ends: spawn from a thread that lives as long as the process.
pub(crate) fn isolate(command: &mut Command, supervisor: Pid, credentials: Option<Credentials>) {
    command.process_group(0);
    let in_child = move || -> io::Result<()> {
        rustix::process::umask(CONTAINER_UMASK);
        if let Some(credentials) = &credentials {
            assume(credentials)?;
        }
        // After the change of user, which takes the death signal back.
        die_with(supervisor)
    };
    // SAFETY: the closure runs in the forked child before exec and must be async-signal-safe: it makes system calls through rustix,
    // which neither allocates nor locks for them, and reads memory that was prepared before the fork. It opens no descriptor.
    unsafe {
        command.pre_exec(in_child);
    }
}

/// Changes the user of the child. Per-thread calls are right here: a forked child has one thread.
#[cfg(target_os = "linux")]
fn assume(credentials: &Credentials) -> io::Result<()> {
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
