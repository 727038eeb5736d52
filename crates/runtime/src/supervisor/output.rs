//! The pipes a container writes to. Reading never waits, so neither does the container while the supervisor lives.

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{ChildStderr, ChildStdout};
use std::time::{Duration, Instant};

use super::machine::Now;
use crate::log::{LineSplitter, LogWriter, Stream};

/// How much is read from one pipe before everything else has its turn.
const READ_BYTES: usize = 64 * 1024;

/// The size asked for a pipe: a burst of so much is taken without the writer waiting for a turn. The kernel may refuse.
const PIPE_BYTES: usize = 256 * 1024;

/// Reads at most this often when a container has ended: all that a pipe can hold, so that what was written before the end is read,
/// though not what a process that outlived it goes on to write.
const DRAIN_READS_MAX: usize = PIPE_BYTES / READ_BYTES + 1;

/// How long a pipe rests when its container is over its rate. The writer then advances by a pipe's content a pause (some 25 MB/s),
/// which costs the supervisor little.
const OVER_RATE_PAUSE: Duration = Duration::from_millis(10);

/// The reading end of one pipe.
#[derive(Debug)]
pub(super) struct Output {
    pipe: Pipe,
    stream: Stream,
    splitter: LineSplitter,
    resume_at: Option<Instant>,
    open: bool,
}

#[derive(Debug)]
enum Pipe {
    Output(ChildStdout),
    Error(ChildStderr),
}

impl Output {
    pub fn stdout(pipe: ChildStdout) -> std::io::Result<Self> {
        Output::new(Pipe::Output(pipe), Stream::Output)
    }

    pub fn stderr(pipe: ChildStderr) -> std::io::Result<Self> {
        Output::new(Pipe::Error(pipe), Stream::Error)
    }

    fn new(pipe: Pipe, stream: Stream) -> std::io::Result<Self> {
        make_nonblocking(pipe.descriptor())?;
        enlarge(pipe.descriptor());
        Ok(Output { pipe, stream, splitter: LineSplitter::default(), resume_at: None, open: true })
    }

    /// Returns the descriptor to wait on; none when there is nothing to wait for now.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        (self.open && self.resume_at.is_none()).then(|| self.pipe.descriptor())
    }

    pub fn wake_at(&self) -> Option<Instant> {
        self.resume_at.filter(|_| self.open)
    }

    /// Ends a rest that is over.
    pub fn resume(&mut self, now: Instant) {
        self.resume_at = self.resume_at.filter(|at| *at > now);
    }

    /// Reads once. Tells whether there may be more.
    pub fn read(&mut self, now: Now, log: &mut LogWriter, buffer: &mut Vec<u8>) -> bool {
        if !self.open {
            return false;
        }
        buffer.resize(READ_BYTES, 0);
        match self.pipe.read(buffer) {
            Ok(0) => self.close(now, log),
            Ok(length) => {
                self.take(now, log, &buffer[..length]);
                return length == READ_BYTES;
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return true,
            Err(_) => self.close(now, log),
        }
        false
    }

    /// Reads what the pipe holds.
    pub fn drain(&mut self, now: Now, log: &mut LogWriter, buffer: &mut Vec<u8>) {
        for _ in 0..DRAIN_READS_MAX {
            if !self.read(now, log, buffer) {
                break;
            }
        }
    }

    /// Reads what the pipe holds for the last time.
    pub fn finish(&mut self, now: Now, log: &mut LogWriter, buffer: &mut Vec<u8>) {
        self.drain(now, log, buffer);
        self.close(now, log);
    }

    fn take(&mut self, now: Now, log: &mut LogWriter, bytes: &[u8]) {
        if log.is_over_rate(now.wall) {
            log.lose(bytes);
            self.splitter.forget();
            self.resume_at = Some(now.instant + OVER_RATE_PAUSE);
        } else {
            let stream = self.stream;
            self.splitter.feed(bytes, |line| log.push(now.wall, stream, line));
        }
    }

    fn close(&mut self, now: Now, log: &mut LogWriter) {
        let stream = self.stream;
        self.splitter.end(|line| log.push(now.wall, stream, line));
        self.splitter.forget();
        self.open = false;
    }
}

impl Pipe {
    fn descriptor(&self) -> BorrowedFd<'_> {
        match self {
            Pipe::Output(pipe) => pipe.as_fd(),
            Pipe::Error(pipe) => pipe.as_fd(),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Pipe::Output(pipe) => pipe.read(buffer),
            Pipe::Error(pipe) => pipe.read(buffer),
        }
    }
}

/// Makes reading from a descriptor return at once.
pub(super) fn make_nonblocking(descriptor: BorrowedFd<'_>) -> std::io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(descriptor)?;
    Ok(rustix::fs::fcntl_setfl(descriptor, flags | rustix::fs::OFlags::NONBLOCK)?)
}

#[cfg(target_os = "linux")]
fn enlarge(pipe: BorrowedFd<'_>) {
    // Refused when the user's pipes hold too much already; the usual size works too.
    let _ = rustix::pipe::fcntl_setpipe_size(pipe, PIPE_BYTES);
}

#[cfg(not(target_os = "linux"))]
fn enlarge(_: BorrowedFd<'_>) {}
