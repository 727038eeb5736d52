//! RegisterScalableTarget, DeregisterScalableTarget, DescribeScalableTargets.

use seatrial_aws_wire::Input;
use seatrial_engine::auto_scaling::resource::{check_dimension, check_namespace};
use seatrial_engine::auto_scaling::targets::{self, Registration, SuspendedChange};
use seatrial_engine::auto_scaling::{ScalableResource, ScalableTarget};
use seatrial_engine::{Engine, Refusal};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{OfResource, check_names, invalid_token, listing, size, validation};
use super::show;
use super::tags::{self, TagMap};
use crate::operations::OperationError;

/// The largest page, which is the usual one.
const PAGE_MAX: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RegisterScalableTarget {
    #[serde(flatten)]
    of: OfResource,
    min_capacity: Option<i64>,
    max_capacity: Option<i64>,
    #[serde(rename = "RoleARN")]
    role_arn: Option<String>,
    #[serde(default)]
    suspended_state: SuspendedState,
    #[serde(default)]
    tags: TagMap,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct SuspendedState {
    dynamic_scaling_in_suspended: Option<bool>,
    dynamic_scaling_out_suspended: Option<bool>,
    scheduled_scaling_suspended: Option<bool>,
}

pub(super) fn register(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: RegisterScalableTarget = input.read()?;
    let resource = request.of.resource()?;
    let SuspendedState { dynamic_scaling_in_suspended, dynamic_scaling_out_suspended, scheduled_scaling_suspended } =
        request.suspended_state;
    let registration = Registration {
        min: capacity("MinCapacity", request.min_capacity)?,
        max: capacity("MaxCapacity", request.max_capacity)?,
        role_arn: request.role_arn,
        suspended: SuspendedChange {
            scale_in: dynamic_scaling_in_suspended,
            scale_out: dynamic_scaling_out_suspended,
            scheduled: scheduled_scaling_suspended,
        },
        tags: tags::parse(request.tags)?,
    };
    let arn = engine.transact(|tx| targets::register(tx, &resource, registration))?;
    Ok(json!({ "ScalableTargetARN": arn }))
}

pub(super) fn deregister(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let resource = input.read::<OfResource>()?.resource()?;
    engine.transact(|tx| targets::deregister(tx, &resource))?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeScalableTargets {
    service_namespace: String,
    #[serde(default)]
    resource_ids: Vec<String>,
    scalable_dimension: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(super) fn describe(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DescribeScalableTargets = input.read()?;
    check_namespace(&request.service_namespace)?;
    if let Some(dimension) = &request.scalable_dimension {
        check_dimension(dimension)?;
        if request.resource_ids.is_empty() {
            return Err(validation("ResourceIds must be given with a ScalableDimension.").into());
        }
    }
    check_names("ResourceIds", &request.resource_ids)?;
    let wanted = request.resource_ids.iter().map(|id| ScalableResource::parse_id(id));
    let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
    let size = size(request.max_results, PAGE_MAX)?;
    let is_wanted = |target: &&ScalableTarget| wanted.is_empty() || wanted.contains(&target.resource);
    let listing = listing("DescribeScalableTargets", input);
    let page = engine.read(|state| {
        let found = state.scalable_targets.values().filter(is_wanted).cloned();
        listing.page(found, |target| target.resource.to_string(), request.next_token.as_deref(), size)
    });
    let page = page.map_err(|_| invalid_token())?;
    Ok(show::page("ScalableTargets", page.items.iter().map(show::target).collect(), page.next_token))
}

fn capacity(member: &str, given: Option<i64>) -> Result<Option<u32>, Refusal> {
    let fits = |count: i64| u32::try_from(count).ok().filter(|count| i32::try_from(*count).is_ok());
    match given {
        None => Ok(None),
        Some(count) => match fits(count) {
            Some(count) => Ok(Some(count)),
            None => Err(validation(format!("{member} must be a whole number from 0 to {}, not {count}.", i32::MAX))),
        },
    }
}
