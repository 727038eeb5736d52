//! Amazon Resource Names and their parts.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{ClusterName, InvalidId, RevisionId, ServiceDeploymentId, ServiceName, TaskDefinitionRevision, TaskId};

/// The partition of every ARN the engine makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition;

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("aws")
    }
}

/// A Region name such as `us-east-1`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(String);

impl Region {
    /// Parses 1 to 32 lower-case letters, digits and hyphens.
    pub fn parse(value: &str) -> Result<Self, InvalidId> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if (1..=32).contains(&value.len()) && value.bytes().all(allowed) {
            Ok(Region(value.to_owned()))
        } else {
            let value = value.chars().take(64).collect();
            Err(InvalidId { kind: "region", value, rule: "1 to 32 lower-case letters, digits and hyphens" })
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Region {
    type Error = InvalidId;

    fn try_from(value: String) -> Result<Self, InvalidId> {
        Region::parse(&value)
    }
}

impl From<Region> for String {
    fn from(region: Region) -> String {
        region.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An AWS account: twelve digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(String);

impl AccountId {
    pub fn parse(value: &str) -> Result<Self, InvalidId> {
        if value.len() == 12 && value.bytes().all(|b| b.is_ascii_digit()) {
            Ok(AccountId(value.to_owned()))
        } else {
            let value = value.chars().take(64).collect();
            Err(InvalidId { kind: "account id", value, rule: "12 digits" })
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AccountId {
    type Error = InvalidId;

    fn try_from(value: String) -> Result<Self, InvalidId> {
        AccountId::parse(&value)
    }
}

impl From<AccountId> for String {
    fn from(account: AccountId) -> String {
        account.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the engine's resources live: the scope from which every ARN is built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    pub region: Region,
    pub account: AccountId,
}

impl Scope {
    pub fn arn(&self, service: &str, resource: impl fmt::Display) -> Arn {
        Arn(format!("arn:{Partition}:{service}:{}:{}:{resource}", self.region, self.account))
    }

    pub fn cluster(&self, cluster: &ClusterName) -> Arn {
        self.arn("ecs", format_args!("cluster/{cluster}"))
    }

    pub fn service(&self, cluster: &ClusterName, service: &ServiceName) -> Arn {
        self.arn("ecs", format_args!("service/{cluster}/{service}"))
    }

    pub fn task(&self, cluster: &ClusterName, task: &TaskId) -> Arn {
        self.arn("ecs", format_args!("task/{cluster}/{task}"))
    }

    pub fn task_definition(&self, definition: &TaskDefinitionRevision) -> Arn {
        self.arn("ecs", format_args!("task-definition/{definition}"))
    }

    pub fn service_deployment(
        &self,
        cluster: &ClusterName,
        service: &ServiceName,
        deployment: &ServiceDeploymentId,
    ) -> Arn {
        self.arn("ecs", format_args!("service-deployment/{cluster}/{service}/{deployment}"))
    }

    pub fn service_revision(&self, cluster: &ClusterName, service: &ServiceName, revision: RevisionId) -> Arn {
        self.arn("ecs", format_args!("service-revision/{cluster}/{service}/{revision}"))
    }
}

/// An Amazon Resource Name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Arn(String);

impl Arn {
    /// Takes a text as an ARN without looking inside.
    pub fn new(text: impl Into<String>) -> Self {
        Arn(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the part after the fifth colon, or `None` when the text is no ARN.
    pub fn resource(&self) -> Option<&str> {
        let mut parts = self.0.splitn(6, ':');
        (parts.next() == Some("arn")).then_some(())?;
        parts.nth(4)
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_gives_its_resource() {
        let scope = Scope {
            region: Region::parse("us-east-1").expect("a region"),
            account: AccountId::parse("123456789012").expect("an account"),
        };
        let cluster = ClusterName::parse("hello-dev").expect("a name");
        let service = ServiceName::parse("web").expect("a name");
        let arn = scope.service(&cluster, &service);
        assert_eq!(arn.as_str(), "arn:aws:ecs:us-east-1:123456789012:service/hello-dev/web");
        assert_eq!(arn.resource(), Some("service/hello-dev/web"));
        assert_eq!(Arn::new("hello-dev").resource(), None);
    }
}
