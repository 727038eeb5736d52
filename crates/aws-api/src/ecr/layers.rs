//! Layers by ECR's own operations, which a few clients use instead of the registry's protocol.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seatrial_aws_wire::{Input, ServiceError};
use seatrial_engine::Refusal;
use seatrial_engine::images::{blobs, refusals, repositories, tokens};
use seatrial_model::image::{Digest, RepositoryName};
use seatrial_registry::storage::{UploadError, UploadId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Ecr;
use super::answer::{invalid, of_repository, repository_name, unstored};
use crate::operations::OperationError;

/// How much of a layer is to be sent at once: in base64, with what goes around it, it fits a request of 4 MiB.
const PART_BYTES: usize = 5 * 1024 * 1024 / 2;
/// The most layers that can be asked about at once, as in ECR.
const DIGESTS_MAX: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LayersOfRepository {
    registry_id: Option<String>,
    repository_name: String,
    #[serde(default)]
    layer_digests: Vec<String>,
    layer_digest: Option<String>,
    upload_id: Option<String>,
}

impl LayersOfRepository {
    fn read(ecr: &Ecr, input: &Input) -> Result<(Self, RepositoryName), OperationError> {
        let request: LayersOfRepository = input.read()?;
        let name = repository_name(ecr, request.registry_id.as_deref(), &request.repository_name)?;
        ecr.engine.read(|state| repositories::find(state, &name).map(drop))?;
        Ok((request, name))
    }
}

pub(super) fn check_availability(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    let (request, name) = LayersOfRepository::read(ecr, input)?;
    if !(1..=DIGESTS_MAX).contains(&request.layer_digests.len()) {
        return Err(invalid(format!("Invalid parameter at 'layerDigests': 1 to {DIGESTS_MAX} digests")).into());
    }
    let (mut layers, mut failures) = (Vec::new(), Vec::new());
    for text in &request.layer_digests {
        let Ok(digest) = Digest::parse(text) else {
            failures.push(json!({"layerDigest": text, "failureCode": "InvalidLayerDigest",
                "failureReason": "Invalid layer digest in the request"}));
            continue;
        };
        let mut shown = json!({"layerDigest": digest, "layerAvailability": "UNAVAILABLE"});
        if let Some(size) = size_of(ecr, &name, &digest)? {
            shown["layerAvailability"] = json!("AVAILABLE");
            shown["layerSize"] = json!(size);
        }
        layers.push(shown);
    }
    Ok(json!({"layers": layers, "failures": failures}))
}

/// Returns the size of a layer; whoever is told of it can rely on it for a while.
fn size_of(ecr: &Ecr, name: &RepositoryName, digest: &Digest) -> Result<Option<u64>, Refusal> {
    ecr.engine.transact(|tx| {
        let size = blobs::find(tx.state, name, digest).map(|blob| blob.size);
        let (now, scale) = (tx.now, tx.scale);
        if blobs::find(tx.state, name, digest).is_some_and(|blob| blobs::is_to_be_kept(tx.state, blob, now, scale)) {
            blobs::keep(tx, name, digest);
        }
        Ok(size)
    })
}

pub(super) fn initiate(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    let (_, name) = LayersOfRepository::read(ecr, input)?;
    let id = ecr.storage.uploads.begin(&name, ecr.engine.now()).map_err(|error| refused(&error))?;
    Ok(json!({"uploadId": id.as_str(), "partSize": PART_BYTES}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UploadLayerPart {
    part_first_byte: u64,
    part_last_byte: u64,
    layer_part_blob: String,
}

pub(super) fn upload_part(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    let (request, name) = LayersOfRepository::read(ecr, input)?;
    let part: UploadLayerPart = input.read()?;
    let id = upload_id(&request)?;
    let bytes = STANDARD
        .decode(&part.layer_part_blob)
        .map_err(|_| invalid("Invalid parameter at 'layerPartBlob': it is not base64"))?;
    let mut claim = ecr.storage.uploads.claim(&name, &id, ecr.engine.now()).map_err(|error| refused(&error))?;
    let length = part.part_last_byte.checked_sub(part.part_first_byte).map(|less| less.saturating_add(1));
    if part.part_first_byte != claim.length() || length != Some(bytes.len() as u64) {
        let text = format!("The part must begin at byte {} and be as long as it says", claim.length());
        let error = ServiceError::sender("InvalidLayerPartException", text)
            .with_member("uploadId", json!(id.as_str()))
            .with_member("repositoryName", json!(name))
            .with_member("registryId", json!(ecr.engine.settings().scope.account))
            .with_member("lastValidByteReceived", json!(claim.length().saturating_sub(1)));
        return Err(error.into());
    }
    claim.append(&bytes).and_then(|()| claim.sync()).map_err(|error| refused(&error))?;
    let answer = json!({"uploadId": id.as_str(), "lastByteReceived": part.part_last_byte});
    Ok(of_repository(ecr, &name, answer))
}

pub(super) fn complete(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    let (request, name) = LayersOfRepository::read(ecr, input)?;
    let id = upload_id(&request)?;
    let [digest] = &request.layer_digests[..] else {
        return Err(invalid("Invalid parameter at 'layerDigests': exactly one digest").into());
    };
    let digest = parse_digest(digest)?;
    let claim = ecr.storage.uploads.claim(&name, &id, ecr.engine.now()).map_err(|error| refused(&error))?;
    if claim.length() == 0 {
        return Err(Refusal::new("EmptyUploadException", "The upload has no parts").into());
    }
    if ecr.engine.read(|state| blobs::find(state, &name, &digest).is_some()) {
        drop(claim);
        // What was sent is of no use to anybody. Should another request have the upload, it expires.
        let _ = ecr.storage.uploads.cancel(&name, &id);
        let text = format!("The layer with digest '{digest}' already exists in the repository with name '{name}'");
        return Err(Refusal::new("LayerAlreadyExistsException", text).into());
    }
    // The bytes are durable before a row names them.
    let size = claim.finish(&digest, ecr.engine.now()).map_err(|error| refused(&error))?;
    ecr.engine.transact(|tx| blobs::add(tx, &name, &digest, size))?;
    Ok(of_repository(ecr, &name, json!({"uploadId": id.as_str(), "layerDigest": digest})))
}

/// Returns an address that lets its bearer in: it holds a password of its own.
pub(super) fn download_url(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    let (request, name) = LayersOfRepository::read(ecr, input)?;
    let digest = parse_digest(request.layer_digest.as_deref().unwrap_or_default())?;
    if size_of(ecr, &name, &digest)?.is_none() {
        let text = format!("The layer with digest '{digest}' does not exist in the repository with name '{name}'");
        return Err(Refusal::new(refusals::LAYERS_NOT_FOUND, text).into());
    }
    let password = ecr.engine.transact(|tx| Ok(tokens::issue(tx)))?;
    let url = format!("http://{}:{}@{}/v2/{name}/blobs/{digest}", tokens::USER, password.text, ecr.address);
    Ok(json!({"downloadUrl": url, "layerDigest": digest}))
}

fn upload_id(request: &LayersOfRepository) -> Result<UploadId, OperationError> {
    let id = request.upload_id.as_deref().and_then(UploadId::parse);
    id.ok_or_else(|| refused(&UploadError::Unknown))
}

fn parse_digest(text: &str) -> Result<Digest, Refusal> {
    Digest::parse(text).map_err(|error| invalid(format!("Invalid parameter at 'layerDigest': {}", error.rule)))
}

fn refused(error: &UploadError) -> OperationError {
    let code = match error {
        UploadError::Io(error) => return unstored(error),
        UploadError::Unknown => "UploadNotFoundException",
        UploadError::Busy | UploadError::TooLarge => "InvalidParameterException",
        UploadError::TooMany => "ServerException",
        UploadError::WrongDigest { .. } => "InvalidLayerException",
    };
    Refusal::new(code, error.to_string()).into()
}
