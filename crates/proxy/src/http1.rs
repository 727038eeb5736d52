//! HTTP/1.1 to clients and targets: one task per client connection does everything inline, from the client's bytes to the target's.
//!
//! Written for this proxy on `httparse` rather than on hyper's HTTP/1: a proxy has no use for a request as a value (it copies bytes and
//! changes a few lines), and it must see what hyper hides: whether a connection was closed before the first byte of an answer, both
//! framings of a doubly framed message, the exact moment a body ends. It also halves the work per request. HTTP/2 is hyper's.

pub(crate) mod body;
pub(crate) mod bridge;
pub(crate) mod chunked;
pub(crate) mod connection;
pub(crate) mod deliver;
pub(crate) mod exchange;
pub(crate) mod fields;
pub(crate) mod forward_head;
mod pipe;
pub(crate) mod plan;
pub(crate) mod request;
mod respond;
pub(crate) mod response;
pub(crate) mod scan;
pub(crate) mod tunnel;
pub(crate) mod upload;
