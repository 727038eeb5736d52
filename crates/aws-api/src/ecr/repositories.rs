//! CreateRepository, DescribeRepositories, DeleteRepository.

use seatrial_aws_wire::Input;
use seatrial_aws_wire::page::Listing;
use seatrial_engine::Refusal;
use seatrial_engine::images::mutability::{Mutability, MutabilityKind, TagPattern};
use seatrial_engine::images::repositories::{self, NewRepository, WithImages};
use seatrial_engine::state::Document;
use seatrial_model::image::RepositoryName;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Ecr;
use super::answer::{invalid, invalid_token, page_size, repository_name, require_registry, show_repository};
use super::tags::{self, TagList};
use crate::operations::OperationError;

/// How many repositories are on a page unless told otherwise.
const PAGE_USUAL: usize = 100;
/// The most repositories that can be asked for by name.
const NAMES_MAX: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateRepository {
    registry_id: Option<String>,
    repository_name: String,
    #[serde(default)]
    tags: TagList,
    image_tag_mutability: Option<String>,
    #[serde(default)]
    image_tag_mutability_exclusion_filters: Vec<Filter>,
    #[serde(default)]
    image_scanning_configuration: Scanning,
    #[serde(default)]
    encryption_configuration: Document,
}

/// An item of `imageTagMutabilityExclusionFilters`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Filter {
    filter_type: String,
    filter: String,
}

/// `imageScanningConfiguration`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Scanning {
    #[serde(default)]
    pub scan_on_push: bool,
}

pub(super) fn create(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    let request: CreateRepository = input.read()?;
    let new = NewRepository {
        name: repository_name(ecr, request.registry_id.as_deref(), &request.repository_name)?,
        mutability: read_mutability(
            request.image_tag_mutability.as_deref(),
            &request.image_tag_mutability_exclusion_filters,
        )?,
        scans_on_push: request.image_scanning_configuration.scan_on_push,
        encryption: read_encryption(request.encryption_configuration)?,
        tags: tags::parse(request.tags)?,
    };
    let repository = ecr.engine.transact(|tx| repositories::create(tx, new))?;
    Ok(ecr.engine.read(|state| json!({"repository": show_repository(ecr, state, &repository)})))
}

pub(super) fn read_mutability(kind: Option<&str>, filters: &[Filter]) -> Result<Mutability, Refusal> {
    let kind = match kind {
        None => MutabilityKind::Mutable,
        Some(text) => MutabilityKind::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let choices = MutabilityKind::ALL.map(MutabilityKind::as_str).join(", ");
            invalid(format!("Invalid parameter at 'imageTagMutability': {text} is none of {choices}"))
        })?,
    };
    let patterns = filters.iter().map(|filter| {
        if filter.filter_type != "WILDCARD" {
            return Err(invalid(format!("Invalid parameter at 'filterType': {} is not WILDCARD", filter.filter_type)));
        }
        TagPattern::parse(&filter.filter).map_err(|error| invalid(format!("Invalid parameter at 'filter': {error}")))
    });
    let patterns = patterns.collect::<Result<Vec<_>, _>>()?;
    Mutability::new(kind, patterns).map_err(|error| invalid(format!("Invalid parameter: {error}")))
}

pub(super) fn show_filters(mutability: &Mutability) -> Value {
    let filters = mutability.exclusions().iter();
    filters.map(|pattern| json!({"filterType": "WILDCARD", "filter": pattern.as_str()})).collect()
}

/// Keeps what was asked for as encryption. The engine's disk is what it is.
fn read_encryption(given: Document) -> Result<Document, Refusal> {
    let kept = |(name, value): (String, Value)| match (name.as_str(), value) {
        ("encryptionType", Value::String(kind)) if ["AES256", "KMS", "KMS_DSSE"].contains(&kind.as_str()) => {
            Some(Ok((name, Value::String(kind))))
        }
        ("kmsKey", Value::String(key)) => Some(Ok((name, Value::String(key)))),
        ("encryptionType" | "kmsKey", _) => Some(Err(invalid(format!("Invalid parameter at '{name}'")))),
        _ => None,
    };
    given.into_iter().filter_map(kept).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeRepositories {
    registry_id: Option<String>,
    repository_names: Option<Vec<String>>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

pub(super) fn describe(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    let request: DescribeRepositories = input.read()?;
    require_registry(ecr, request.registry_id.as_deref())?;
    if let Some(names) = &request.repository_names {
        if names.len() > NAMES_MAX {
            return Err(invalid(format!("At most {NAMES_MAX} repositories can be named.")).into());
        }
        let names = names.iter().map(|name| repository_name(ecr, None, name)).collect::<Result<Vec<_>, _>>()?;
        return Ok(ecr.engine.read(|state| {
            let show = |name: &RepositoryName| Ok(show_repository(ecr, state, repositories::find(state, name)?));
            let shown = names.iter().map(show).collect::<Result<Vec<_>, Refusal>>()?;
            Ok::<_, Refusal>(json!({"repositories": shown}))
        })?);
    }
    let size = page_size(request.max_results, PAGE_USUAL)?;
    ecr.engine.read(|state| {
        let all = state.repositories.values();
        let page = Listing::new("DescribeRepositories", [])
            .page(all, |repository| repository.name.to_string(), request.next_token.as_deref(), size)
            .map_err(|_| invalid_token())?;
        let shown: Vec<Value> = page.items.iter().map(|repository| show_repository(ecr, state, repository)).collect();
        let mut answer = json!({"repositories": shown});
        if let Some(token) = page.next_token {
            answer["nextToken"] = json!(token);
        }
        Ok(answer)
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeleteRepository {
    registry_id: Option<String>,
    repository_name: String,
    #[serde(default)]
    force: bool,
}

pub(super) fn delete(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    let request: DeleteRepository = input.read()?;
    let name = repository_name(ecr, request.registry_id.as_deref(), &request.repository_name)?;
    let images = if request.force { WithImages::Delete } else { WithImages::Refuse };
    let deleted = ecr.engine.transact(|tx| repositories::delete(tx, &name, images))?;
    Ok(ecr.engine.read(|state| json!({"repository": show_repository(ecr, state, &deleted)})))
}
