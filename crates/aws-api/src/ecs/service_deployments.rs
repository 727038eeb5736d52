//! ListServiceDeployments, DescribeServiceDeployments, DescribeServiceRevisions, StopServiceDeployment, ContinueServiceDeployment.

use std::cmp::Reverse;

use seatrial_aws_wire::page::Listing;
use seatrial_aws_wire::{EpochSeconds, Input};
use seatrial_engine::service_deployments::{
    continue_paused as continue_deployment, current, skip_bake, stop as stop_deployment,
};
use seatrial_engine::state::ServiceDeploymentRecord;
use seatrial_engine::{Engine, PauseAction, Refusal, StopType, clusters};
use seatrial_model::skip_bake::SKIP_BAKE_HOOK;
use seatrial_model::{Arn, HookId, ServiceDeploymentId, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{PageRequest, found_and_missing, page};
use super::request::{check_count, one_of, required};
use super::{services, show};
use crate::operations::OperationError;

const DESCRIBED_AT_ONCE_MAX: usize = 20;
/// The statuses of a service deployment.
const STATUSES: [&str; 9] = [
    "PENDING",
    "SUCCESSFUL",
    "STOPPED",
    "STOP_REQUESTED",
    "IN_PROGRESS",
    "ROLLBACK_REQUESTED",
    "ROLLBACK_IN_PROGRESS",
    "ROLLBACK_SUCCESSFUL",
    "ROLLBACK_FAILED",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListServiceDeployments {
    service: Option<String>,
    cluster: Option<String>,
    #[serde(default)]
    status: Vec<String>,
    #[serde(default)]
    created_at: CreatedAt,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Default, Deserialize)]
struct CreatedAt {
    before: Option<EpochSeconds>,
    after: Option<EpochSeconds>,
}

impl CreatedAt {
    fn admits(&self, at: Timestamp) -> bool {
        self.before.is_none_or(|EpochSeconds(limit)| at < limit)
            && self.after.is_none_or(|EpochSeconds(limit)| at > limit)
    }
}

pub(super) fn list(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: ListServiceDeployments = input.read()?;
    let reference = required(request.service, "Service")?;
    request.status.iter().try_for_each(|status| one_of(Some(status), "status", &STATUSES))?;
    engine.read(|state| {
        let cluster = clusters::resolve(state, request.cluster.as_deref())?;
        let name = &services::find(state, &cluster, &reference)?.name;
        let is_asked = |record: &&ServiceDeploymentRecord| {
            let status = current(state, record).status.as_str();
            (record.cluster == cluster && record.service == *name)
                && (request.status.is_empty() || request.status.iter().any(|wanted| wanted == status))
                && request.created_at.admits(record.deployment.created_at)
        };
        let key = |record: &ServiceDeploymentRecord| {
            Reverse((record.deployment.created_at, record.deployment.id.to_string()))
        };
        let mut records: Vec<_> = state.service_deployments.values().filter(is_asked).collect();
        records.sort_by_key(|record| key(record));
        page(
            &Listing::new("ListServiceDeployments", [cluster.as_str(), name.as_str()]),
            "serviceDeployments",
            records,
            |record| key(record),
            |record| show::service_deployment_brief(state, record),
            PageRequest { token: request.next_token.as_deref(), size: request.max_results, default_size: 20 },
        )
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeServiceDeployments {
    #[serde(default)]
    service_deployment_arns: Vec<String>,
}

pub(super) fn describe(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DescribeServiceDeployments = input.read()?;
    check_count("ServiceDeploymentArns", request.service_deployment_arns.len(), DESCRIBED_AT_ONCE_MAX)?;
    let now = engine.now();
    Ok(engine.read(|state| {
        let (found, failures) = found_and_missing(&request.service_deployment_arns, |arn| {
            let record = state.service_deployments.get(last_part(arn)).ok_or_else(|| arn.clone())?;
            let mut shown = show::service_deployment(state, record);
            let service = state.service(&record.cluster, &record.service);
            if let Some(service) = service.filter(|_| !current(state, record).status.is_terminal()) {
                shown[show::WAITING_FOR] = show::waiting_for(service, now);
            }
            Ok(shown)
        });
        json!({ "serviceDeployments": found, "failures": failures })
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeServiceRevisions {
    #[serde(default)]
    service_revision_arns: Vec<String>,
}

pub(super) fn describe_revisions(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DescribeServiceRevisions = input.read()?;
    check_count("ServiceRevisionArns", request.service_revision_arns.len(), DESCRIBED_AT_ONCE_MAX)?;
    Ok(engine.read(|state| {
        let (found, failures) = found_and_missing(&request.service_revision_arns, |text| {
            let arn = Arn::new(text);
            let key = arn.resource().and_then(|resource| resource.strip_prefix("service-revision/"));
            let revision = key.and_then(|key| state.service_revisions.get(key));
            revision.map(|revision| show::service_revision(state, revision)).ok_or_else(|| text.clone())
        });
        json!({ "serviceRevisions": found, "failures": failures })
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StopServiceDeployment {
    service_deployment_arn: Option<String>,
    stop_type: Option<String>,
}

pub(super) fn stop(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: StopServiceDeployment = input.read()?;
    let arn = required(request.service_deployment_arn, "Service deployment ARN")?;
    one_of(request.stop_type.as_deref(), "stop type", &["ABORT", "ROLLBACK"])?;
    let stop_type = match request.stop_type.as_deref() {
        Some("ABORT") => StopType::Abort,
        Some(_) | None => StopType::Rollback,
    };
    let id = ServiceDeploymentId::parse(last_part(&arn)).map_err(|_| unknown_deployment())?;
    engine.transact(|tx| stop_deployment(tx, &id, stop_type))?;
    Ok(json!({ "serviceDeploymentArn": arn }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContinueServiceDeployment {
    service_deployment_arn: Option<String>,
    hook_id: Option<String>,
    action: Option<String>,
}

pub(super) fn continue_paused(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: ContinueServiceDeployment = input.read()?;
    let arn = required(request.service_deployment_arn, "Service deployment ARN")?;
    let hook = required(request.hook_id, "hookId")?;
    one_of(request.action.as_deref(), "action", &["CONTINUE", "ROLLBACK"])?;
    let action = match request.action.as_deref() {
        Some("ROLLBACK") => PauseAction::Rollback,
        Some(_) | None => PauseAction::Continue,
    };
    if hook == SKIP_BAKE_HOOK {
        return end_bake(engine, &arn, action);
    }
    let hook = HookId::parse(&hook)
        .map_err(|_| Refusal::invalid("Invalid hookId: hookId must follow the format: ecs-{hookType}-{id}"))?;
    let id = ServiceDeploymentId::parse(last_part(&arn)).map_err(|_| unknown_deployment())?;
    engine.transact(|tx| continue_deployment(tx, &id, &hook, action))?;
    Ok(json!({ "serviceDeploymentArn": arn }))
}

/// The extension that ends a bake early.
fn end_bake(engine: &Engine, arn: &str, action: PauseAction) -> Result<Value, OperationError> {
    match action {
        PauseAction::Continue => {
            let id = ServiceDeploymentId::parse(last_part(arn)).map_err(|_| unknown_deployment())?;
            engine.transact(|tx| skip_bake(tx, &id))?;
            Ok(json!({ "serviceDeploymentArn": arn }))
        }
        PauseAction::Rollback => {
            let message = format!("{SKIP_BAKE_HOOK} takes the action CONTINUE; StopServiceDeployment rolls back.");
            Err(Refusal::invalid(message).into())
        }
    }
}

fn unknown_deployment() -> Refusal {
    Refusal::new("ServiceDeploymentNotFoundException", "The service deployment does not exist.")
}

fn last_part(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}
