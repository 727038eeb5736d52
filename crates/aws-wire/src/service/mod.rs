//! The AWS services the wire knows by name, and how each is addressed.
//!
//! Knowing a service's address does not mean that the engine implements it: it means that its requests are recognised and that the
//! refusal comes in the form its clients can read.

mod cloudwatch;

use std::fmt;

use http::StatusCode;

use crate::answer_form::AnswerForms;

/// An AWS service with a JSON, CBOR or query protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    ApplicationAutoScaling,
    CloudFormation,
    CloudWatch,
    Ecr,
    Ecs,
    Elbv2,
    Events,
    Logs,
    SecretsManager,
    ServiceDiscovery,
    Ssm,
    Sts,
}

/// How a service speaks the query protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryApi {
    /// The value of the `Version` parameter.
    pub version: &'static str,
    /// The XML namespace of its answers.
    pub namespace: &'static str,
}

/// How a service speaks RPC v2, which those do that also speak older protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RpcV2Api {
    /// The name of the service's shape, which is in the path of every request.
    pub service: &'static str,
    /// The errors of which the older protocols need to know more than a name.
    pub errors: &'static [ErrorName],
    pub answer_forms: AnswerForms,
}

/// An error of a service with more than one protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorName {
    /// The name of its shape, by which JSON and CBOR clients know it.
    pub shape: &'static str,
    /// The code query clients know it by; the others get it in a header.
    pub code: &'static str,
    pub status: StatusCode,
}

impl Service {
    /// All services, in the order of their names.
    pub const ALL: [Service; 12] = [
        Service::ApplicationAutoScaling,
        Service::CloudFormation,
        Service::CloudWatch,
        Service::Ecr,
        Service::Ecs,
        Service::Elbv2,
        Service::Events,
        Service::Logs,
        Service::SecretsManager,
        Service::ServiceDiscovery,
        Service::Ssm,
        Service::Sts,
    ];

