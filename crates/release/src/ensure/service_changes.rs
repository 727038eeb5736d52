//! What has to change of a service that exists, and what cannot. Pure.

use aws_sdk_ecs::types::{DeploymentRolloutState, Service};
use serde_json::{Map, Value as Json, json};

use super::compare::covers;
use crate::difference::{Difference, Members, differences_in};
use crate::error::ReleaseError;
use crate::plan::ServicePlan;

/// Members of CreateService that UpdateService can change.
const UPDATABLE: [&str; 16] = [
    "availabilityZoneRebalancing",
    "capacityProviderStrategy",
    "deploymentConfiguration",
    "deploymentController",
    "enableECSManagedTags",
    "enableExecuteCommand",
    "healthCheckGracePeriodSeconds",
    "loadBalancers",
    "networkConfiguration",
    "placementConstraints",
    "placementStrategy",
    "platformVersion",
    "propagateTags",
    "serviceConnectConfiguration",
    "serviceRegistries",
    "volumeConfigurations",
];

/// Of those, the ones that ECS describes only in the deployments of a service.
const DESCRIBED_PER_DEPLOYMENT: [&str; 2] = ["serviceConnectConfiguration", "volumeConfigurations"];

/// Members that only a new service can have otherwise.
const FIXED: [&str; 2] = ["launchType", "schedulingStrategy"];

/// Of the updatable members, those that ECS changes without a deployment.
const WITHOUT_DEPLOYMENT: [&str; 10] = [
    "availabilityZoneRebalancing",
    "deploymentConfiguration",
    "deploymentController",
    "desiredCount",
    "enableECSManagedTags",
    "enableExecuteCommand",
    "healthCheckGracePeriodSeconds",
    "placementConstraints",
    "placementStrategy",
    "propagateTags",
];

/// Whether changing this member starts a service deployment.
pub(super) fn starts_deployment(member: &str) -> bool {
    !WITHOUT_DEPLOYMENT.contains(&member)
}

/// The members to update: those the document has and the service has not, or has otherwise.
pub(super) fn differences(wanted: &Map<String, Json>, existing: &Json) -> Map<String, Json> {
    let primary = primary(existing);
    let differs = |member: &str, value: &Json| {
        let existing = &place(existing, &primary, member)[member];
        if member == "loadBalancers" { !attached(existing, value) } else { !covers(existing, value) }
    };
    wanted
        .iter()
        .filter(|(member, value)| UPDATABLE.contains(&member.as_str()) && differs(member, value))
        .map(|(member, value)| (member.clone(), value.clone()))
        .collect()
}

/// The members to update, setting by setting.
pub(super) fn told(changes: &Map<String, Json>, existing: &Json) -> Vec<Difference> {
    let primary = primary(existing);
    let one = |(member, value): (&String, &Json)| {
        let before = &place(existing, &primary, member)[member];
        match member.as_str() {
            "loadBalancers" => differences_in(member, &unordered(before), &unordered(value), Members::Wanted),
            _ => differences_in(member, before, value, Members::Wanted),
        }
    };
    changes.iter().flat_map(one).collect()
}

/// Says of what a service has and the configuration no longer names that it is over: ECS keeps what an update leaves out.
pub(super) fn take_back(wanted: &mut Map<String, Json>, existing: &Json) {
    let (member, criteria) = ("deploymentConfiguration", "earlySuccessCriteria");
    if existing[member][criteria]["enable"] == true
        && let Some(configuration) = wanted.get_mut(member).and_then(Json::as_object_mut)
    {
        configuration.entry(criteria).or_insert_with(|| json!({ "enable": false }));
    }
}

/// The newest deployment of a service.
fn primary(existing: &Json) -> Json {
    let deployments = existing["deployments"].as_array();
    let primary = deployments.and_then(|list| list.iter().find(|deployment| deployment["status"] == "PRIMARY"));
    primary.cloned().unwrap_or(Json::Null)
}

/// Where a member is described.
fn place<'a>(existing: &'a Json, primary: &'a Json, member: &str) -> &'a Json {
    if DESCRIBED_PER_DEPLOYMENT.contains(&member) { primary } else { existing }
}

