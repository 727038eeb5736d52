//! PutImageTagMutability, PutImageScanningConfiguration, and the access policy of a repository.

use seatrial_aws_wire::Input;
use seatrial_engine::Refusal;
use seatrial_engine::images::repositories as stored;
use seatrial_model::image::RepositoryName;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Ecr;
use super::answer::{invalid, of_repository, repository_name};
use super::repositories::{Filter, Scanning, read_mutability, show_filters};
use crate::operations::OperationError;

/// The longest access policy, as in ECR.
const POLICY_LENGTH_MAX: usize = 10_240;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PutImageTagMutability {
    registry_id: Option<String>,
    repository_name: String,
    image_tag_mutability: String,
    #[serde(default)]
    image_tag_mutability_exclusion_filters: Vec<Filter>,
}

pub(super) fn put_mutability(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    let request: PutImageTagMutability = input.read()?;
    let name = repository_name(ecr, request.registry_id.as_deref(), &request.repository_name)?;
    let filters = &request.image_tag_mutability_exclusion_filters;
    let mutability = read_mutability(Some(&request.image_tag_mutability), filters)?;
    let kept = mutability.clone();
    ecr.engine.transact(|tx| {
        stored::change(tx, &name)?.mutability = kept;
        Ok(())
    })?;
    let mut answer = of_repository(ecr, &name, json!({"imageTagMutability": mutability.kind().as_str()}));
    if !mutability.exclusions().is_empty() {
        answer["imageTagMutabilityExclusionFilters"] = show_filters(&mutability);
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PutImageScanningConfiguration {
    registry_id: Option<String>,
    repository_name: String,
    image_scanning_configuration: Scanning,
}

/// Keeps the setting for its readers; nothing is scanned.
pub(super) fn put_scanning(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    let request: PutImageScanningConfiguration = input.read()?;
    let name = repository_name(ecr, request.registry_id.as_deref(), &request.repository_name)?;
    let scans = request.image_scanning_configuration.scan_on_push;
    ecr.engine.transact(|tx| {
        stored::change(tx, &name)?.scans_on_push = scans;
        Ok(())
    })?;
    Ok(of_repository(ecr, &name, json!({"imageScanningConfiguration": {"scanOnPush": scans}})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicyOfRepository {
    registry_id: Option<String>,
    repository_name: String,
    policy_text: Option<String>,
}

impl PolicyOfRepository {
    fn read(ecr: &Ecr, input: &Input) -> Result<(Self, RepositoryName), OperationError> {
        let request: PolicyOfRepository = input.read()?;
        let name = repository_name(ecr, request.registry_id.as_deref(), &request.repository_name)?;
        Ok((request, name))
    }
}

/// Keeps an access policy for its readers. It is not enforced: the engine has one user, who may do everything.
pub(super) fn set_policy(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    let (request, name) = PolicyOfRepository::read(ecr, input)?;
    let text = request.policy_text.unwrap_or_default();
    let is_policy = text.len() <= POLICY_LENGTH_MAX
        && serde_json::from_str::<Value>(&text).is_ok_and(|policy| policy.get("Statement").is_some());
    if !is_policy {
        let message = format!(
            "Invalid parameter at 'PolicyText' failed to satisfy constraint: a JSON object with a Statement, at most {POLICY_LENGTH_MAX} characters"
        );
        return Err(invalid(message).into());
    }
    let kept = text.clone();
    ecr.engine.transact(|tx| {
        stored::change(tx, &name)?.access_policy = Some(kept);
        Ok(())
    })?;
    Ok(of_repository(ecr, &name, json!({"policyText": text})))
}

pub(super) fn get_policy(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    let (_, name) = PolicyOfRepository::read(ecr, input)?;
    let found = ecr
        .engine
        .read(|state| stored::find(state, &name)?.access_policy.clone().ok_or_else(|| policy_not_found(&name)))?;
    Ok(of_repository(ecr, &name, json!({"policyText": found})))
}

pub(super) fn delete_policy(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    let (_, name) = PolicyOfRepository::read(ecr, input)?;
    let deleted = ecr
        .engine
        .transact(|tx| stored::change(tx, &name)?.access_policy.take().ok_or_else(|| policy_not_found(&name)))?;
    Ok(of_repository(ecr, &name, json!({"policyText": deleted})))
}

fn policy_not_found(name: &RepositoryName) -> Refusal {
    let message = format!("Repository policy does not exist for the repository with name '{name}'");
    Refusal::new("RepositoryPolicyNotFoundException", message)
}
