//! What the operations of ECR share: how they read names and numbers, and how repositories show.

use seatrial_aws_wire::ServiceError;
use seatrial_engine::images::{Repository, repositories};
use seatrial_engine::{Refusal, State};
use seatrial_model::image::RepositoryName;
use serde_json::{Value, json};

use super::Ecr;
use crate::operations::OperationError;

pub(super) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidParameterException", message)
}

/// Reads the name of a repository in the registry of this account, the only one there is.
pub(super) fn repository_name(ecr: &Ecr, registry: Option<&str>, name: &str) -> Result<RepositoryName, Refusal> {
    require_registry(ecr, registry)?;
    RepositoryName::parse(name).map_err(|error| {
        invalid(format!("Invalid parameter at 'repositoryName' failed to satisfy constraint: {}", error.rule))
    })
}

/// Refuses the registry of another account.
pub(super) fn require_registry(ecr: &Ecr, registry: Option<&str>) -> Result<(), Refusal> {
    let own = &ecr.engine.settings().scope.account;
    match registry {
        Some(other) if other != own.as_str() => {
            Err(invalid(format!("The registry with id '{other}' is not of this engine, whose is '{own}'.")))
        }
        Some(_) | None => Ok(()),
    }
}

/// Reads `maxResults`.
pub(super) fn page_size(asked: Option<i64>, usual: usize) -> Result<usize, Refusal> {
    /// The most items of a page, as in ECR.
    const PAGE_MAX: i64 = 1000;
    match asked {
        None => Ok(usual),
        Some(size) if (1..=PAGE_MAX).contains(&size) => Ok(size as usize),
        Some(size) => Err(invalid(format!(
            "Invalid parameter at 'maxResults' failed to satisfy constraint: {size} is not between 1 and {PAGE_MAX}"
        ))),
    }
}

pub(super) fn invalid_token() -> Refusal {
    invalid("Invalid parameter at 'nextToken' failed to satisfy constraint: it is of another listing")
}

/// Adds which repository an answer is about.
pub(super) fn of_repository(ecr: &Ecr, name: &RepositoryName, mut answer: Value) -> Value {
    answer["registryId"] = json!(ecr.engine.settings().scope.account);
    answer["repositoryName"] = json!(name);
    answer
}

/// The error of bytes that could not be written or read.
pub(super) fn unstored(error: &std::io::Error) -> OperationError {
    tracing::error!(%error, "the registry's storage failed");
    ServiceError::receiver("ServerException", format!("The engine could not use its storage: {error}.")).into()
}

pub(super) fn show_repository(ecr: &Ecr, state: &State, repository: &Repository) -> Value {
    let Repository { name, created_at, mutability, scans_on_push, encryption, .. } = repository;
    let mut encryption = encryption.clone();
    encryption.entry("encryptionType").or_insert_with(|| json!("AES256"));
    let mut shown = json!({
        "repositoryArn": repositories::arn(&state.scope, name),
        "registryId": state.scope.account,
        "repositoryName": name,
        "repositoryUri": format!("{}/{name}", ecr.address),
        "createdAt": created_at.as_epoch_seconds(),
        "imageTagMutability": mutability.kind().as_str(),
        "imageScanningConfiguration": {"scanOnPush": scans_on_push},
        "encryptionConfiguration": encryption,
    });
    if !mutability.exclusions().is_empty() {
        shown["imageTagMutabilityExclusionFilters"] = super::repositories::show_filters(mutability);
    }
    shown
}
