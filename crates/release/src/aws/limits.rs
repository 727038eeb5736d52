//! How many calls AWS allows of each kind, for an account in a Region, and which part of it this program takes: others use the account, too.
//!
//! For ECS the figures are those of "Request throttling for the Amazon ECS API"; for Elastic Load Balancing and ECR those of their own guides. What is
//! documented nowhere has a cautious limit.

use super::bucket::Limit;

/// Half of what the account is allowed.
const SHARE: f64 = 0.5;

/// A service and how its operations share buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Service {
    Ecs,
    LoadBalancing,
    Logs,
    CloudWatch,
    Ecr,
    Secrets,
    Ssm,
    AutoScaling,
    CloudFormation,
}

/// The calls of one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Category {
    pub service: Service,
    pub name: &'static str,
}

impl Service {
    /// Which bucket an operation takes from, and its limit.
    pub fn category(self, operation: &str) -> (Category, Limit) {
        let (name, limit) = match self {
            Service::Ecs => ecs(operation),
            Service::LoadBalancing if operation.starts_with("Describe") => ("describe", Limit::of(40, 10)),
            Service::Ecr if operation == "GetAuthorizationToken" => ("authorization", Limit::of(200, 20)),
            // By event the slowest Regions allow five a second.
            Service::Logs if operation == "FilterLogEvents" => ("filter", Limit::of(5, 5)),
            Service::Logs if operation == "GetLogEvents" => ("events", Limit::of(10, 10)),
            _ if is_read(operation) => ("read", Limit::of(20, 10)),
            _ => ("modify", Limit::of(10, 4)),
        };
        (Category { service: self, name }, limit.share(SHARE))
    }
}

fn is_read(operation: &str) -> bool {
    ["Describe", "Get", "List", "Batch", "Filter"].into_iter().any(|beginning| operation.starts_with(beginning))
}

fn ecs(operation: &str) -> (&'static str, Limit) {
    match operation {
        "DescribeServices" | "ListServices" => ("service read", Limit::of(100, 20)),
        "DescribeServiceDeployments" | "ListServiceDeployments" => ("service deployment", Limit::of(50, 20)),
        "DescribeServiceRevisions" => ("service revision", Limit::of(50, 20)),
        "DescribeTasks" | "ListTasks" | "DescribeContainerInstances" | "ListContainerInstances" => {
            ("cluster resource read", Limit::of(100, 20))
        }
        "RunTask" | "StopTask" | "StartTask" | "ExecuteCommand" => ("cluster resource modify", Limit::of(100, 40)),
        "DescribeClusters" | "ListClusters" => ("cluster read", Limit::of(50, 20)),
        "DescribeTaskDefinition" | "ListTaskDefinitions" | "ListTaskDefinitionFamilies" => {
            ("task definition read", Limit::of(50, 20))
        }
        "RegisterTaskDefinition" | "DeregisterTaskDefinition" => ("task definition modify", Limit::of(20, 1)),
        "DeleteTaskDefinitions" => ("task definition delete", Limit::of(5, 1)),
        "TagResource" | "UntagResource" => ("tag modify", Limit::of(20, 10)),
        "ListTagsForResource" => ("tag read", Limit::of(50, 20)),
        operation if operation.ends_with("Cluster") => ("cluster modify", Limit::of(20, 1)),
        // Stopping and continuing a deployment are documented nowhere; they change a service.
        operation if !is_read(operation) => ("service modify", Limit::of(50, 5)),
        _ => ("other read", Limit::of(50, 20)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_take_from_the_buckets_of_the_documentation() {
        let of = |service: Service, operation: &str| {
            let (category, limit) = service.category(operation);
            (category.name, limit.burst, limit.per_second)
        };
        for (service, operation, expected) in [
            (Service::Ecs, "DescribeServices", ("service read", 50.0, 10.0)),
            (Service::Ecs, "UpdateService", ("service modify", 25.0, 2.5)),
            (Service::Ecs, "StopServiceDeployment", ("service modify", 25.0, 2.5)),
            (Service::Ecs, "CreateCluster", ("cluster modify", 10.0, 0.5)),
            (Service::Ecs, "ListTasks", ("cluster resource read", 50.0, 10.0)),
            (Service::LoadBalancing, "DescribeTargetHealth", ("describe", 20.0, 5.0)),
            (Service::Ssm, "PutParameter", ("modify", 5.0, 2.0)),
            (Service::Ssm, "GetParametersByPath", ("read", 10.0, 5.0)),
        ] {
            assert_eq!(of(service, operation), expected, "{operation}");
        }
    }
}
