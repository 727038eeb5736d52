//! Ports an image says that it listens on.

use std::fmt;

/// The protocol of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PortProtocol {
    Tcp,
    Udp,
    Sctp,
}

/// A port and its protocol: `8080/tcp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExposedPort {
    pub port: u16,
    pub protocol: PortProtocol,
}

impl PortProtocol {
    pub const fn as_str(self) -> &'static str {
        match self {
            PortProtocol::Tcp => "tcp",
            PortProtocol::Udp => "udp",
            PortProtocol::Sctp => "sctp",
        }
    }
}

impl ExposedPort {
    /// Reads `PORT`, which is one of TCP, or `PORT/PROTOCOL`.
    pub fn parse(text: &str) -> Option<Self> {
        let (port, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let known = [PortProtocol::Tcp, PortProtocol::Udp, PortProtocol::Sctp];
        let protocol = known.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(protocol))?;
        let port = port.parse().ok().filter(|port| *port != 0)?;
        Some(ExposedPort { port, protocol })
    }
}

impl fmt::Display for ExposedPort {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.port, self.protocol.as_str())
    }
}
