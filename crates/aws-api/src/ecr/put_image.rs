//! PutImage.

use seatrial_aws_wire::Input;
use seatrial_engine::Refusal;
use seatrial_engine::images::putting::{self, NewImage};
use seatrial_engine::images::{finding, refusals, repositories};
use seatrial_model::image::{Algorithm, Digest, ImageTag, Manifest};
use seatrial_registry::storage::digest_of;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Ecr;
use super::answer::{invalid, repository_name, unstored};
use super::image_ids::show_id;
use crate::operations::OperationError;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PutImage {
    registry_id: Option<String>,
    repository_name: String,
    image_manifest: String,
    image_manifest_media_type: Option<String>,
    image_tag: Option<String>,
    image_digest: Option<String>,
}

pub(super) fn put(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    let request: PutImage = input.read()?;
    let name = repository_name(ecr, request.registry_id.as_deref(), &request.repository_name)?;
    let tag = request.image_tag.as_deref().map(ImageTag::parse).transpose();
    let tag = tag.map_err(|error| invalid(format!("Invalid parameter at 'imageTag': {}", error.rule)))?;
    let bytes = request.image_manifest.as_bytes();
    let manifest = Manifest::parse(bytes, request.image_manifest_media_type.as_deref()).map_err(|error| {
        invalid(format!("Invalid parameter at 'imageManifest' failed to satisfy constraint: {error}"))
    })?;
    let digest = digest_of(Algorithm::Sha256, bytes);
    check_digest(request.image_digest.as_deref(), &digest)?;
    ecr.engine.read(|state| repositories::find(state, &name).map(drop))?;
    // The bytes are durable before a row names them.
    ecr.storage.blobs.put(&digest, bytes, ecr.engine.now()).map_err(|error| unstored(&error))?;
    let image = NewImage { digest: digest.clone(), size: bytes.len() as u64, manifest };
    let media_type = image.manifest.media_type;
    ecr.engine.transact(|tx| {
        let is_tagged = |tag: &ImageTag| finding::tagged(tx.state, &name, tag) == Some(&digest);
        let is_there = finding::by_digest(tx.state, &name, &digest).is_some();
        if is_there && tag.as_ref().is_none_or(is_tagged) {
            let tag = tag.as_ref().map_or("null", ImageTag::as_str);
            let message = format!(
                "Image with digest '{digest}' and tag '{tag}' already exists in the repository with name '{name}'"
            );
            return Err(Refusal::new(refusals::IMAGE_ALREADY_EXISTS, message));
        }
        putting::put(tx, &name, image, tag.as_ref()).map(drop)
    })?;
    Ok(json!({"image": {
        "registryId": ecr.engine.settings().scope.account,
        "repositoryName": name,
        "imageId": show_id(&digest, tag.as_ref()),
        "imageManifest": request.image_manifest,
        "imageManifestMediaType": media_type,
    }}))
}

fn check_digest(stated: Option<&str>, digest: &Digest) -> Result<(), Refusal> {
    match stated {
        Some(stated) if stated != digest.as_str() => {
            let message = format!("The image digest '{stated}' does not match the digest of the manifest, '{digest}'");
            Err(Refusal::new("ImageDigestDoesNotMatchException", message))
        }
        Some(_) | None => Ok(()),
    }
}
