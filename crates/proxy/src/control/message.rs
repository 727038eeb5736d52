//! Owns the messages on the control socket. Each is JSON behind its length; a listening socket travels as a descriptor beside its message.

use std::net::SocketAddr;

use seatrial_ports::balancer::{BalancerConfig, BalancerReport};
use serde::{Deserialize, Serialize};

/// What the engine tells the proxy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ToProxy {
    /// A listening socket, for a listener of a configuration to come.
    Socket { address: SocketAddr },
    /// A whole configuration.
    Config(BalancerConfig),
    /// Asks for metrics now.
    ReportMetrics,
    /// Asks for the listening sockets.
    SendSockets,
    /// Stop listening, finish what is under way, and end: another proxy takes over.
    Retire,
    /// End at once.
    Stop,
}

/// What the proxy tells the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ToEngine {
    /// The first word on every connection. Its layout never changes, so that any engine can read any proxy's.
    ///
    /// `build` tells programs apart; a proxy of another build than the engine's makes way for one of its own.
    Hello { protocol: u32, build: u64, process_id: u32 },
    /// A listening socket, asked for by `SendSockets`.
    Socket { address: SocketAddr },
    /// There are no more.
    SocketsSent,
    /// The lock and the control socket are free for another proxy.
    Retired,
    /// Something about the configuration of this generation.
    Report { generation: u64, report: BalancerReport },
}
