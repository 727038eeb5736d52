//! How AWS requests and answers look on the wire: Signature Version 4, the awsJson and query protocols, error shapes, page tokens.
//!
//! Pure: bytes and a clock reading come in as arguments, values go out. Nothing here opens a socket, reads a clock, or knows what an
//! operation does. Every input is untrusted, so each reader has named limits and answers nonsense with an error, never with a panic.
//!
//! The way of one request: [`sigv4::Claim`] says who asks, [`route`] names the service and operation and gives the input as one
//! JSON value whatever the protocol, [`Input::read`] turns it into a handler's type, [`Reply`] writes the result or the error back.

mod common_error;
mod error;
mod input;
pub mod page;
mod protocol;
mod query;
mod reply;
mod route;
mod service;
mod shape;
pub mod sigv4;
mod timestamp;
mod xml;

pub use common_error::CommonError;
pub use error::{Fault, ServiceError};
pub use input::{INPUT_DEPTH_MAX, Input, InvalidInput};
pub use protocol::Protocol;
pub use query::{InvalidQuery, PARAMETER_DEPTH_MAX, PARAMETERS_MAX};
pub use reply::{Reply, failure};
pub use route::{InvalidOperationName, OperationName, Route, route};
pub use service::{QueryApi, Service};
pub use shape::Shape;
pub use timestamp::{EpochSeconds, InvalidTimestamp, Iso8601};
pub use xml::InvalidElementName;
