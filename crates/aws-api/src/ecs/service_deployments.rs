//! ListServiceDeployments, DescribeServiceDeployments, DescribeServiceRevisions, StopServiceDeployment.

use std::cmp::Reverse;

use seatrial_aws_wire::Input;
use seatrial_aws_wire::page::Listing;
use seatrial_engine::service_deployments::{current, stop as stop_deployment};
use seatrial_engine::state::ServiceDeploymentRecord;
use seatrial_engine::{Engine, Refusal, StopType, clusters, services};
use seatrial_model::{Arn, ServiceDeploymentId, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{PageSize, check_count, found_and_missing, page};
use super::show;
use crate::operations::OperationError;

const PAGE: PageSize = PageSize { default: 20, highest: 100 };
const DESCRIBED_AT_ONCE_MAX: usize = 20;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListServiceDeployments {
    service: String,
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
    before: Option<f64>,
    after: Option<f64>,
}

pub(super) fn list(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: ListServiceDeployments = input.read()?;
    let size = PAGE.of(request.max_results)?;
    let name = services::parse(&request.service)?;
    engine.read(|state| {
        let cluster = clusters::resolve(state, request.cluster.as_deref())?;
        state.service(&cluster, &name).ok_or_else(Refusal::service_not_found)?;
        let seconds = |at: Timestamp| at.as_epoch_seconds();
        let mut records: Vec<&ServiceDeploymentRecord> = state
            .service_deployments
            .values()
            .filter(|record| record.cluster == cluster && record.service == name)
            .filter(|record| {
                let status = current(state, record).status.as_str();
                request.status.is_empty() || request.status.iter().any(|wanted| wanted == status)
            })
            .filter(|record| {
                request.created_at.before.is_none_or(|limit| seconds(record.deployment.created_at) < limit)
            })
            .filter(|record| request.created_at.after.is_none_or(|limit| seconds(record.deployment.created_at) > limit))
            .collect();
        let key = |record: &ServiceDeploymentRecord| {
            Reverse((record.deployment.created_at, record.deployment.id.to_string()))
        };
        records.sort_by_key(|record| key(record));
        page(
            &Listing::new("ListServiceDeployments", [cluster.as_str(), name.as_str()]),
            "serviceDeployments",
            records,
            |record| key(record),
            |record| show::service_deployment_brief(state, record),
            request.next_token.as_deref(),
            size,
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
    Ok(engine.read(|state| {
        let (found, failures) = found_and_missing(&request.service_deployment_arns, |arn| {
            let record = state.service_deployments.get(last_part(arn));
            record.map(|record| show::service_deployment(state, record)).ok_or_else(|| arn.to_owned())
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
            revision.map(|revision| show::service_revision(state, revision)).ok_or_else(|| text.to_owned())
        });
        json!({ "serviceRevisions": found, "failures": failures })
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StopServiceDeployment {
    service_deployment_arn: String,
    stop_type: Option<StopType>,
}

pub(super) fn stop(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: StopServiceDeployment = input.read()?;
    let unknown = || Refusal::new("ServiceDeploymentNotFoundException", "The service deployment does not exist.");
    let id = ServiceDeploymentId::parse(last_part(&request.service_deployment_arn)).map_err(|_| unknown())?;
    let stop_type = request.stop_type.unwrap_or(StopType::Rollback);
    engine.transact(|tx| stop_deployment(tx, &id, stop_type))?;
    Ok(json!({ "serviceDeploymentArn": request.service_deployment_arn }))
}

fn last_part(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}
