//! How AWS requests and answers look on the wire: Signature Version 4, the awsJson, query and RPC v2 protocols, error
//! shapes, page tokens.
//!
//! Pure: bytes and a clock reading come in as arguments, values go out. Nothing here opens a socket, reads a clock, or knows what an
//! operation does. Every input is untrusted, so each reader has named limits and answers nonsense with an error, never with a panic.
//!
//! The way of one request: [`sigv4::Claim`] says who asks, [`route`] names the service and operation and gives the input as one
//! JSON value whatever the protocol, [`Input::read`] turns it into a handler's type, [`Reply`] writes the result or the error back.

mod answer_form;
mod cbor;
mod common_error;
mod content_encoding;
mod double;
mod error;
mod input;
mod operation_name;
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

pub use answer_form::{AnswerForms, MemberForm};
pub use cbor::{CONTAINERS_MAX, CborProblem, InvalidCbor};
pub use common_error::CommonError;
pub use content_encoding::ContentEncoding;
pub use double::Double;
pub use error::{Fault, ServiceError};
pub use input::{INPUT_DEPTH_MAX, Input, InvalidInput};
pub use operation_name::{InvalidOperationName, OperationName};
pub use protocol::Protocol;
pub use query::{InvalidQuery, PARAMETER_DEPTH_MAX, PARAMETERS_MAX, PARTS_MAX};
pub use reply::{Reply, failure};
pub use route::{Route, route};
pub use service::{ErrorName, QueryApi, RpcV2Api, Service};
pub use shape::Shape;
pub use timestamp::{AnyTimestamp, EpochSeconds, InvalidTimestamp, Iso8601};
pub use xml::InvalidElementName;
