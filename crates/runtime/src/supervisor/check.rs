//! One run of a container's health check.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, ChildStderr, ChildStdout};

use rustix::process::{Pid, Signal, WaitStatus};

use super::containers::{ShimLine, StartedShim};
use super::machine::Verdict;
use super::output::make_nonblocking;
use super::running::exit_code;

/// How much of a failing check's output is kept: enough for an error page's first lines, small enough for every report.
const OUTPUT_BYTES_MAX: usize = 500;

/// Reads at most this much at a time.
const READ_BYTES: usize = 4096;

/// Reads at most this often when the check has ended: a pipe's usual content.
const DRAIN_READS_MAX: usize = 16;

/// A check that is being run.
#[derive(Debug)]
pub(super) struct RunningCheck {
    leader: Pid,
    /// That to the shim which runs the check in a container: closing it gives the check up.
    line: Option<ShimLine>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    output: Vec<u8>,
    cut: bool,
}

/// Which pipe of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CheckPipe {
    Output,
    Error,
}

impl RunningCheck {
    pub fn start(mut command: std::process::Command) -> io::Result<Self> {
        let mut child = command.spawn()?;
        Ok(RunningCheck::new(&mut child, None))
    }

    /// Takes a check whose shim has been started.
    pub fn by_shim(shim: StartedShim) -> Self {
        let StartedShim { mut child, line } = shim;
        RunningCheck::new(&mut child, Some(line))
    }

    fn new(child: &mut Child, line: Option<ShimLine>) -> Self {
        let leader = Pid::from_child(child);
        let stdout = child.stdout.take().filter(|pipe| make_nonblocking(pipe.as_fd()).is_ok());
        let stderr = child.stderr.take().filter(|pipe| make_nonblocking(pipe.as_fd()).is_ok());
        RunningCheck { leader, line, stdout, stderr, output: Vec::new(), cut: false }
    }

    pub fn leader(&self) -> Pid {
        self.leader
    }

    /// Kills the check and whatever it started; in a container its shim does, when it is let go of.
    pub fn kill(&self) {
        if self.line.is_some() {
            return;
        }
        let _ = rustix::process::kill_process_group(self.leader, Signal::KILL);
    }

    pub fn descriptors(&self) -> impl Iterator<Item = (CheckPipe, BorrowedFd<'_>)> {
        let stdout = self.stdout.as_ref().map(|pipe| (CheckPipe::Output, pipe.as_fd()));
        let stderr = self.stderr.as_ref().map(|pipe| (CheckPipe::Error, pipe.as_fd()));
        stdout.into_iter().chain(stderr)
    }

    /// Reads once from a pipe that has something to say.
    pub fn read(&mut self, pipe: CheckPipe) {
        self.read_once(pipe);
    }

    /// Judges the check by the end of its process.
    pub fn conclude(mut self, status: WaitStatus) -> Verdict {
        self.kill();
        for pipe in [CheckPipe::Output, CheckPipe::Error] {
            for _ in 0..DRAIN_READS_MAX {
                if !self.read_once(pipe) {
                    break;
                }
            }
        }
        match exit_code(status) {
            0 => Verdict::Passed,
            code => Verdict::Failed(self.describe(code)),
        }
    }

    fn describe(&self, code: i32) -> String {
        let text = String::from_utf8_lossy(&self.output);
        let text = text.trim();
        let more = if self.cut { "…" } else { "" };
        if text.is_empty() { format!("exit code {code}") } else { format!("exit code {code}: {text}{more}") }
    }

    /// Tells whether there may be more.
    fn read_once(&mut self, pipe: CheckPipe) -> bool {
        let mut buffer = [0; READ_BYTES];
        let read = match pipe {
            CheckPipe::Output => self.stdout.as_mut().map(|pipe| pipe.read(&mut buffer)),
            CheckPipe::Error => self.stderr.as_mut().map(|pipe| pipe.read(&mut buffer)),
        };
        match read {
            None => false,
            Some(Ok(length)) if length > 0 => {
                let kept = length.min(OUTPUT_BYTES_MAX - self.output.len());
                self.output.extend_from_slice(&buffer[..kept]);
                self.cut |= kept < length;
                true
            }
            Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => false,
            Some(Ok(_) | Err(_)) => {
                match pipe {
                    CheckPipe::Output => self.stdout = None,
                    CheckPipe::Error => self.stderr = None,
                }
                false
            }
        }
    }
}
