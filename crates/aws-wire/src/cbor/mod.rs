//! CBOR (RFC 8949), as far as AWS's RPC v2 protocol uses it: JSON's values, byte strings, and epoch seconds under tag 1.
//!
//! `decode` turns a stranger's bytes into the JSON value a handler reads, `encode` an answer into bytes, `problem` says what a body
//! can be refused for.

mod decode;
mod encode;
mod problem;

pub(crate) use decode::decode;
pub(crate) use encode::encode;
pub use problem::{CONTAINERS_MAX, CborProblem, InvalidCbor};
