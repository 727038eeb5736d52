//! Health checks: when (by `seatrial_routing::Checker`), how (HTTP/1.1, HTTP/2, gRPC), and telling the control thread.

pub(crate) mod check;
pub(crate) mod task;
