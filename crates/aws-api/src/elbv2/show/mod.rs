//! How ELBv2's objects look in answers: from the engine's records to the shapes of the model.

mod action;
mod condition;
mod listener;
mod load_balancer;
mod rule;
mod target_group;

pub(super) use listener::listener;
pub(super) use load_balancer::{availability_zones, load_balancer};
pub(super) use rule::{rule, rule_ref};
pub(super) use target_group::{target_group, target_health};

use serde_json::{Map, Value};

/// An object under construction.
type Object = Map<String, Value>;

/// Puts a member into an object, if there is a value.
fn put(object: &mut Object, member: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(member.to_owned(), value.into());
    }
}
