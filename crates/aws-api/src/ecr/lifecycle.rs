//! Lifecycle policies: putting, getting, deleting, trying them.

use seatrial_aws_wire::Input;
use seatrial_aws_wire::page::Listing;
use seatrial_engine::images::lifecycle::{Expiry, LifecyclePolicy, expiring};
use seatrial_engine::images::{LifecyclePolicyRecord, finding, repositories as stored};
use seatrial_engine::{Refusal, State};
use seatrial_model::image::RepositoryName;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Ecr;
use super::answer::{invalid, invalid_token, of_repository, page_size, repository_name};
use crate::operations::OperationError;

/// How many images are on a page of a preview unless told otherwise.
const PAGE_USUAL: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicyOfRepository {
    registry_id: Option<String>,
    repository_name: String,
    lifecycle_policy_text: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

impl PolicyOfRepository {
    fn read(ecr: &Ecr, input: &Input) -> Result<(Self, RepositoryName), OperationError> {
        let request: PolicyOfRepository = input.read()?;
        let name = repository_name(ecr, request.registry_id.as_deref(), &request.repository_name)?;
        Ok((request, name))
    }
}

fn parse(text: &str) -> Result<LifecyclePolicy, Refusal> {
    LifecyclePolicy::parse(text).map_err(|error| {
        invalid(format!("Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: {error}'"))
    })
}

pub(super) fn put(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    let (request, name) = PolicyOfRepository::read(ecr, input)?;
    let text = request.lifecycle_policy_text.unwrap_or_default();
    parse(&text)?;
    let kept = text.clone();
    ecr.engine.transact(|tx| {
        let record = LifecyclePolicyRecord { text: kept, evaluated_at: None };
        stored::change(tx, &name)?.lifecycle_policy = Some(record);
        Ok(())
    })?;
    Ok(of_repository(ecr, &name, json!({"lifecyclePolicyText": text})))
}

pub(super) fn get(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    let (_, name) = PolicyOfRepository::read(ecr, input)?;
    let found = ecr.engine.read(|state| policy(state, &name))?;
    Ok(of_repository(ecr, &name, show(&found)))
}

pub(super) fn delete(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    let (_, name) = PolicyOfRepository::read(ecr, input)?;
    let deleted = ecr
        .engine
        .transact(|tx| stored::change(tx, &name)?.lifecycle_policy.take().ok_or_else(|| not_found(tx.state, &name)))?;
    Ok(of_repository(ecr, &name, show(&deleted)))
}

/// Begins a preview, of the repository's own policy unless another is given. It is made when it is asked for, and needs no time.
pub(super) fn start_preview(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    let (request, name) = PolicyOfRepository::read(ecr, input)?;
    let text = match request.lifecycle_policy_text {
        Some(text) => text,
        None => ecr.engine.read(|state| policy(state, &name))?.text,
    };
    parse(&text)?;
    let kept = text.clone();
    ecr.engine.transact(|tx| {
        stored::change(tx, &name)?.lifecycle_preview = Some(kept);
        Ok(())
    })?;
    Ok(of_repository(ecr, &name, json!({"lifecyclePolicyText": text, "status": "IN_PROGRESS"})))
}

pub(super) fn get_preview(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    let (request, name) = PolicyOfRepository::read(ecr, input)?;
    let size = page_size(request.max_results, PAGE_USUAL)?;
    let (now, scale) = (ecr.engine.now(), ecr.engine.settings().scale);
    let answer = ecr.engine.read(|state| {
        let text = stored::find(state, &name)?.lifecycle_preview.clone().ok_or_else(|| {
            let message = format!("There is no lifecycle policy preview for the repository with name '{name}'");
            Refusal::new("LifecyclePolicyPreviewNotFoundException", message)
        })?;
        let mut gone = expiring(state, &name, &parse(&text)?, now, scale);
        let count = gone.len();
        gone.sort_by(|one, other| one.digest.cmp(&other.digest));
        let page = Listing::new("GetLifecyclePolicyPreview", [name.as_str()])
            .page(gone, |expiry| expiry.digest.to_string(), request.next_token.as_deref(), size)
            .map_err(|_| invalid_token())?;
        let shown: Vec<Value> = page.items.iter().map(|expiry| show_expiry(state, &name, expiry)).collect();
        let mut answer = json!({
            "lifecyclePolicyText": text,
            "status": "COMPLETE",
            "previewResults": shown,
            "summary": {"expiringImageTotalCount": count},
        });
        if let Some(token) = page.next_token {
            answer["nextToken"] = json!(token);
        }
        Ok::<_, Refusal>(answer)
    })?;
    Ok(of_repository(ecr, &name, answer))
}

fn show_expiry(state: &State, name: &RepositoryName, expiry: &Expiry) -> Value {
    let tags: Vec<_> =
        finding::tags(state, name).filter(|(_, digest)| **digest == expiry.digest).map(|(tag, _)| tag).collect();
    let mut shown = json!({
        "imageDigest": expiry.digest,
        "imageTags": tags,
        "action": {"type": "EXPIRE"},
        "appliedRulePriority": expiry.rule_priority,
    });
    if let Some(image) = finding::by_digest(state, name, &expiry.digest) {
        shown["imagePushedAt"] = json!(image.pushed_at.as_epoch_seconds());
    }
    shown
}

fn policy(state: &State, name: &RepositoryName) -> Result<LifecyclePolicyRecord, Refusal> {
    stored::find(state, name)?.lifecycle_policy.clone().ok_or_else(|| not_found(state, name))
}

fn show(record: &LifecyclePolicyRecord) -> Value {
    let mut shown = json!({"lifecyclePolicyText": record.text});
    if let Some(at) = record.evaluated_at {
        shown["lastEvaluatedAt"] = json!(at.as_epoch_seconds());
    }
    shown
}

fn not_found(state: &State, name: &RepositoryName) -> Refusal {
    let account = &state.scope.account;
    let message = format!(
        "Lifecycle policy does not exist for the repository with name '{name}' in the registry with id '{account}'"
    );
    Refusal::new("LifecyclePolicyNotFoundException", message)
}
