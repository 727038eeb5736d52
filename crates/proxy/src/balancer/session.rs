//! Owns one connection to one proxy, from finding or starting the process to its first word.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::thread;
use std::time::Instant;

use crate::balancer::handle::ProxySettings;
use crate::control::build::build_of;
use crate::control::message::{ToEngine, ToProxy};
use crate::control::socket;
use crate::control::wire::{Receiver, Sender, split};
use crate::limits::{CONTROL_PROTOCOL, PROXY_CONNECT_RETRY, PROXY_START_TIME};

/// A connected proxy.
#[derive(Debug)]
pub(super) struct Session {
    pub sender: Sender,
    pub receiver: Receiver,
    pub process_id: u32,
    /// The process, where it was started here.
    pub child: Option<Child>,
    /// The sockets of a proxy that was found alive, or of one that had to make way.
    pub sockets: BTreeMap<SocketAddr, TcpListener>,
    /// The proxy has those sockets already.
    pub has_sockets: bool,
}

/// Adopts the living proxy, or starts one.
pub(super) fn open(settings: &ProxySettings) -> io::Result<Session> {
    let mut inherited = BTreeMap::new();
    if let Ok(stream) = socket::connect(&settings.directory) {
        match adopt(stream, build_of(&settings.command.program))? {
            Adopted::Living(session) => return Ok(session),
            Adopted::Replaced(sockets) => inherited = sockets,
        }
    }
    let mut session = start(settings)?;
    session.sockets = inherited;
    Ok(session)
}

enum Adopted {
    Living(Session),
    /// It was of another build or did not speak, and has made way.
    Replaced(BTreeMap<SocketAddr, TcpListener>),
}

fn adopt(stream: UnixStream, own_build: u64) -> io::Result<Adopted> {
    let peer = stream.try_clone()?;
    let (sender, mut receiver) = split(stream)?;
    receiver.set_timeout(Some(PROXY_START_TIME))?;
    let (process_id, is_akin) = match receiver.receive::<ToEngine>() {
        Ok(Some(ToEngine::Hello { protocol, build, process_id })) => {
            (process_id, protocol == CONTROL_PROTOCOL && build == own_build)
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
            tracing::warn!("the proxy does not answer and is replaced");
            kill(&peer);
            return Ok(Adopted::Replaced(BTreeMap::new()));
        }
        // It has died meanwhile.
        Ok(_) | Err(_) => return Ok(Adopted::Replaced(BTreeMap::new())),
    };
    let sockets = fetch_sockets(&sender, &mut receiver)?;
    if is_akin {
        receiver.set_timeout(None)?;
        let session = Session { sender, receiver, process_id, child: None, sockets, has_sockets: true };
        return Ok(Adopted::Living(session));
    }
    tracing::info!(process_id, "a proxy of another build makes way");
    sender.send(&ToProxy::Retire, None)?;
    // Its word that it has made way, or its end.
    while let Ok(Some(message)) = receiver.receive::<ToEngine>() {
        if message == ToEngine::Retired {
            break;
        }
    }
    Ok(Adopted::Replaced(sockets))
}

