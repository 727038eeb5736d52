//! Everything with HTTP/2 on either side, on hyper: clients with prior knowledge (h2c), and targets of HTTP2 and GRPC groups.

pub(crate) mod body;
pub(crate) mod client;
pub(crate) mod facts;
pub(crate) mod forward;
pub(crate) mod server;
