//! How ECS objects look in answers: from the engine's records to the shapes of the ECS model.

mod cluster;
mod service;
mod service_deployment;
mod service_revision;
mod tags;
mod task;
mod task_definition;
mod waiting;

pub use cluster::{ClusterFields, cluster};
pub use service::{deployment_configuration, service};
pub use service_deployment::{service_deployment, service_deployment_brief};
pub use service_revision::service_revision;
pub use tags::{Include, tags_of};
pub(crate) use task::RUN_TASK_REQUEST;
pub use task::task;
pub use task_definition::task_definition;
pub use waiting::{WAITING_FOR, waiting_for};

use seatrial_model::Timestamp;
use serde_json::{Map, Value, json};

/// An object under construction.
pub(crate) type Object = Map<String, Value>;

/// Returns the AWS JSON form of an instant: epoch seconds with a fraction to the millisecond.
pub(crate) fn instant(at: Timestamp) -> Value {
    json!(at.as_epoch_seconds())
}

/// Puts a member into an object, if there is a value.
pub(crate) fn put(object: &mut Object, member: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(member.to_owned(), value.into());
    }
}
