//! A container that has been started: its process, its pipes, its log.

use std::io;
use std::os::fd::BorrowedFd;
use std::process::Child;
use std::time::Instant;

use rustix::process::{Pid, Signal, WaitStatus};
use seatrial_model::ContainerName;

use super::containers::{ShimLine, StartedShim};
use super::evidence;
use super::machine::{Exit, Now, Refusal};
use super::output::Output;
use super::prepared::Prepared;
use super::program::refused;
use crate::log::LogWriter;
use crate::process_table;
use crate::saved_state::GroupMark;
use crate::shim::{ContainerNews, Request};
use crate::sys::root::StepReport;

/// What a shell adds to the number of the signal that ended a process.
const SIGNAL_CODE_BASE: i32 = 128;

/// ECS's words for a container that was killed at its memory limit.
pub(crate) const REASON_OUT_OF_MEMORY: &str = "OutOfMemoryError: Container killed due to memory usage";

#[derive(Debug)]
pub(super) struct Running {
    name: ContainerName,
    /// Its first process, whose id is that of its group as well.
    leader: Pid,
    /// When the leader started, in clock ticks: none where there is no `/proc`.
    started_ticks: Option<u64>,
    started: Instant,
    means: Means,
    outputs: Vec<Output>,
    log: LogWriter,
    out_of_memory: bool,
    ended: bool,
}

/// What stands behind the process.
#[derive(Debug)]
enum Means {
    /// It is the container's own.
    Process(Prepared),
    /// It is the shim of a container.
    Shim { line: ShimLine, has_started: bool, verdict: Option<ContainerNews>, is_killed: bool },
}

/// How it came to its end.
pub(super) enum Ending {
    Exited(Exit),
    /// There never was a container.
    Refused(Refusal),
}

impl Running {
    /// Takes a container whose shim has been started.
    pub fn by_shim(name: &ContainerName, shim: StartedShim, log: LogWriter, now: Instant) -> Self {
        let StartedShim { mut child, line } = shim;
        let means = Means::Shim { line, has_started: false, verdict: None, is_killed: false };
        Running::new(name, &mut child, means, log, now)
    }

    /// Starts a container.
    pub fn start(
        name: &ContainerName,
        prepared: Prepared,
        log: LogWriter,
        supervisor: Pid,
        now: Instant,
    ) -> Result<Self, Refusal> {
        let (mut command, steps) = prepared.command(supervisor).map_err(|error| explain(&prepared, &error))?;
        let spawned = command.spawn();
        // The writing end goes with it, so that reading does not wait for more than the child said.
        drop(command);
        let mut child = spawned.map_err(|error| match steps.and_then(StepReport::read) {
            Some(step) => Refusal::passing(format_args!("could not {}: {error}", step.in_words())),
            None => explain(&prepared, &error),
        })?;
        Ok(Running::new(name, &mut child, Means::Process(prepared), log, now))
    }

    fn new(name: &ContainerName, child: &mut Child, means: Means, log: LogWriter, now: Instant) -> Self {
        let leader = Pid::from_child(child);
        let stdout = child.stdout.take().map(Output::stdout);
        let stderr = child.stderr.take().map(Output::stderr);
        // Pipes just made take any setting; one that did not would be closed, and its writer told so.
        let outputs = stdout.into_iter().chain(stderr).filter_map(io::Result::ok).collect();
        let started_ticks = process_table::read(child.id()).map(|process| process.started);
        Running {
            name: name.clone(),
            leader,
            started_ticks,
            started: now,
            means,
            outputs,
            log,
            out_of_memory: false,
            ended: false,
        }
    }

    pub fn leader(&self) -> Pid {
        self.leader
    }

    /// Returns what the process was made of; none of a shim.
    pub fn prepared(&self) -> Option<&Prepared> {
        match &self.means {
            Means::Process(prepared) => Some(prepared),
            Means::Shim { .. } => None,
        }
    }

    /// Asks the container to end.
    pub fn terminate(&mut self) {
        match &mut self.means {
            Means::Process(prepared) => {
                let signal = prepared.stop_signal();
                self.signal(signal);
            }
            Means::Shim { line, .. } => line.say(&Request::Stop),
        }
    }

    pub fn kill(&mut self) {
        match &mut self.means {
            Means::Process(_) => self.signal(Signal::KILL),
            Means::Shim { line, is_killed, .. } => {
                *is_killed = true;
                line.say(&Request::Kill);
            }
        }
    }

    /// Kills a container that has not started yet, once.
    pub fn kill_unstarted(&mut self) {
        if let Means::Shim { has_started: false, is_killed: false, .. } = self.means
            && !self.ended
        {
            self.kill();
        }
    }

    /// Hears what the shim says. Tells whether it is news that the container has started.
    pub fn hear(&mut self, now: Instant) -> bool {
        let Means::Shim { line, has_started, verdict, .. } = &mut self.means else { return false };
        let mut is_news = false;
        for news in line.hear::<ContainerNews>() {
            match news {
                ContainerNews::Started => {
                    is_news = !*has_started;
                    *has_started = true;
                    self.started = now;
                }
                ContainerNews::Refused(_) | ContainerNews::Ended { .. } => *verdict = Some(news),
            }
        }
        is_news
    }

