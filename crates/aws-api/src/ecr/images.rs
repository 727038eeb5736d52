//! DescribeImages, ListImages.

use seatrial_aws_wire::Input;
use seatrial_aws_wire::page::Listing;
use seatrial_engine::images::{ImageRecord, finding, refusals, repositories};
use seatrial_engine::{Refusal, State};
use seatrial_model::image::{Digest, ImageTag, RepositoryName};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Ecr;
use super::answer::{invalid, invalid_token, page_size, repository_name};
use super::image_ids::{ImageId, check_count, show_id};
use crate::operations::OperationError;

/// How many images are on a page unless told otherwise.
const PAGE_USUAL: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImageListing {
    registry_id: Option<String>,
    repository_name: String,
    image_ids: Option<Vec<ImageId>>,
    #[serde(default)]
    filter: Filter,
    next_token: Option<String>,
    max_results: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    tag_status: Option<String>,
}

/// `tagStatus` of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TagStatus {
    Tagged,
    Untagged,
    Any,
}

impl TagStatus {
    fn parse(text: Option<&str>) -> Result<Self, Refusal> {
        match text {
            None | Some("ANY") => Ok(TagStatus::Any),
            Some("TAGGED") => Ok(TagStatus::Tagged),
            Some("UNTAGGED") => Ok(TagStatus::Untagged),
            Some(other) => {
                Err(invalid(format!("Invalid parameter at 'tagStatus': {other} is none of TAGGED, UNTAGGED, ANY")))
            }
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            TagStatus::Tagged => "TAGGED",
            TagStatus::Untagged => "UNTAGGED",
            TagStatus::Any => "ANY",
        }
    }

    const fn admits(self, is_tagged: bool) -> bool {
        match self {
            TagStatus::Tagged => is_tagged,
            TagStatus::Untagged => !is_tagged,
            TagStatus::Any => true,
        }
    }
}

pub(super) fn describe(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    let request: ImageListing = input.read()?;
    let name = repository_name(ecr, request.registry_id.as_deref(), &request.repository_name)?;
    let status = TagStatus::parse(request.filter.tag_status.as_deref())?;
    if let Some(ids) = &request.image_ids {
        check_count(ids)?;
        return Ok(ecr.engine.read(|state| describe_named(state, &name, ids))?);
    }
    let size = page_size(request.max_results, PAGE_USUAL)?;
    ecr.engine.read(|state| {
        repositories::find(state, &name)?;
        let tags = finding::tags_by_digest(state, &name);
        let images = finding::images(state, &name).filter(|image| status.admits(tags.contains_key(&image.digest)));
        let page = Listing::new("DescribeImages", [name.as_str(), status.as_str()])
            .page(images, |image| image.digest.to_string(), request.next_token.as_deref(), size)
            .map_err(|_| invalid_token())?;
        let no_tags = Vec::new();
        let show = |image: &&ImageRecord| show(state, image, tags.get(&image.digest).unwrap_or(&no_tags));
        let mut answer = json!({"imageDetails": page.items.iter().map(show).collect::<Vec<_>>()});
        if let Some(token) = page.next_token {
            answer["nextToken"] = json!(token);
        }
        Ok(answer)
    })
}

fn describe_named(state: &State, name: &RepositoryName, ids: &[ImageId]) -> Result<Value, Refusal> {
    repositories::find(state, name)?;
    let tags = finding::tags_by_digest(state, name);
    let mut digests: Vec<&Digest> = Vec::new();
    for id in ids {
        let named =
            id.find(state, name).map_err(|failure| not_described(state, name, id, failure.code, failure.reason))?;
        if !digests.contains(&&named.image.digest) {
            digests.push(&named.image.digest);
        }
    }
    let images = digests.into_iter().filter_map(|digest| finding::by_digest(state, name, digest));
    let no_tags = Vec::new();
    let shown: Vec<Value> =
        images.map(|image| show(state, image, tags.get(&image.digest).unwrap_or(&no_tags))).collect();
    Ok(json!({"imageDetails": shown}))
}

/// DescribeImages fails as a whole where the batches answer for each image.
fn not_described(state: &State, name: &RepositoryName, id: &ImageId, code: &str, reason: String) -> Refusal {
    if code != "ImageNotFound" {
        return invalid(reason);
    }
    let part = |text: &Option<String>| text.as_deref().unwrap_or("null").to_owned();
    let message = format!(
        "The image with imageId {{imageDigest:'{}', imageTag:'{}'}} does not exist within the repository with name '{name}' in the registry with id '{}'",
        part(&id.image_digest),
        part(&id.image_tag),
        state.scope.account
    );
    Refusal::new(refusals::IMAGE_NOT_FOUND, message)
}

fn show(state: &State, image: &ImageRecord, tags: &[&ImageTag]) -> Value {
    let manifest = &image.manifest;
    let mut shown = json!({
        "registryId": state.scope.account,
        "repositoryName": image.repository,
        "imageDigest": image.digest,
        "imageSizeInBytes": manifest.content_size() + image.size,
        "imagePushedAt": image.pushed_at.as_epoch_seconds(),
        "imageManifestMediaType": manifest.media_type,
    });
    if !tags.is_empty() {
        shown["imageTags"] = json!(tags);
    }
    if let Some(kind) = &manifest.artifact_type {
        shown["artifactMediaType"] = json!(kind);
    }
    if let Some(at) = image.pulled_at {
        shown["lastRecordedPullTime"] = json!(at.as_epoch_seconds());
    }
    if let Some(subject) = &manifest.subject {
        shown["subjectManifestDigest"] = json!(subject);
    }
    shown
}

pub(super) fn list(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    let request: ImageListing = input.read()?;
    let name = repository_name(ecr, request.registry_id.as_deref(), &request.repository_name)?;
    let status = TagStatus::parse(request.filter.tag_status.as_deref())?;
    let size = page_size(request.max_results, PAGE_USUAL)?;
    ecr.engine.read(|state| {
        repositories::find(state, &name)?;
        let tags = finding::tags_by_digest(state, &name);
        let pairs = finding::images(state, &name).flat_map(|image| {
            let of_image = tags.get(&image.digest);
            let tagged = of_image.into_iter().flatten().map(|tag| (&image.digest, Some(*tag)));
            let untagged = of_image.is_none().then_some((&image.digest, None));
            tagged.chain(untagged)
        });
        let pairs = pairs.filter(|(_, tag)| status.admits(tag.is_some()));
        let key = |(digest, tag): &(&Digest, Option<&ImageTag>)| (digest.to_string(), tag.map(ToString::to_string));
        let page = Listing::new("ListImages", [name.as_str(), status.as_str()])
            .page(pairs, key, request.next_token.as_deref(), size)
            .map_err(|_| invalid_token())?;
        let shown: Vec<Value> = page.items.iter().map(|(digest, tag)| show_id(digest, *tag)).collect();
        let mut answer = json!({"imageIds": shown});
        if let Some(token) = page.next_token {
            answer["nextToken"] = json!(token);
        }
        Ok(answer)
    })
}
