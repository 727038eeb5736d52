//! Amazon ECR: repositories and images, over the same tables and bytes that clients of the registry push to.

mod answer;
mod authorization;
mod batches;
mod image_ids;
mod images;
mod layers;
mod lifecycle;
mod put_image;
mod repositories;
mod scans;
mod settings;
mod tags;

use seatrial_aws_wire::{Input, OperationName};
use seatrial_engine::Engine;
use seatrial_registry::Storage;
use serde_json::Value;

use crate::operations::{OperationError, OperationFuture, Operations, RequestContext};

/// The operations of ECR.
#[derive(Clone)]
pub struct Ecr {
    engine: Engine,
    storage: Storage,
    /// Where clients of the registry reach it: a host and a port.
    address: String,
}

impl Ecr {
    /// Serves the repositories of an engine, whose registry is at an address such as `127.0.0.1:4880`.
    pub fn new(engine: Engine, storage: Storage, address: String) -> Self {
        Ecr { engine, storage, address }
    }
}

impl Operations for Ecr {
    fn call<'a>(
        &'a self,
        _context: &'a RequestContext,
        operation: &'a OperationName,
        input: &'a Input,
    ) -> OperationFuture<'a> {
        crate::blocking::run(self, operation, input, handle)
    }
}

fn handle(ecr: &Ecr, operation: &str, input: &Input) -> Result<Value, OperationError> {
    match operation {
        "CreateRepository" => repositories::create(ecr, input),
        "DescribeRepositories" => repositories::describe(ecr, input),
        "DeleteRepository" => repositories::delete(ecr, input),
        "GetAuthorizationToken" => authorization::get_token(ecr),
        "DescribeImages" => images::describe(ecr, input),
        "ListImages" => images::list(ecr, input),
        "PutImage" => put_image::put(ecr, input),
        "BatchGetImage" => batches::get(ecr, input),
        "BatchDeleteImage" => batches::delete(ecr, input),
        "PutImageTagMutability" => settings::put_mutability(ecr, input),
        "PutImageScanningConfiguration" => settings::put_scanning(ecr, input),
        "SetRepositoryPolicy" => settings::set_policy(ecr, input),
        "GetRepositoryPolicy" => settings::get_policy(ecr, input),
        "DeleteRepositoryPolicy" => settings::delete_policy(ecr, input),
        "StartImageScan" => scans::start(ecr, input),
        "DescribeImageScanFindings" => scans::describe(ecr, input),
        "PutLifecyclePolicy" => lifecycle::put(ecr, input),
        "GetLifecyclePolicy" => lifecycle::get(ecr, input),
        "DeleteLifecyclePolicy" => lifecycle::delete(ecr, input),
        "StartLifecyclePolicyPreview" => lifecycle::start_preview(ecr, input),
        "GetLifecyclePolicyPreview" => lifecycle::get_preview(ecr, input),
        "BatchCheckLayerAvailability" => layers::check_availability(ecr, input),
        "InitiateLayerUpload" => layers::initiate(ecr, input),
        "UploadLayerPart" => layers::upload_part(ecr, input),
        "CompleteLayerUpload" => layers::complete(ecr, input),
        "GetDownloadUrlForLayer" => layers::download_url(ecr, input),
        "TagResource" => tags::tag(ecr, input),
        "UntagResource" => tags::untag(ecr, input),
        "ListTagsForResource" => tags::list(ecr, input),
        _ => Err(OperationError::NotImplemented),
    }
}
