//! BatchGetImage, BatchDeleteImage.

use std::io::ErrorKind;

use seatrial_aws_wire::Input;
use seatrial_engine::images::{deleting, finding, refusals, repositories};
use seatrial_engine::{Refusal, Transaction};
use seatrial_model::image::{Digest, ImageTag, RepositoryName};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Ecr;
use super::answer::{repository_name, unstored};
use super::image_ids::{Failure, ImageId, check_count, show_id};
use crate::operations::OperationError;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImagesOfRepository {
    registry_id: Option<String>,
    repository_name: String,
    image_ids: Vec<ImageId>,
    #[serde(default)]
    accepted_media_types: Vec<String>,
}

pub(super) fn get(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    let request: ImagesOfRepository = input.read()?;
    let name = repository_name(ecr, request.registry_id.as_deref(), &request.repository_name)?;
    check_count(&request.image_ids)?;
    let found = ecr.engine.read(|state| {
        repositories::find(state, &name)?;
        let find = |id: &ImageId| {
            id.find(state, &name).map(|named| (named.image.digest.clone(), named.image.manifest.media_type, named.tag))
        };
        Ok::<_, Refusal>(request.image_ids.iter().map(|id| (id, find(id))).collect::<Vec<_>>())
    })?;
    let (mut images, mut failures) = (Vec::new(), Vec::new());
    for (id, found) in found {
        let (digest, media_type, tag) = match found {
            Ok(found) => found,
            Err(failure) => {
                failures.push(id.failed(&failure));
                continue;
            }
        };
        let accepted = &request.accepted_media_types;
        if !accepted.is_empty() && !accepted.iter().any(|kind| kind == media_type.as_str()) {
            let reason = format!("The image is of the type {media_type:?}, which is none of the accepted ones");
            failures.push(id.failed(&Failure::new("ImageNotFound", reason)));
            continue;
        }
        let bytes = ecr.storage.blobs.read(&digest).and_then(|bytes| bytes.ok_or_else(|| ErrorKind::NotFound.into()));
        let bytes = bytes.map_err(|error| unstored(&error))?;
        note_pull(ecr, &name, &digest)?;
        images.push(json!({
            "registryId": ecr.engine.settings().scope.account,
            "repositoryName": name,
            "imageId": show_id(&digest, tag.as_ref()),
            "imageManifest": String::from_utf8_lossy(&bytes),
            "imageManifestMediaType": media_type,
        }));
    }
    Ok(json!({"images": images, "failures": failures}))
}

fn note_pull(ecr: &Ecr, name: &RepositoryName, digest: &Digest) -> Result<(), Refusal> {
    let now = ecr.engine.now();
    let is_news = ecr
        .engine
        .read(|state| finding::by_digest(state, name, digest).is_some_and(|image| finding::is_pull_news(image, now)));
    if !is_news {
        return Ok(());
    }
    ecr.engine.transact(|tx| {
        finding::note_pull(tx, name, digest);
        Ok(())
    })
}

pub(super) fn delete(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    let request: ImagesOfRepository = input.read()?;
    let name = repository_name(ecr, request.registry_id.as_deref(), &request.repository_name)?;
    check_count(&request.image_ids)?;
    let answer = ecr.engine.transact(|tx| {
        repositories::find(tx.state, &name)?;
        let (mut deleted, mut failures) = (Vec::new(), Vec::new());
        for id in &request.image_ids {
            match delete_one(tx, &name, id) {
                Ok(gone) => deleted.extend(gone),
                Err(failure) => failures.push(id.failed(&failure)),
            }
        }
        Ok(json!({"imageIds": deleted, "failures": failures}))
    })?;
    Ok(answer)
}

/// Deletes an image by its digest with all its tags, or a tag, with the image if it was its last.
fn delete_one(tx: &mut Transaction<'_>, name: &RepositoryName, id: &ImageId) -> Result<Vec<Value>, Failure> {
    let named = id.find(tx.state, name)?;
    let digest = named.image.digest.clone();
    if let (Some(tag), None) = (&named.tag, &id.image_digest) {
        let has_other = finding::tags(tx.state, name).any(|(other, tagged)| *tagged == digest && other != tag);
        if has_other {
            let tag = tag.clone();
            deleting::untag(tx, name, &tag).map_err(|refusal| failure_of(&refusal))?;
            return Ok(vec![show_id(&digest, Some(&tag))]);
        }
    }
    let tags: Vec<ImageTag> = deleting::delete(tx, name, &digest).map_err(|refusal| failure_of(&refusal))?;
    if tags.is_empty() {
        return Ok(vec![show_id(&digest, None)]);
    }
    Ok(tags.iter().map(|tag| show_id(&digest, Some(tag))).collect())
}

fn failure_of(refusal: &Refusal) -> Failure {
    let code = match refusal.code {
        refusals::REFERENCED_BY_INDEX => "ImageReferencedByManifestList",
        _ => "ImageNotFound",
    };
    Failure::new(code, refusal.message.clone())
}
