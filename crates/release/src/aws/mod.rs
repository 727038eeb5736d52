//! The way to AWS: clients for one endpoint, errors that say what was being done, and requests that are documents.

#[cfg(test)]
pub(crate) mod answering;
mod bucket;
mod connection;
mod error;
mod hindrance;
mod limits;
mod looks;
mod paced;
mod permission;
pub(crate) mod raw;
mod role;
pub(crate) mod server_time;
mod surroundings;
mod time_scale;
pub(crate) mod times;

pub use connection::{Connection, Endpoint};
pub use error::{CallError, CallErrorKind};
pub(crate) use error::{DoingExt, MISSING_SERVICE};
pub use role::RoleArn;
pub(crate) use surroundings::Surrounding;
pub(crate) use time_scale::Clock;
