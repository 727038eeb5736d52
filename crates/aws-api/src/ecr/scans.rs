//! StartImageScan, DescribeImageScanFindings: this engine has no scanner, and says so.

use seatrial_aws_wire::Input;
use seatrial_engine::Refusal;
use seatrial_engine::images::{refusals, repositories};
use serde::Deserialize;
use serde_json::Value;

use super::Ecr;
use super::answer::{invalid, repository_name};
use super::image_ids::ImageId;
use crate::operations::OperationError;

const NO_SCANNER: &str = "This engine has no image scanner; scan the image with one of your own, or in ECR on AWS.";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScanOfImage {
    registry_id: Option<String>,
    repository_name: String,
    image_id: ImageId,
}

pub(super) fn start(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    find(ecr, input)?;
    Err(Refusal::new("ValidationException", NO_SCANNER).into())
}

pub(super) fn describe(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    find(ecr, input)?;
    Err(Refusal::new("ScanNotFoundException", format!("Image scan does not exist. {NO_SCANNER}")).into())
}

/// Refuses an image that is not there.
fn find(ecr: &Ecr, input: &Input) -> Result<(), OperationError> {
    let request: ScanOfImage = input.read()?;
    let name = repository_name(ecr, request.registry_id.as_deref(), &request.repository_name)?;
    ecr.engine.read(|state| {
        repositories::find(state, &name)?;
        let found = request.image_id.find(state, &name);
        found.map(drop).map_err(|failure| match failure.code {
            "ImageNotFound" => Refusal::new(refusals::IMAGE_NOT_FOUND, failure.reason),
            _ => invalid(failure.reason),
        })
    })?;
    Ok(())
}