/// Whether a service is attached to its load balancers as wanted. Which target group of a pair comes first changes with every
/// deployment. A pair stays when none is wanted any more: the tasks may be in either.
fn attached(existing: &Json, wanted: &Json) -> bool {
    let has_pair =
        |list: &Json| list.as_array().into_iter().flatten().any(|one| !one["advancedConfiguration"].is_null());
    if has_pair(existing) && !has_pair(wanted) {
        return true;
    }
    covers(&unordered(existing), &unordered(wanted))
}

/// Attachments with the target groups of each pair in the order of their ARNs.
fn unordered(attachments: &Json) -> Json {
    let mut attachments = attachments.clone();
    for attachment in attachments.as_array_mut().into_iter().flatten() {
        let (first, second) = (
            attachment["targetGroupArn"].clone(),
            attachment["advancedConfiguration"]["alternateTargetGroupArn"].clone(),
        );
        if second.as_str().is_some_and(|second| Some(second) < first.as_str()) {
            attachment["targetGroupArn"] = second;
            attachment["advancedConfiguration"]["alternateTargetGroupArn"] = first;
        }
    }
    attachments
}

/// Refuses a change that only a new service can have.
pub(super) fn refuse_fixed(
    plan: &ServicePlan,
    wanted: &Map<String, Json>,
    existing: &Json,
) -> Result<(), ReleaseError> {
    for member in FIXED {
        if let (Some(wanted), Some(existing)) = (wanted.get(member), existing.get(member))
            && wanted != existing
        {
            return Err(ReleaseError::not_possible(
                format!(
                    "service {} has the {member} {existing}, which ECS cannot change to {wanted}",
                    plan.service_name
                ),
                format!("delete the service (seatrial delete {}) and deploy again", plan.name),
            ));
        }
    }
    Ok(())
}

/// Whether the newest deployment of a service failed and was left as it is.
pub(super) fn last_attempt_failed(service: &Service) -> bool {
    let primary = service.deployments().iter().find(|deployment| deployment.status() == Some("PRIMARY"));
    let failed = primary.and_then(|deployment| deployment.rollout_state()) == Some(&DeploymentRolloutState::Failed);
    failed && service.current_service_deployment().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_members_that_differ_are_updated() {
        let existing = json!({
            "deploymentConfiguration": {"minimumHealthyPercent": 100, "maximumPercent": 200, "strategy": "ROLLING",
                "deploymentCircuitBreaker": {"enable": true, "rollback": true, "resetOnHealthyTask": true}},
            "healthCheckGracePeriodSeconds": 60,
            "loadBalancers": [{"targetGroupArn": "arn", "containerName": "web", "containerPort": 8080}],
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["b", "a"], "securityGroups": [], "assignPublicIp": "DISABLED"}},
            "deployments": [{"status": "ACTIVE"}, {"status": "PRIMARY", "volumeConfigurations": [{"name": "v"}]}]});
        let wanted = json!({"cluster": "c", "serviceName": "s", "launchType": "FARGATE",
            "deploymentConfiguration": {"minimumHealthyPercent": 100, "maximumPercent": 200,
                "deploymentCircuitBreaker": {"enable": true, "rollback": false}},
            "healthCheckGracePeriodSeconds": 30,
            "loadBalancers": [{"targetGroupArn": "arn", "containerName": "web", "containerPort": 8080}],
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a", "b"], "securityGroups": [], "assignPublicIp": "DISABLED"}},
            "volumeConfigurations": [{"name": "v"}]});
        let changes = differences(wanted.as_object().expect("an object"), &existing);
        assert_eq!(changes.keys().collect::<Vec<_>>(), ["deploymentConfiguration", "healthCheckGracePeriodSeconds"]);
        assert_eq!(
            told(&changes, &existing).iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "deploymentConfiguration.deploymentCircuitBreaker.rollback true → false",
                "healthCheckGracePeriodSeconds 60 → 30"
            ]
        );
        let mut without = wanted.as_object().cloned().expect("an object");
        take_back(&mut without, &json!({"deploymentConfiguration": {"earlySuccessCriteria": {"enable": true}}}));
        assert_eq!(without["deploymentConfiguration"]["earlySuccessCriteria"], json!({"enable": false}));
        assert_eq!(changes["deploymentConfiguration"], wanted["deploymentConfiguration"], "sent whole, not in part");
    }
}
