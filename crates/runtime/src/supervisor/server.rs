//! The control socket: tells engines how the task is, and takes their orders.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::rc::Rc;

use rustix::event::PollFlags;
use rustix::fs::FileType;

use crate::control::{ORDER_BYTES_MAX, Order};
use crate::directory::TaskDirectory;

/// The engines served at once: one, the next one during a hand-over, and a few that look.
const CONNECTIONS_MAX: usize = 8;

/// Everything that talks to this supervisor.
#[derive(Debug)]
pub(super) struct ControlServer {
    listener: UnixListener,
    connections: Vec<Connection>,
    current: Rc<[u8]>,
}

#[derive(Debug)]
struct Connection {
    stream: UnixStream,
    incoming: Vec<u8>,
    /// The report being sent and how much of it has been.
    sending: Option<(Rc<[u8]>, usize)>,
    /// A later report than the one being sent waits for its turn.
    behind: bool,
    broken: bool,
}

impl ControlServer {
    /// Listens on the task's control socket. The current directory must be the task's.
    pub fn open() -> io::Result<Self> {
        match std::fs::remove_file(TaskDirectory::SOCKET_NAME) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let listener = UnixListener::bind(TaskDirectory::SOCKET_NAME)?;
        listener.set_nonblocking(true)?;
        Ok(ControlServer { listener, connections: Vec::new(), current: Rc::from([]) })
    }

    /// Takes over the socket that the engine gave the supervisor as its standard input, if it did: a connection that needs no waiting
    /// for a listener.
    pub fn adopt_standard_input(&mut self) -> io::Result<()> {
        let input = io::stdin();
        if FileType::from_raw_mode(rustix::fs::fstat(&input)?.st_mode) != FileType::Socket {
            return Ok(());
        }
        let descriptor: OwnedFd = input.as_fd().try_clone_to_owned()?;
        self.add(UnixStream::from(descriptor))
    }

    pub fn has_connections(&self) -> bool {
        !self.connections.is_empty()
    }

    pub fn listener(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }

    pub fn connections(&self) -> impl Iterator<Item = (usize, BorrowedFd<'_>, PollFlags)> {
        self.connections.iter().enumerate().map(|(index, connection)| {
            let writing = if connection.sending.is_some() { PollFlags::OUT } else { PollFlags::empty() };
            (index, connection.stream.as_fd(), PollFlags::IN | writing)
        })
    }

    /// Accepts one engine. The oldest leaves when there are too many.
    pub fn accept(&mut self) {
        // A connection that was given up before it was accepted is no concern of the task's.
        if let Ok((stream, _)) = self.listener.accept() {
            let _ = self.add(stream);
        }
    }

    /// Sends a report to every engine.
    pub fn publish(&mut self, report: Vec<u8>) {
        self.current = report.into();
        for connection in &mut self.connections {
            connection.send(&self.current);
        }
        self.forget_broken();
    }

    /// Goes on with one connection and returns the orders it brought.
    pub fn serve(&mut self, index: usize) -> Vec<Order> {
        let Some(connection) = self.connections.get_mut(index) else { return Vec::new() };
        connection.advance(&self.current);
        connection.read()
    }

    /// Closes the connections that have failed. Places of the others change.
    pub fn forget_broken(&mut self) {
        self.connections.retain(|connection| !connection.broken);
    }

    /// Tells whether every engine has been told everything.
    pub fn is_idle(&self) -> bool {
        self.connections.iter().all(|connection| connection.sending.is_none())
    }

    fn add(&mut self, stream: UnixStream) -> io::Result<()> {
        stream.set_nonblocking(true)?;
        if self.connections.len() == CONNECTIONS_MAX {
            self.connections.remove(0);
        }
        let mut connection = Connection { stream, incoming: Vec::new(), sending: None, behind: false, broken: false };
        if !self.current.is_empty() {
            connection.send(&self.current);
        }
        self.connections.push(connection);
        Ok(())
    }
}

impl Connection {
    fn send(&mut self, report: &Rc<[u8]>) {
        if self.sending.is_some() {
            self.behind = true;
        } else {
            self.sending = Some((Rc::clone(report), 0));
        }
        self.advance(report);
    }

    /// Writes as much as the socket takes; skips reports that have been overtaken.
    fn advance(&mut self, current: &Rc<[u8]>) {
        while let Some((report, sent)) = &mut self.sending {
            match self.stream.write(&report[*sent..]) {
                Ok(length) => *sent += length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    self.broken = true;
                    self.sending = None;
                    return;
                }
            }
            if *sent == report.len() {
                let behind = std::mem::take(&mut self.behind);
                self.sending = behind.then(|| (Rc::clone(current), 0));
            }
        }
    }

    fn read(&mut self) -> Vec<Order> {
        let mut buffer = [0; ORDER_BYTES_MAX];
        match self.stream.read(&mut buffer) {
            Ok(0) => self.broken = true,
            Ok(length) => self.incoming.extend_from_slice(&buffer[..length]),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(_) => self.broken = true,
        }
        let mut orders = Vec::new();
        while let Some(end) = self.incoming.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.incoming.drain(..=end).collect();
            orders.extend(serde_json::from_slice::<Order>(&line).ok());
        }
        if self.incoming.len() > ORDER_BYTES_MAX {
            self.broken = true;
        }
        orders
    }
}
