//! Owns opening listening sockets, and saying what to do when one cannot be opened.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

use crate::limits::LISTEN_BACKLOG;

/// Opens a listening socket; the error is a sentence for whoever chose the port.
pub(crate) fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    try_bind(address).map_err(|error| explain(address, &error))
}

fn try_bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A port whose former connections are still being forgotten by the kernel is free.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(LISTEN_BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn explain(address: SocketAddr, error: &io::Error) -> String {
    let port = address.port();
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "port {port} on {} is in use by another program; stop it (`ss -ltnp 'sport = :{port}'` shows which it is) \
             or give the listener another port",
            address.ip()
        ),
        io::ErrorKind::PermissionDenied => {
            format!("port {port} may not be opened by this user; give the listener a port above 1023")
        }
        io::ErrorKind::AddrNotAvailable => {
            format!(
                "{} is not an address of this machine; give the listener one that is, such as 127.0.0.1",
                address.ip()
            )
        }
        _ => format!("port {port} on {} could not be opened: {error}", address.ip()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_named_with_what_to_do() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = taken.local_addr().expect("an address");
        let problem = bind(address).expect_err("the port is taken");
        assert!(problem.contains(&format!("port {}", address.port())) && problem.contains("another port"), "{problem}");
        let foreign = bind("192.0.2.1:0".parse().expect("an address")).expect_err("no address of this machine");
        assert!(foreign.contains("192.0.2.1 is not an address of this machine"), "{foreign}");
    }
}
