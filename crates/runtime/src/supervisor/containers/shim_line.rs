//! The line to a shim: what is said is written at once, what comes is read without waiting.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// How long a shim may take to take its order, which may be larger than what the kernel holds for it.
const ORDER_LIMIT: Duration = Duration::from_secs(5);

/// The longest line of a shim: an engine's words about a refusal.
const LINE_BYTES_MAX: usize = 1 << 20;

const READ_BYTES: usize = 4096;

#[derive(Debug)]
pub(in super::super) struct ShimLine {
    stream: UnixStream,
    partial: Vec<u8>,
    is_open: bool,
}

impl ShimLine {
    /// Gives a shim its order.
    pub fn new(stream: UnixStream, order: &impl Serialize) -> io::Result<Self> {
        stream.set_write_timeout(Some(ORDER_LIMIT))?;
        let mut line = ShimLine { stream, partial: Vec::new(), is_open: true };
        line.write(order)?;
        line.stream.set_nonblocking(true)?;
        Ok(line)
    }

    /// Says something. A shim that does not hear is about to be found gone.
    pub fn say(&mut self, request: &impl Serialize) {
        let _ = self.write(request);
    }

    fn write(&mut self, words: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(words)?;
        line.push(b'\n');
        self.stream.write_all(&line)
    }

    /// Reads what has been said.
    pub fn hear<T: DeserializeOwned>(&mut self) -> Vec<T> {
        let mut buffer = [0; READ_BYTES];
        while self.is_open {
            match self.stream.read(&mut buffer) {
                Ok(0) => self.is_open = false,
                Ok(length) => self.partial.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.is_open = error.kind() == io::ErrorKind::WouldBlock;
                    break;
                }
            }
            self.is_open &= self.partial.len() <= LINE_BYTES_MAX;
        }
        let Some(end) = self.partial.iter().rposition(|byte| *byte == b'\n') else { return Vec::new() };
        let rest = self.partial.split_off(end + 1);
        let lines = std::mem::replace(&mut self.partial, rest);
        lines.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
    }

    /// Returns the descriptor to wait on; none when nothing more will come.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.is_open.then(|| self.stream.as_fd())
    }
}
