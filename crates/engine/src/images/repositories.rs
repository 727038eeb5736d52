//! Repositories: making, finding, changing and deleting them.

use seatrial_model::Arn;
use seatrial_model::arn::Scope;
use seatrial_model::image::RepositoryName;

use super::mutability::Mutability;
use super::records::Repository;
use super::{keys, refusals};
use crate::refusal::Refusal;
use crate::state::{Document, State, Tags};
use crate::transaction::Transaction;

/// The most repositories: ECR's quota per Region.
const REPOSITORIES_MAX: usize = 100_000;

/// What a repository is made with.
#[derive(Clone, Debug)]
pub struct NewRepository {
    pub name: RepositoryName,
    pub mutability: Mutability,
    pub scans_on_push: bool,
    pub encryption: Document,
    pub tags: Tags,
}

/// Returns a repository's ARN.
pub fn arn(scope: &Scope, name: &RepositoryName) -> Arn {
    scope.arn("ecr", format_args!("repository/{name}"))
}

pub fn create(tx: &mut Transaction<'_>, new: NewRepository) -> Result<Repository, Refusal> {
    let NewRepository { name, mutability, scans_on_push, encryption, tags } = new;
    if tx.state.repositories.contains(name.as_str()) {
        let account = &tx.state.scope.account;
        let message = format!("The repository with name '{name}' already exists in the registry with id '{account}'");
        return Err(Refusal::new("RepositoryAlreadyExistsException", message));
    }
    if tx.state.repositories.len() >= REPOSITORIES_MAX {
        let message = format!("There may be at most {REPOSITORIES_MAX} repositories.");
        return Err(Refusal::new(refusals::LIMIT_EXCEEDED, message));
    }
    let repository = Repository {
        name: name.clone(),
        created_at: tx.now,
        mutability,
        scans_on_push,
        encryption,
        access_policy: None,
        lifecycle_policy: None,
        lifecycle_preview: None,
    };
    tx.state.repositories.insert(name.as_str(), repository.clone());
    if !tags.is_empty() {
        tx.state.tags.insert(arn(&tx.state.scope, &name).as_str(), tags);
    }
    Ok(repository)
}

pub fn find<'a>(state: &'a State, name: &RepositoryName) -> Result<&'a Repository, Refusal> {
    state.repositories.get(name.as_str()).ok_or_else(|| refusals::repository_not_found(state, name))
}

/// Returns a repository to change it.
pub fn change<'t>(tx: &'t mut Transaction<'_>, name: &RepositoryName) -> Result<&'t mut Repository, Refusal> {
    find(tx.state, name)?;
    tx.state.repositories.get_mut(name.as_str()).ok_or_else(|| unreachable!("it has just been found"))
}

/// What becomes of the images of a repository that is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithImages {
    Refuse,
    Delete,
}

/// Deletes a repository with its tags and settings.
pub fn delete(tx: &mut Transaction<'_>, name: &RepositoryName, images: WithImages) -> Result<Repository, Refusal> {
    let repository = find(tx.state, name)?.clone();
    let prefix = keys::of(name);
    if images == WithImages::Refuse && tx.state.images.under(&prefix).next().is_some() {
        let account = &tx.state.scope.account;
        let message = format!(
            "The repository with name '{name}' in registry with id '{account}' cannot be deleted because it still contains images"
        );
        return Err(Refusal::new("RepositoryNotEmptyException", message));
    }
    tx.state.images.remove_under(&prefix);
    tx.state.image_tags.remove_under(&prefix);
    tx.state.image_blobs.remove_under(&prefix);
    tx.state.repositories.remove(name.as_str());
    let arn = arn(&tx.state.scope, name);
    tx.state.tags.remove(arn.as_str());
    Ok(repository)
}
