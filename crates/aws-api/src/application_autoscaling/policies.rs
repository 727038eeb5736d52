//! PutScalingPolicy, DeleteScalingPolicy, DescribeScalingPolicies.

use seatrial_aws_wire::Input;
use seatrial_engine::auto_scaling::configuration::{StepConfiguration, TargetTrackingConfiguration};
use seatrial_engine::auto_scaling::policy::{StepPolicy, TrackingPolicy};
use seatrial_engine::auto_scaling::{PolicyKind, ScalingPolicy, policies};
use seatrial_engine::{Engine, Refusal};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Narrowed, OfResource, check_names, invalid_token, listing, size, validation};
use super::show;
use crate::operations::OperationError;

/// The largest page, which is the usual one.
const PAGE_MAX: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutScalingPolicy {
    policy_name: String,
    #[serde(flatten)]
    of: OfResource,
    policy_type: Option<String>,
    step_scaling_policy_configuration: Option<StepConfiguration>,
    target_tracking_scaling_policy_configuration: Option<TargetTrackingConfiguration>,
}

pub(super) fn put(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: PutScalingPolicy = input.read()?;
    let resource = request.of.resource()?;
    let (tracking, step) =
        (request.target_tracking_scaling_policy_configuration, request.step_scaling_policy_configuration);
    let kind = kind(request.policy_type.as_deref(), tracking, step)?;
    let (policy, alarms) = engine.transact(|tx| {
        let policy = policies::put(tx, &resource, &request.policy_name, kind)?;
        let alarms = policies::alarms(tx.state, &policy);
        Ok((policy, alarms))
    })?;
    // What a step policy is invoked by is its alarms' own affair.
    let own = match policy.kind {
        PolicyKind::TargetTracking(_) => alarms,
        PolicyKind::Step(_) => Vec::new(),
    };
    Ok(json!({ "PolicyARN": policy.arn, "Alarms": show::alarms(&own) }))
}

/// Reads the configuration; none leaves that of a policy as it is.
fn kind(
    policy_type: Option<&str>,
    tracking: Option<TargetTrackingConfiguration>,
    step: Option<StepConfiguration>,
) -> Result<Option<PolicyKind>, Refusal> {
    match (policy_type, tracking, step) {
        (None, None, None) => Ok(None),
        (None | Some("TargetTrackingScaling"), Some(tracking), None) => {
            Ok(Some(PolicyKind::TargetTracking(Box::new(TrackingPolicy::parse(tracking)?))))
        }
        (None | Some("StepScaling"), None, Some(step)) => Ok(Some(PolicyKind::Step(StepPolicy::parse(step)?))),
        (Some(kind @ ("TargetTrackingScaling" | "StepScaling")), _, _) => {
            Err(validation(format!("A policy of type {kind} needs {kind}PolicyConfiguration and no other.")))
        }
        (None, Some(_), Some(_)) => Err(validation("A policy has one configuration.")),
        (Some("PredictiveScaling"), _, _) => Err(validation("This engine has no predictive scaling.")),
        (Some(other), _, _) => {
            let other: String = other.chars().take(64).collect();
            Err(validation(format!(
                "1 validation error detected: Value '{other}' at 'policyType' failed to satisfy constraint: Member must satisfy enum value set: [StepScaling, TargetTrackingScaling, PredictiveScaling]"
            )))
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteScalingPolicy {
    policy_name: String,
    #[serde(flatten)]
    of: OfResource,
}

pub(super) fn delete(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DeleteScalingPolicy = input.read()?;
    let resource = request.of.resource()?;
    engine.transact(|tx| policies::delete(tx, &resource, &request.policy_name))?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeScalingPolicies {
    #[serde(default)]
    policy_names: Vec<String>,
    #[serde(flatten)]
    narrowed: Narrowed,
}

pub(super) fn describe(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let DescribeScalingPolicies { policy_names, narrowed } = input.read()?;
    let resource = narrowed.resource()?;
    check_names("PolicyNames", &policy_names)?;
    let size = size(narrowed.max_results, PAGE_MAX)?;
    let is_wanted = |policy: &&ScalingPolicy| {
        resource.as_ref().is_none_or(|resource| policy.resource == *resource)
            && (policy_names.is_empty() || policy_names.contains(&policy.name))
    };
    let listing = listing("DescribeScalingPolicies", input);
    let page = engine.read(|state| {
        let found = state.scaling_policies.values().filter(is_wanted);
        let key = |policy: &&ScalingPolicy| ScalingPolicy::key(&policy.resource, &policy.name);
        let page = listing.page(found, key, narrowed.next_token.as_deref(), size);
        page.map(|page| {
            let shown = page.items.iter().map(|policy| show::policy(policy, &policies::alarms(state, policy)));
            (shown.collect::<Vec<Value>>(), page.next_token)
        })
    });
    let (shown, next_token) = page.map_err(|_| invalid_token())?;
    Ok(show::page("ScalingPolicies", shown, next_token))
}
