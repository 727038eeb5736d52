//! Requests on service deployments and service revisions.

use seatrial_aws_wire::{EpochSeconds, Input, ServiceError};
use seatrial_model::Timestamp;
use serde::Deserialize;

use super::listing::{PageRequest, WirePage};
use super::{Request, bounded, one_of, required};

/// The most service deployments or revisions in one describing call.
pub const DESCRIBE_DEPLOYMENTS_MAX: usize = 20;

/// The statuses of a service deployment.
const STATUSES: [&str; 9] = [
    "PENDING",
    "SUCCESSFUL",
    "STOPPED",
    "STOP_REQUESTED",
    "IN_PROGRESS",
    "ROLLBACK_REQUESTED",
    "ROLLBACK_IN_PROGRESS",
    "ROLLBACK_SUCCESSFUL",
    "ROLLBACK_FAILED",
];

/// ListServiceDeployments.
#[derive(Clone, Debug, PartialEq)]
pub struct ListServiceDeployments {
    pub cluster: Option<String>,
    pub service: String,
    /// Empty when any status will do.
    pub status: Vec<String>,
    /// Only deployments created later than this.
    pub created_after: Option<Timestamp>,
    /// Only deployments created earlier than this.
    pub created_before: Option<Timestamp>,
    pub page: PageRequest,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireListServiceDeployments {
    cluster: Option<String>,
    service: Option<String>,
    status: Vec<String>,
    created_at: Option<WireCreatedAt>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WireCreatedAt {
    before: Option<EpochSeconds>,
    after: Option<EpochSeconds>,
}

impl Request for ListServiceDeployments {
    type Wire = WireListServiceDeployments;

    fn check(wire: Self::Wire, _: &Input) -> Result<Self, ServiceError> {
        let service = required(wire.service, "Service can not be blank.")?;
        wire.status.iter().try_for_each(|status| one_of(Some(status), "status", &STATUSES))?;
        let created_at = wire.created_at.unwrap_or_default();
        Ok(ListServiceDeployments {
            cluster: wire.cluster,
            service,
            status: wire.status,
            created_after: created_at.after.map(|EpochSeconds(at)| at),
            created_before: created_at.before.map(|EpochSeconds(at)| at),
            page: WirePage { next_token: wire.next_token, max_results: wire.max_results }.check(20)?,
        })
    }
}

/// DescribeServiceDeployments.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeServiceDeployments {
    /// 1 to 20.
    pub arns: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireDescribeServiceDeployments {
    service_deployment_arns: Vec<String>,
}

impl Request for DescribeServiceDeployments {
    type Wire = WireDescribeServiceDeployments;

    fn check(wire: Self::Wire, _: &Input) -> Result<Self, ServiceError> {
        let arns = bounded(wire.service_deployment_arns, "serviceDeploymentArns", DESCRIBE_DEPLOYMENTS_MAX)?;
        Ok(DescribeServiceDeployments { arns })
    }
}

/// DescribeServiceRevisions.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeServiceRevisions {
    /// 1 to 20.
    pub arns: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireDescribeServiceRevisions {
    service_revision_arns: Vec<String>,
}

impl Request for DescribeServiceRevisions {
    type Wire = WireDescribeServiceRevisions;

    fn check(wire: Self::Wire, _: &Input) -> Result<Self, ServiceError> {
        let arns = bounded(wire.service_revision_arns, "serviceRevisionArns", DESCRIBE_DEPLOYMENTS_MAX)?;
        Ok(DescribeServiceRevisions { arns })
    }
}

/// `stopType` of StopServiceDeployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopType {
    Abort,
    Rollback,
}

/// StopServiceDeployment.
#[derive(Clone, Debug, PartialEq)]
pub struct StopServiceDeployment {
    pub arn: String,
    /// ROLLBACK unless the request says ABORT.
    pub stop_type: StopType,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireStopServiceDeployment {
    service_deployment_arn: Option<String>,
    stop_type: Option<String>,
}

impl Request for StopServiceDeployment {
    type Wire = WireStopServiceDeployment;

    fn check(wire: Self::Wire, _: &Input) -> Result<Self, ServiceError> {
        one_of(wire.stop_type.as_deref(), "stopType", &["ABORT", "ROLLBACK"])?;
        Ok(StopServiceDeployment {
            arn: required(wire.service_deployment_arn, "serviceDeploymentArn can not be blank.")?,
            stop_type: if wire.stop_type.as_deref() == Some("ABORT") { StopType::Abort } else { StopType::Rollback },
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::test_support::{read, refusal};
    use super::*;

    #[test]
    fn deployments_are_listed_by_status_and_time() {
        let request: ListServiceDeployments = read(json!({
            "service": "web", "status": ["IN_PROGRESS"], "createdAt": {"after": 1_760_000_000.5},
        }))
        .expect("a request");
        assert_eq!(request.created_after, Some(Timestamp::from_millis(1_760_000_000_500)));
        assert_eq!((request.created_before, request.page.size), (None, 20));
        assert_eq!(
            refusal::<ListServiceDeployments>(json!({"service": "web", "status": ["DONE"]})).0,
            "InvalidParameterException"
        );
        assert_eq!(
            refusal::<ListServiceDeployments>(json!({"service": "web", "createdAt": {"after": "today"}})).0,
            "SerializationException"
        );
    }

    #[test]
    fn stopping_rolls_back_unless_told_to_abort() {
        let request: StopServiceDeployment = read(json!({"serviceDeploymentArn": "arn"})).expect("a request");
        assert_eq!(request.stop_type, StopType::Rollback);
        let request: StopServiceDeployment =
            read(json!({"serviceDeploymentArn": "arn", "stopType": "ABORT"})).expect("a request");
        assert_eq!(request.stop_type, StopType::Abort);
        assert!(refusal::<DescribeServiceRevisions>(json!({})).1.contains("cannot be empty"));
    }
}
