//! Owns opening a connection to a target.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;

/// Connects, without delaying small writes.
///
/// A connection to a port of this machine that nobody listens on can meet itself: the kernel may pick that very port as the source.
/// It would keep the port from the process that is about to open it, so it is dropped at once, without the usual waiting state.
pub(crate) async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    if stream.local_addr()? == address {
        SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Connects, or gives up after `time`.
pub(crate) async fn connect_within(address: SocketAddr, time: Duration) -> io::Result<TcpStream> {
    tokio::time::timeout(time, connect(address)).await.unwrap_or_else(|_elapsed| Err(io::ErrorKind::TimedOut.into()))
}
