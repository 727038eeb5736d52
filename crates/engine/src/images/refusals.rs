//! Refusals, in ECR's words.

use seatrial_model::image::{Digest, RepositoryName};

use crate::refusal::Refusal;
use crate::state::State;

pub const REPOSITORY_NOT_FOUND: &str = "RepositoryNotFoundException";
pub const IMAGE_NOT_FOUND: &str = "ImageNotFoundException";
pub const LAYERS_NOT_FOUND: &str = "LayersNotFoundException";
pub const REFERENCED_IMAGES_NOT_FOUND: &str = "ReferencedImagesNotFoundException";
pub const TAG_ALREADY_EXISTS: &str = "ImageTagAlreadyExistsException";
pub const IMAGE_ALREADY_EXISTS: &str = "ImageAlreadyExistsException";
pub const LIMIT_EXCEEDED: &str = "LimitExceededException";
/// Not a code of ECR's API: there it is a failure of one image of several.
pub const REFERENCED_BY_INDEX: &str = "ImageReferencedByManifestList";
/// Not codes of ECR's API, which has no operation that deletes a layer.
pub const BLOB_IN_USE: &str = "LayerInUse";
pub const BLOB_NOT_FOUND: &str = "LayerUnknown";

pub fn repository_not_found(state: &State, name: &RepositoryName) -> Refusal {
    let account = &state.scope.account;
    let message = format!("The repository with name '{name}' does not exist in the registry with id '{account}'");
    Refusal::new(REPOSITORY_NOT_FOUND, message)
}

pub(super) fn image_not_found(state: &State, name: &RepositoryName, image: &str) -> Refusal {
    let account = &state.scope.account;
    let message = format!(
        "The image with imageId {image} does not exist within the repository with name '{name}' in the registry with id '{account}'"
    );
    Refusal::new(IMAGE_NOT_FOUND, message)
}

pub(super) fn listed(digests: &[&Digest]) -> String {
    /// The most digests named in one message.
    const SHOWN_MAX: usize = 5;
    let shown: Vec<&str> = digests.iter().take(SHOWN_MAX).map(|digest| digest.as_str()).collect();
    let more = digests.len().saturating_sub(SHOWN_MAX);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}