    /// Returns the service's name in the credential scope of a signature.
    pub const fn signing_name(self) -> &'static str {
        match self {
            Service::ApplicationAutoScaling => "application-autoscaling",
            Service::CloudFormation => "cloudformation",
            Service::CloudWatch => "monitoring",
            Service::Ecr => "ecr",
            Service::Ecs => "ecs",
            Service::Elbv2 => "elasticloadbalancing",
            Service::Events => "events",
            Service::Logs => "logs",
            Service::SecretsManager => "secretsmanager",
            Service::ServiceDiscovery => "servicediscovery",
            Service::Ssm => "ssm",
            Service::Sts => "sts",
        }
    }

    /// Returns the name people use.
    pub const fn title(self) -> &'static str {
        match self {
            Service::ApplicationAutoScaling => "Application Auto Scaling",
            Service::CloudFormation => "CloudFormation",
            Service::CloudWatch => "CloudWatch",
            Service::Ecr => "ECR",
            Service::Ecs => "ECS",
            Service::Elbv2 => "Elastic Load Balancing v2",
            Service::Events => "EventBridge",
            Service::Logs => "CloudWatch Logs",
            Service::SecretsManager => "Secrets Manager",
            Service::ServiceDiscovery => "Cloud Map",
            Service::Ssm => "Systems Manager",
            Service::Sts => "STS",
        }
    }

    /// Returns what precedes the dot in `X-Amz-Target`, or `None` when the service has no awsJson protocol.
    pub const fn target_prefix(self) -> Option<&'static str> {
        match self {
            Service::ApplicationAutoScaling => Some("AnyScaleFrontendService"),
            Service::CloudWatch => Some("GraniteServiceVersion20100801"),
            Service::Ecr => Some("AmazonEC2ContainerRegistry_V20150921"),
            Service::Ecs => Some("AmazonEC2ContainerServiceV20141113"),
            Service::Events => Some("AWSEvents"),
            Service::Logs => Some("Logs_20140328"),
            Service::SecretsManager => Some("secretsmanager"),
            Service::ServiceDiscovery => Some("Route53AutoNaming_v20170314"),
            Service::Ssm => Some("AmazonSSM"),
            Service::CloudFormation | Service::Elbv2 | Service::Sts => None,
        }
    }

    /// Returns how the service speaks the query protocol, or `None` when it does not.
    pub const fn query_api(self) -> Option<QueryApi> {
        match self {
            Service::CloudFormation => Some(QueryApi {
                version: "2010-05-15",
                namespace: "http://cloudformation.amazonaws.com/doc/2010-05-15/",
            }),
            Service::CloudWatch => {
                Some(QueryApi { version: "2010-08-01", namespace: "http://monitoring.amazonaws.com/doc/2010-08-01/" })
            }
            Service::Elbv2 => Some(QueryApi {
                version: "2015-12-01",
                namespace: "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
            }),
            Service::Sts => {
                Some(QueryApi { version: "2011-06-15", namespace: "https://sts.amazonaws.com/doc/2011-06-15/" })
            }
            Service::ApplicationAutoScaling
            | Service::Ecr
            | Service::Ecs
            | Service::Events
            | Service::Logs
            | Service::SecretsManager
            | Service::ServiceDiscovery
            | Service::Ssm => None,
        }
    }

    /// Returns how the service speaks RPC v2, or `None` when it does not.
    pub const fn rpc_v2_api(self) -> Option<RpcV2Api> {
        match self {
            Service::CloudWatch => Some(cloudwatch::RPC_V2_API),
            Service::ApplicationAutoScaling
            | Service::CloudFormation
            | Service::Ecr
            | Service::Ecs
            | Service::Elbv2
            | Service::Events
            | Service::Logs
            | Service::SecretsManager
            | Service::ServiceDiscovery
            | Service::Ssm
            | Service::Sts => None,
        }
    }

    /// Tells whether the service began with the query protocol and speaks others now: its errors then keep their query codes.
    pub const fn is_query_compatible(self) -> bool {
        self.query_api().is_some() && (self.target_prefix().is_some() || self.rpc_v2_api().is_some())
    }

    /// Finds an error by its code or its shape, among those that have both.
    pub fn error_name(self, name: &str) -> Option<&'static ErrorName> {
        let errors = self.rpc_v2_api()?.errors;
        errors.iter().find(|error| error.code == name).or_else(|| errors.iter().find(|error| error.shape == name))
    }

    /// Returns the forms of the members of the service's answers.
    pub fn answer_forms(self) -> AnswerForms {
        self.rpc_v2_api().map_or(AnswerForms::NONE, |api| api.answer_forms)
    }

    pub fn by_signing_name(name: &str) -> Option<Service> {
        Service::ALL.into_iter().find(|service| service.signing_name() == name)
    }

    pub fn by_target_prefix(prefix: &str) -> Option<Service> {
        Service::ALL.into_iter().find(|service| service.target_prefix() == Some(prefix))
    }

    pub fn by_rpc_v2_service(name: &str) -> Option<Service> {
        Service::ALL.into_iter().find(|service| service.rpc_v2_api().is_some_and(|api| api.service == name))
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_service_is_found_by_each_of_its_names() {
        for service in Service::ALL {
            assert_eq!(Service::by_signing_name(service.signing_name()), Some(service));
            if let Some(prefix) = service.target_prefix() {
                assert_eq!(Service::by_target_prefix(prefix), Some(service));
            }
            if let Some(api) = service.rpc_v2_api() {
                assert_eq!(Service::by_rpc_v2_service(api.service), Some(service));
            }
            assert!(service.target_prefix().is_some() || service.query_api().is_some(), "{service} has no protocol");
        }
        let names: BTreeSet<_> = Service::ALL.map(Service::signing_name).into();
        assert_eq!(names.len(), Service::ALL.len());
    }

    #[test]
    fn an_error_is_found_by_either_of_its_names() {
        let by_code = Service::CloudWatch.error_name("InvalidParameterValue").expect("an error of CloudWatch");
        let by_shape =
            Service::CloudWatch.error_name("InvalidParameterValueException").expect("an error of CloudWatch");
        assert_eq!(by_code, by_shape);
        assert_eq!(Service::CloudWatch.error_name("ResourceNotFound").map(|error| error.status.as_u16()), Some(404));
        assert_eq!(Service::Ecs.error_name("ResourceNotFound"), None);
    }

    #[test]
    fn only_a_service_that_left_the_query_protocol_behind_is_compatible_with_it() {
        let compatible: Vec<Service> =
            Service::ALL.into_iter().filter(|service| service.is_query_compatible()).collect();
        assert_eq!(compatible, [Service::CloudWatch]);
    }
}
