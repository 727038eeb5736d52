//! What is scaled: the desired count of a service of ECS, by the names Application Auto Scaling has for it.

use std::fmt;

use seatrial_model::{ClusterName, ServiceName};
use serde::{Deserialize, Serialize};

use super::refusals::validation;
use crate::refusal::Refusal;
use crate::state::service_key;

/// The one namespace whose resources the engine has.
pub const NAMESPACE: &str = "ecs";
/// The one dimension of a service.
pub const DIMENSION: &str = "ecs:service:DesiredCount";

/// Every namespace of the API.
const NAMESPACES: [&str; 15] = [
    "ecs",
    "elasticmapreduce",
    "ec2",
    "appstream",
    "dynamodb",
    "rds",
    "sagemaker",
    "custom-resource",
    "comprehend",
    "lambda",
    "cassandra",
    "kafka",
    "elasticache",
    "neptune",
    "workspaces",
];

/// A service, written `service/CLUSTER/SERVICE`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ScalableResource {
    pub cluster: ClusterName,
    pub service: ServiceName,
}

impl ScalableResource {
    /// Parses the three members by which a request names a resource.
    pub fn parse(namespace: &str, resource: &str, dimension: &str) -> Result<Self, Refusal> {
        check_namespace(namespace)?;
        check_dimension(dimension)?;
        Self::parse_id(resource)
    }

    /// Parses `service/CLUSTER/SERVICE`.
    pub fn parse_id(resource: &str) -> Result<Self, Refusal> {
        let names = resource.strip_prefix("service/").and_then(|names| names.split_once('/'));
        let parsed = names.and_then(|(cluster, service)| {
            Some(ScalableResource {
                cluster: ClusterName::parse(cluster).ok()?,
                service: ServiceName::parse(service).ok()?,
            })
        });
        parsed.ok_or_else(unsupported)
    }

    /// The key of the service in its table.
    pub(crate) fn service_key(&self) -> String {
        service_key(&self.cluster, &self.service)
    }
}

impl fmt::Display for ScalableResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "service/{}/{}", self.cluster, self.service)
    }
}

/// Refuses namespaces other than [`NAMESPACE`].
pub fn check_namespace(namespace: &str) -> Result<(), Refusal> {
    match namespace {
        NAMESPACE => Ok(()),
        other if NAMESPACES.contains(&other) => {
            Err(validation(format!("This engine scales services of ECS only, and has nothing of {other}.")))
        }
        other => Err(validation(format!(
            "1 validation error detected: Value '{}' at 'serviceNamespace' failed to satisfy constraint: Member must satisfy enum value set: [{}]",
            other.chars().take(64).collect::<String>(),
            NAMESPACES.join(", ")
        ))),
    }
}

/// Refuses dimensions other than [`DIMENSION`].
pub fn check_dimension(dimension: &str) -> Result<(), Refusal> {
    if dimension == DIMENSION { Ok(()) } else { Err(unsupported()) }
}

fn unsupported() -> Refusal {
    validation("Unsupported service namespace, resource type or scalable dimension")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_a_service_of_a_cluster_and_nothing_else() {
        let parse = |resource| ScalableResource::parse(NAMESPACE, resource, DIMENSION);
        let resource = parse("service/hello-dev/web").expect("a service");
        assert_eq!(
            (resource.to_string().as_str(), resource.service_key().as_str()),
            ("service/hello-dev/web", "hello-dev/web")
        );
        for wrong in ["", "service", "service/web", "service/a/b/c", "service//web", "table/orders", "service/a b/c"] {
            assert_eq!(parse(wrong).expect_err(wrong).code, "ValidationException");
        }
        for (namespace, dimension) in [("dynamodb", DIMENSION), ("ECS", DIMENSION), ("ecs", "ecs:service:Count")] {
            assert!(ScalableResource::parse(namespace, "service/a/b", dimension).is_err(), "{namespace} {dimension}");
        }
    }
}
