//! Drift of a stack: CloudFormation looks at every resource that it can look at.

use std::time::Duration;

use aws_sdk_cloudformation::types::{StackDriftDetectionStatus, StackResourceDriftStatus};
use tokio::time::Instant;

use super::super::drift::{Drift, DriftedResource};
use super::stack::Stack;
use crate::aws::DoingExt;
use crate::error::ReleaseError;

/// How long looking at every resource may take.
const DETECTION_MAX: Duration = Duration::from_secs(30 * 60);

/// Finds out which resources of a stack are not as they were made.
pub(super) async fn detect(stack: &Stack<'_>, prefix: String) -> Result<Drift, ReleaseError> {
    let (client, name) = (&stack.connection().cloudformation, &stack.plan.stack);
    let doing = || format!("looking for drift of the stack {name}");
    let began = client.detect_stack_drift().stack_name(name).send().await.doing(doing)?;
    let detection = began.stack_drift_detection_id.ok_or(ReleaseError::Incomplete("the id of a drift detection"))?;
    let mut interrupt = stack.workshop.interrupt.clone();
    let deadline = Instant::now() + DETECTION_MAX;
    loop {
        let request = client.describe_stack_drift_detection_status().stack_drift_detection_id(&detection);
        let found = request.send().await.doing(doing)?;
        match found.detection_status {
            Some(StackDriftDetectionStatus::DetectionInProgress) | None => {}
            // One that failed for some resources tells of the others.
            Some(_) => break,
        }
        if Instant::now() >= deadline {
            return Err(ReleaseError::TookTooLong { what: doing(), limit: DETECTION_MAX });
        }
        if interrupt.sleep(stack.connection().poll_interval()).await {
            return Err(ReleaseError::Interrupted { before: "all resources had been looked at".to_owned() });
        }
    }
    let mut drift = Drift::default();
    let mut token = None;
    loop {
        let request = client.describe_stack_resource_drifts().stack_name(name).set_next_token(token);
        let page = request.send().await.doing(doing)?;
        for one in page.stack_resource_drifts.unwrap_or_default() {
            let address = format!("{prefix}{}", one.logical_resource_id().unwrap_or_default());
            let what = match one.stack_resource_drift_status {
                Some(StackResourceDriftStatus::Modified) => "changed",
                Some(StackResourceDriftStatus::Deleted) => "gone",
                Some(StackResourceDriftStatus::InSync) => continue,
                _ => {
                    drift.unchecked.push(address);
                    continue;
                }
            };
            let differences = one.property_differences.unwrap_or_default().into_iter();
            let settings = differences.filter_map(|difference| difference.property_path);
            let settings = settings.map(|path| path.trim_start_matches('/').replace('/', ".")).collect();
            let kind = one.resource_type.unwrap_or_default();
            drift.resources.push(DriftedResource { address, kind, what, settings });
        }
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    drift.resources.sort_by(|one, other| one.address.cmp(&other.address));
    Ok(drift)
}