    /// Returns what to wait on for words of the shim.
    pub fn line(&self) -> Option<BorrowedFd<'_>> {
        match &self.means {
            Means::Process(_) => None,
            Means::Shim { line, .. } => line.descriptor(),
        }
    }

    /// Tells whether the shim ended without a word about its container.
    pub fn was_deserted(&self) -> bool {
        matches!(&self.means, Means::Shim { verdict: None, .. })
    }

    /// Returns what a later engine needs to find the group; none when the container has ended.
    pub fn mark(&self) -> Option<GroupMark> {
        let started = self.started_ticks.filter(|_| !self.ended)?;
        let leader = process_table::number(self.leader);
        Some(GroupMark { container: self.name.clone(), leader, started })
    }

    /// Signals every process of the group. One that has ended meanwhile needs no signal.
    pub fn signal(&self, signal: Signal) {
        let _ = rustix::process::kill_process_group(self.leader, signal);
    }

    /// Kills the container because it uses more memory than it may.
    pub fn kill_for_memory(&mut self) {
        self.out_of_memory = true;
        self.signal(Signal::KILL);
    }

    pub fn is_running(&self) -> bool {
        !self.ended
    }

    /// Records that the leader has ended. What it left in its group goes with it, as in a container the first process's end is the
    /// end of all.
    pub fn end(&mut self, now: Now, status: WaitStatus, buffer: &mut Vec<u8>) -> Ending {
        self.signal(Signal::KILL);
        self.ended = true;
        for output in &mut self.outputs {
            output.drain(now, &mut self.log, buffer);
        }
        self.log.flush();
        let (code, by_itself, reason, refusal) = match &self.means {
            Means::Process(_) => {
                let reason = self.out_of_memory.then(|| REASON_OUT_OF_MEMORY.to_owned());
                (exit_code(status), status.exited(), reason, None)
            }
            Means::Shim { verdict: Some(ContainerNews::Refused(refusal)), .. } => {
                return Ending::Refused(refusal.clone());
            }
            Means::Shim { verdict: Some(ContainerNews::Ended { code, reason, refusal }), .. } => {
                (*code, *code < SIGNAL_CODE_BASE, reason.clone(), refusal.clone())
            }
            Means::Shim { verdict: None | Some(ContainerNews::Started), has_started, .. } => {
                let reason = "the process that stood for the container was killed";
                if !has_started {
                    return Ending::Refused(Refusal::passing(reason));
                }
                (SIGNAL_CODE_BASE + Signal::KILL.as_raw(), false, Some(reason.to_owned()), None)
            }
        };
        let early = now.instant.saturating_duration_since(self.started) <= evidence::START_WINDOW;
        let evident = || if early && by_itself { evidence::refusal(code, &self.log.last_lines()) } else { None };
        let refusal = refusal.or_else(evident);
        Ending::Exited(Exit { code, reason, refusal })
    }

    /// Returns the pipes worth waiting for, by their place.
    pub fn descriptors(&self) -> impl Iterator<Item = (usize, BorrowedFd<'_>)> {
        self.outputs.iter().enumerate().filter_map(|(index, output)| Some((index, output.descriptor()?)))
    }

    pub fn wake_at(&self) -> Option<Instant> {
        self.outputs.iter().filter_map(Output::wake_at).min()
    }

    pub fn resume(&mut self, now: Instant) {
        for output in &mut self.outputs {
            output.resume(now);
        }
    }

    pub fn read(&mut self, output: usize, now: Now, buffer: &mut Vec<u8>) {
        if let Some(output) = self.outputs.get_mut(output) {
            output.read(now, &mut self.log, buffer);
        }
        self.log.flush();
    }

    /// Reads the pipes for the last time, when no process is left to write.
    pub fn finish(&mut self, now: Now, buffer: &mut Vec<u8>) {
        for output in &mut self.outputs {
            output.finish(now, &mut self.log, buffer);
        }
        self.log.finish(now.wall);
    }
}

/// Returns the exit code of a status as a shell gives it.
pub(super) fn exit_code(status: WaitStatus) -> i32 {
    let by_signal = status.terminating_signal().map(|signal| SIGNAL_CODE_BASE + signal);
    status.exit_status().or(by_signal).unwrap_or(SIGNAL_CODE_BASE)
}

/// Tells why a program that was found could not be run.
fn explain(prepared: &Prepared, error: &io::Error) -> Refusal {
    use io::ErrorKind::{ArgumentListTooLong, InvalidInput, NotFound, PermissionDenied};
    let name = prepared.name();
    if error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) {
        return refused(name, "exec format error: it is no program of this machine");
    }
    match error.kind() {
        PermissionDenied => refused(name, "permission denied"),
        // The file itself was there a moment ago: what is missing is what its first line or its header names.
        NotFound => refused(name, "no such file or directory (the interpreter or loader it names)"),
        ArgumentListTooLong => refused(name, "argument list too long"),
        InvalidInput => refused(name, "a word of the command or a variable holds a zero byte"),
        // The operating system's enumeration: anything else may be a shortage that passes.
        _ => Refusal::passing(format!("{name:?}: {error}")),
    }
}