fn fetch_sockets(sender: &Sender, receiver: &mut Receiver) -> io::Result<BTreeMap<SocketAddr, TcpListener>> {
    sender.send(&ToProxy::SendSockets, None)?;
    let mut sockets = BTreeMap::new();
    loop {
        match receiver.receive::<ToEngine>()? {
            Some(ToEngine::Socket { address }) => {
                sockets.insert(address, TcpListener::from(receiver.take_descriptor()?));
            }
            Some(ToEngine::SocketsSent) => return Ok(sockets),
            // Reports come once a configuration has been sent.
            Some(ToEngine::Hello { .. } | ToEngine::Report { .. } | ToEngine::Retired) => {}
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

fn start(settings: &ProxySettings) -> io::Result<Session> {
    let mut child = settings.command.spawn(&settings.directory)?;
    let began = Instant::now();
    loop {
        // One that lost a race for the lock to another new proxy ends; that one is found the next time.
        if let Some(status) = child.try_wait()? {
            return Err(io::Error::other(format!("the proxy ended at its start ({status}); its log says why")));
        }
        match socket::connect(&settings.directory).and_then(greet) {
            Ok((sender, receiver, process_id)) => {
                return Ok(Session {
                    sender,
                    receiver,
                    process_id,
                    child: Some(child),
                    sockets: BTreeMap::new(),
                    has_sockets: false,
                });
            }
            Err(error) if began.elapsed() > PROXY_START_TIME => {
                // Never started properly; nothing depends on it.
                let _ = child.kill();
                let _ = child.wait();
                return Err(error);
            }
            Err(_) => thread::sleep(PROXY_CONNECT_RETRY),
        }
    }
}

fn greet(stream: UnixStream) -> io::Result<(Sender, Receiver, u32)> {
    let (sender, mut receiver) = split(stream)?;
    receiver.set_timeout(Some(PROXY_START_TIME))?;
    match receiver.receive::<ToEngine>()? {
        Some(ToEngine::Hello { protocol: CONTROL_PROTOCOL, process_id, .. }) => {
            receiver.set_timeout(None)?;
            Ok((sender, receiver, process_id))
        }
        Some(_) | None => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Elsewhere the peer of a socket is not known; the lock then keeps a second proxy from starting.
#[cfg(not(target_os = "linux"))]
fn kill(_stream: &UnixStream) {}

/// Kills the process at the other end.
#[cfg(target_os = "linux")]
fn kill(stream: &UnixStream) {
    use rustix::process::{Signal, kill_process};
    let peer = rustix::net::sockopt::socket_peercred(stream.as_fd());
    if let Err(error) = peer.and_then(|peer| kill_process(peer.pid, Signal::KILL)) {
        tracing::warn!(%error, "could not end the proxy");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A proxy of another version: says so, hands over its socket, and makes way when told.
    fn foreign_proxy(
        directory: &std::path::Path,
        address: SocketAddr,
        listening: TcpListener,
    ) -> thread::JoinHandle<()> {
        let listener = socket::listen(directory).expect("a control socket");
        let directory = directory.to_owned();
        thread::spawn(move || {
            let (stream, _) = listener.accept().expect("an engine");
            let (sender, mut receiver) = split(stream).expect("halves");
            let hello = ToEngine::Hello { protocol: CONTROL_PROTOCOL + 1, build: 0, process_id: 1 };
            sender.send(&hello, None).expect("sent");
            assert_eq!(receiver.receive().expect("asked"), Some(ToProxy::SendSockets));
            sender.send(&ToEngine::Socket { address }, Some(listening.as_fd())).expect("sent");
            sender.send(&ToEngine::SocketsSent, None).expect("sent");
            assert_eq!(receiver.receive().expect("asked"), Some(ToProxy::Retire));
            socket::remove(&directory).expect("removed");
            sender.send(&ToEngine::Retired, None).expect("sent");
        })
    }

    #[test]
    fn a_proxy_of_another_version_makes_way_and_its_sockets_go_on() {
        let home = tempfile::tempdir().expect("a directory");
        let listening = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listening.local_addr().expect("an address");
        let proxy = foreign_proxy(home.path(), address, listening);
        let stream = socket::connect(home.path()).expect("a connection");
        match adopt(stream, 0).expect("an outcome") {
            Adopted::Replaced(sockets) => {
                assert_eq!(sockets[&address].local_addr().expect("an address"), address);
            }
            Adopted::Living(_) => panic!("it speaks another version"),
        }
        proxy.join().expect("it ended well");
        assert!(socket::connect(home.path()).is_err());
    }

    #[test]
    fn a_proxy_that_dies_before_its_first_word_is_simply_replaced() {
        let home = tempfile::tempdir().expect("a directory");
        let listener = socket::listen(home.path()).expect("a control socket");
        let stream = socket::connect(home.path()).expect("a connection");
        drop(listener);
        assert!(matches!(adopt(stream, 0), Ok(Adopted::Replaced(sockets)) if sockets.is_empty()));
    }
}
