//! The control socket between engine and proxy: messages, framing, and the proxy's side of it.

pub(crate) mod build;
pub(crate) mod message;
pub(crate) mod server;
pub(crate) mod socket;
pub(crate) mod wire;
