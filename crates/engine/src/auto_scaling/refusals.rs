//! Refusals, in Application Auto Scaling's words.

use super::resource::{DIMENSION, NAMESPACE, ScalableResource};
use crate::refusal::Refusal;

pub(super) fn validation(message: impl Into<String>) -> Refusal {
    Refusal::new("ValidationException", message)
}

pub(super) fn limit(message: impl Into<String>) -> Refusal {
    Refusal::new("LimitExceededException", message)
}

pub(super) fn no_target(resource: &ScalableResource) -> Refusal {
    Refusal::new("ObjectNotFoundException", format!("No scalable target registered for {}", named(resource)))
}

pub(super) fn no_policy(resource: &ScalableResource, policy: &str) -> Refusal {
    let message = format!("No scaling policy found for {}, policy name: {policy}", named(resource));
    Refusal::new("ObjectNotFoundException", message)
}

fn named(resource: &ScalableResource) -> String {
    format!("service namespace: {NAMESPACE}, resource ID: {resource}, scalable dimension: {DIMENSION}")
}
