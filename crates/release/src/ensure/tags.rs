//! The tags Seatrial puts on what it makes: whose it is, and the engine's extensions that travel as tags.

use std::collections::HashMap;

use seatrial_model::SHIFT_BACK_TAG;

use crate::config::ServiceName;
use crate::plan::{FailFast, Plan, ServicePlan};

/// Tells the embedded engine to fail a deployment at the first cause that no retry can heal. AWS ignores it.
const FAIL_FAST: &str = "seatrial:fail-fast";

/// Tells the embedded engine which percentage of safe requests a new version gets copies of. AWS ignores it.
const MIRROR: &str = "seatrial:mirror";

/// Name and value of each tag of a resource of the environment, or of one service in it.
pub(crate) fn tags(plan: &Plan, service: Option<&ServiceName>) -> Vec<(&'static str, String)> {
    let mut tags =
        vec![("seatrial:app", plan.app.to_string()), ("seatrial:environment", plan.environment.name.to_string())];
    tags.extend(service.map(|service| ("seatrial:service", service.to_string())));
    tags
}

/// The tags of a service that are extensions of the engine, each with its value; without one the tag is absent.
pub(crate) fn extensions(plan: &ServicePlan) -> [(&'static str, Option<String>); 3] {
    let fail_fast = match plan.fail_fast {
        FailFast::On => Some("true".to_owned()),
        FailFast::Off => None,
    };
    let shift_back = plan.shift_back.map(|steps| steps.to_string());
    let mirror = plan.mirror.map(|share| share.get().to_string());
    [(FAIL_FAST, fail_fast), (SHIFT_BACK_TAG, shift_back), (MIRROR, mirror)]
}

/// Whether these tags are those of something made for the environment of a plan.
pub(crate) fn is_own_elb(plan: &Plan, found: &[aws_sdk_elasticloadbalancingv2::types::Tag]) -> bool {
    are_own(plan, |key| found.iter().find(|tag| tag.key() == Some(key)).and_then(|tag| tag.value()))
}

/// Whether these tags are those of something made for the environment of a plan.
pub(crate) fn is_own_ecs(plan: &Plan, found: &[aws_sdk_ecs::types::Tag]) -> bool {
    are_own(plan, |key| found.iter().find(|tag| tag.key() == Some(key)).and_then(|tag| tag.value()))
}

fn are_own<'t>(plan: &Plan, found: impl Fn(&str) -> Option<&'t str>) -> bool {
    tags(plan, None).iter().all(|(key, value)| found(key) == Some(value.as_str()))
}

pub(crate) fn for_elb(tags: Vec<(&'static str, String)>) -> Vec<aws_sdk_elasticloadbalancingv2::types::Tag> {
    let tag = |(key, value)| aws_sdk_elasticloadbalancingv2::types::Tag::builder().key(key).value(value).build();
    tags.into_iter().map(tag).collect()
}

/// Whether these tags are those of something made for a service of a plan.
pub(crate) fn is_of_service(plan: &Plan, service: &ServiceName, found: &[aws_sdk_cloudwatch::types::Tag]) -> bool {
    let value = |key: &str| found.iter().find(|tag| tag.key() == Some(key)).and_then(|tag| tag.value());
    tags(plan, Some(service)).iter().all(|(key, expected)| value(key) == Some(expected.as_str()))
}

/// Whether these tags are those of something made for a service of a plan.
pub(crate) fn is_of_service_map(plan: &Plan, service: &ServiceName, found: &HashMap<String, String>) -> bool {
    tags(plan, Some(service)).iter().all(|(key, expected)| found.get(*key) == Some(expected))
}

pub(crate) fn for_cloudwatch(tags: Vec<(&'static str, String)>) -> Vec<aws_sdk_cloudwatch::types::Tag> {
    tags.into_iter()
        .map(|(key, value)| aws_sdk_cloudwatch::types::Tag::builder().key(key).value(value).build())
        .collect()
}

pub(crate) fn for_ecs(tags: Vec<(&'static str, String)>) -> Vec<aws_sdk_ecs::types::Tag> {
    tags.into_iter().map(|(key, value)| aws_sdk_ecs::types::Tag::builder().key(key).value(value).build()).collect()
}
