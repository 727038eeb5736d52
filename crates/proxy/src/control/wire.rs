//! Owns framing: four bytes of length (big-endian), then JSON; at most [`CONTROL_MESSAGE_MAX`] bytes.
//!
//! A descriptor is sent along with the first byte of its message, so it has arrived when the message has.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::limits::{CONTROL_MESSAGE_MAX, PROXY_SILENCE_TIME};

/// Descriptors that may come with one read; each message brings at most one.
const DESCRIPTORS_PER_READ: usize = 8;

/// Received descriptors are not passed on to programs started later. (Elsewhere none is started by a process that receives any.)
#[cfg(target_os = "linux")]
const RECEIVE_FLAGS: RecvFlags = RecvFlags::CMSG_CLOEXEC;
#[cfg(not(target_os = "linux"))]
const RECEIVE_FLAGS: RecvFlags = RecvFlags::empty();

/// The sending half.
#[derive(Debug)]
pub(crate) struct Sender {
    stream: UnixStream,
}

/// The receiving half.
#[derive(Debug)]
pub(crate) struct Receiver {
    stream: UnixStream,
    descriptors: VecDeque<OwnedFd>,
}

/// Splits a connection. A peer that does not read for too long makes sending fail.
pub(crate) fn split(stream: UnixStream) -> io::Result<(Sender, Receiver)> {
    stream.set_write_timeout(Some(PROXY_SILENCE_TIME))?;
    let receiver = Receiver { stream: stream.try_clone()?, descriptors: VecDeque::new() };
    Ok((Sender { stream }, receiver))
}

impl Sender {
    /// Sends a message, with a descriptor if there is one.
    pub fn send<T: Serialize>(&self, message: &T, descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let mut frame = vec![0; 4];
        serde_json::to_writer(&mut frame, message).map_err(io::Error::other)?;
        let length = frame.len() - 4;
        if length > CONTROL_MESSAGE_MAX {
            return Err(io::Error::other(format!("a message of {length} bytes is too long for the control socket")));
        }
        frame[..4].copy_from_slice(&(length as u32).to_be_bytes());
        let descriptors: Vec<_> = descriptor.into_iter().collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
            return Err(io::Error::other("no room for a descriptor"));
        }
        let mut sent = send_once(&self.stream, &frame, &mut control)?;
        let mut nothing = SendAncillaryBuffer::default();
        while sent < frame.len() {
            sent += send_once(&self.stream, &frame[sent..], &mut nothing)?;
        }
        Ok(())
    }

    /// Ends the connection, for the receiver too.
    pub fn close(&self) {
        // A connection that has ended already is closed.
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}

fn send_once(stream: &UnixStream, bytes: &[u8], control: &mut SendAncillaryBuffer<'_, '_, '_>) -> io::Result<usize> {
    loop {
        match sendmsg(stream.as_fd(), &[IoSlice::new(bytes)], control, SendFlags::empty()) {
            Ok(count) => return Ok(count),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

impl Receiver {
    /// Receives the next message; `None` when the connection has ended between two.
    pub fn receive<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let mut length = [0; 4];
        match self.read_exact(&mut length) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        let length = u32::from_be_bytes(length) as usize;
        if length > CONTROL_MESSAGE_MAX {
            return Err(io::Error::other(format!("the control socket announced a message of {length} bytes")));
        }
        // Grows with what arrives, not with what is announced.
        let mut body = Vec::new();
        if self.by_ref().take(length as u64).read_to_end(&mut body)? < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        serde_json::from_slice(&body).map(Some).map_err(io::Error::other)
    }

    /// Takes the descriptor that came with the message received last.
    pub fn take_descriptor(&mut self) -> io::Result<OwnedFd> {
        self.descriptors.pop_front().ok_or_else(|| io::Error::other("a message came without its descriptor"))
    }

    /// Limits how long [`Receiver::receive`] waits.
    pub fn set_timeout(&self, timeout: Option<std::time::Duration>) -> io::Result<()> {
        self.stream.set_read_timeout(timeout)
    }
}

impl Read for Receiver {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_PER_READ))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = recvmsg(self.stream.as_fd(), &mut [IoSliceMut::new(into)], &mut control, RECEIVE_FLAGS)?;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                self.descriptors.extend(descriptors);
            }
        }
        Ok(received.bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    fn pair() -> ((Sender, Receiver), (Sender, Receiver)) {
        let (one, other) = UnixStream::pair().expect("a pair");
        (split(one).expect("halves"), split(other).expect("halves"))
    }

    #[test]
    fn messages_and_descriptors_arrive_in_order() {
        let ((sender, _), (_, mut receiver)) = pair();
        let sockets: Vec<_> = (0..20).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
        let long = "x".repeat(3_000_000);
        let sending = std::thread::spawn({
            let sockets: Vec<_> = sockets.iter().map(|socket| socket.try_clone().expect("a duplicate")).collect();
            move || {
                for socket in sockets {
                    let port = socket.local_addr().expect("an address").port();
                    sender.send(&port, Some(socket.as_fd())).expect("sent");
                }
                sender.send(&long, None).expect("sent");
            }
        });
        for socket in &sockets {
            let port: u16 = receiver.receive().expect("received").expect("a message");
            let received = TcpListener::from(receiver.take_descriptor().expect("a descriptor"));
            assert_eq!(received.local_addr().expect("an address"), socket.local_addr().expect("an address"));
            assert_eq!(received.local_addr().expect("an address").port(), port);
        }
        assert_eq!(receiver.receive::<String>().expect("received").map(|text| text.len()), Some(3_000_000));
        assert!(receiver.take_descriptor().is_err());
        sending.join().expect("the sender ends");
        assert_eq!(receiver.receive::<u16>().expect("the end"), None);
    }

    #[test]
    fn a_message_that_is_too_long_or_cut_short_is_an_error() {
        let ((mut sender, _), (_, mut receiver)) = pair();
        sender.stream.write_all(&u32::MAX.to_be_bytes()).expect("written");
        assert!(receiver.receive::<u16>().is_err());
        let ((mut sender, other), (_, mut receiver)) = pair();
        sender.stream.write_all(&[0, 0, 0, 9, b'1']).expect("written");
        drop((sender, other));
        assert_eq!(receiver.receive::<u16>().expect_err("cut short").kind(), io::ErrorKind::UnexpectedEof);
    }
}
