//! The two signals a supervisor acts on, as descriptors to wait for.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use signal_hook::consts::{SIGCHLD, SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

#[derive(Debug)]
pub(super) struct Signals {
    children: UnixStream,
    termination: UnixStream,
}

impl Signals {
    /// From here on SIGCHLD, SIGTERM and SIGINT make descriptors readable and do nothing else.
    pub fn install() -> io::Result<Self> {
        let (children, children_end) = UnixStream::pair()?;
        let (termination, termination_end) = UnixStream::pair()?;
        children.set_nonblocking(true)?;
        termination.set_nonblocking(true)?;
        pipe::register(SIGCHLD, children_end)?;
        pipe::register(SIGINT, termination_end.try_clone()?)?;
        pipe::register(SIGTERM, termination_end)?;
        Ok(Signals { children, termination })
    }

    /// Readable when a process of the task has ended.
    pub fn children(&self) -> BorrowedFd<'_> {
        self.children.as_fd()
    }

    /// Readable when the supervisor itself has been asked to end.
    pub fn termination(&self) -> BorrowedFd<'_> {
        self.termination.as_fd()
    }

    /// Makes both unreadable until the next signal.
    pub fn clear(&mut self) {
        let mut buffer = [0; 64];
        for pipe in [&mut self.children, &mut self.termination] {
            while pipe.read(&mut buffer).is_ok_and(|length| length == buffer.len()) {}
        }
    }
}
