//! What the stacks of an assembly want uploaded before they are made: files and directories, in a bucket that `cdk bootstrap` has made.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value as Json;

use super::super::uploads::{ObjectPlace, Packaging, Upload};
use super::{Place, beside, document, odd};
use crate::error::ReleaseError;

#[derive(Deserialize)]
struct Assets {
    #[serde(default)]
    files: BTreeMap<String, FileAsset>,
    #[serde(rename = "dockerImages", default)]
    docker_images: BTreeMap<String, Json>,
}

#[derive(Deserialize)]
struct FileAsset {
    source: Source,
    #[serde(default)]
    destinations: BTreeMap<String, Destination>,
}

#[derive(Deserialize)]
struct Source {
    path: Option<String>,
    #[serde(default)]
    packaging: Kind,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    File,
    Zip,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Destination {
    bucket_name: String,
    object_key: String,
    region: Option<String>,
}

/// Reads what is to be uploaded.
pub(super) fn uploads(manifest: &Path, place: &Place) -> Result<Vec<Upload>, ReleaseError> {
    let assets: Assets = document(manifest)?;
    if !assets.docker_images.is_empty() {
        let what = format!(
            "{} wants {} images built and pushed, which Seatrial does for services alone",
            manifest.display(),
            assets.docker_images.len()
        );
        let instead = "build the image as a service's (`build:`), or deploy this application with `cdk deploy` and write `infra: none`";
        return Err(ReleaseError::not_possible(what, instead));
    }
    let directory = manifest.parent().unwrap_or(Path::new("."));
    let mut uploads = Vec::new();
    for (id, FileAsset { source, destinations }) in assets.files {
        let Some(path) = &source.path else {
            let what = format!("{}: the asset `{id}` is made by a program, which is not run here", manifest.display());
            return Err(ReleaseError::not_possible(what, "deploy this application with `cdk deploy`"));
        };
        let path = beside(directory, path, manifest)?;
        let packaging = match source.packaging {
            Kind::File => Packaging::File,
            Kind::Zip => Packaging::Zip,
        };
        for destination in destinations.into_values() {
            // One of another region is for stacks that are not made here.
            let is_here = destination.region.as_deref().is_none_or(|region| place.region == filled(region, place));
            if is_here {
                let named = ObjectPlace {
                    bucket: filled(&destination.bucket_name, place),
                    key: filled(&destination.object_key, place),
                };
                if named.bucket.contains("${") {
                    return Err(odd(
                        manifest,
                        &format!("the bucket `{}` cannot be told without the account", named.bucket),
                    ));
                }
                uploads.push(Upload { source: path.clone(), packaging, place: named });
            }
        }
    }
    Ok(uploads)
}

/// The place that a template says it has been uploaded to: `s3://bucket/key`.
pub(super) fn template_place(url: &str, place: &Place) -> Option<ObjectPlace> {
    let (bucket, key) = url.strip_prefix("s3://")?.split_once('/')?;
    Some(ObjectPlace { bucket: filled(bucket, place), key: filled(key, place) })
}

/// A text with what it leaves open of the environment.
fn filled(text: &str, place: &Place) -> String {
    let partition = match &place.region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    let text = text.replace("${AWS::Region}", &place.region).replace("${AWS::Partition}", partition);
    match &place.account {
        Some(account) => text.replace("${AWS::AccountId}", account),
        None => text,
    }
}
