//! Typed identities. No bare string or number crosses a crate boundary as one.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that is no identity of the wanted kind, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {value:?} is not valid: {rule}")]
pub struct InvalidId {
    pub kind: &'static str,
    pub value: String,
    pub rule: &'static str,
}

/// The longest name ECS accepts for clusters, services, families and containers.
pub const NAME_LENGTH_MAX: usize = 255;

const BASE64URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Spells bits with six to a character, the lowest first.
fn base64url(bits: u128, length: usize) -> impl Iterator<Item = char> {
    (0..length).map(move |position| BASE64URL[(bits >> (6 * position)) as usize & 63] as char)
}

const NAME_RULE: &str = "1 to 255 letters, digits, hyphens and underscores";

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Parses a name: 1 to 255 letters, digits, hyphens and underscores.
            pub fn parse(value: &str) -> Result<Self, InvalidId> {
                let fits = (1..=NAME_LENGTH_MAX).contains(&value.len());
                if fits && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
                    Ok($type(value.to_owned()))
                } else {
                    Err(InvalidId { kind: $kind, value: value.chars().take(NAME_LENGTH_MAX).collect(), rule: NAME_RULE })
                }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        text_identity!($type);
    };
}

macro_rules! text_identity {
    ($type:ident) => {
        impl FromStr for $type {
            type Err = InvalidId;

            fn from_str(value: &str) -> Result<Self, InvalidId> {
                $type::parse(value)
            }
        }

        impl TryFrom<String> for $type {
            type Error = InvalidId;

            fn try_from(value: String) -> Result<Self, InvalidId> {
                $type::parse(&value)
            }
        }

        impl From<$type> for String {
            fn from(id: $type) -> String {
                id.to_string()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($type), self.as_str())
            }
        }
    };
}

pub(crate) use text_identity;

name!(
    /// The name of a cluster.
    ClusterName, "cluster name"
);
name!(
    /// The name of a service, unique in its cluster.
    ServiceName, "service name"
);
name!(
    /// The family of a task definition.
    Family, "task definition family"
);
name!(
    /// The name of a container, unique in its task definition.
    ContainerName, "container name"
);

/// A task: 32 lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskId(String);

impl TaskId {
    /// Parses 32 lower-case hexadecimal digits.
    pub fn parse(value: &str) -> Result<Self, InvalidId> {
        if value.len() == 32 && value.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            Ok(TaskId(value.to_owned()))
        } else {
            let value = value.chars().take(64).collect();
            Err(InvalidId { kind: "task id", value, rule: "32 lower-case hexadecimal digits" })
        }
    }

    pub fn from_bits(bits: u128) -> Self {
        TaskId(format!("{bits:032x}"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

text_identity!(TaskId);

/// The number shared by a deployment (`ecs-svc/N`) and the service revision it deploys: 19 digits, as ECS draws them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RevisionId(u64);

impl RevisionId {
    const LOWEST: u64 = 1_000_000_000_000_000_000;
    const SPAN: u64 = 8_000_000_000_000_000_000;

    /// Maps any 64 bits to a 19-digit number.
    pub const fn from_bits(bits: u64) -> Self {
        RevisionId(Self::LOWEST + bits % Self::SPAN)
    }

    pub const fn number(self) -> u64 {
        self.0
    }
}

impl FromStr for RevisionId {
    type Err = InvalidId;

    fn from_str(value: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId {
            kind: "service revision",
            value: value.chars().take(64).collect(),
            rule: "a number of 19 digits",
        };
        let number: u64 = value.parse().map_err(|_| invalid())?;
        if number >= Self::LOWEST { Ok(RevisionId(number)) } else { Err(invalid()) }
    }
}

impl fmt::Display for RevisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for RevisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RevisionId({})", self.0)
    }
}

/// An entry of `services[].deployments[]`: `ecs-svc/` and 19 digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeploymentId(RevisionId);

impl DeploymentId {
    pub const fn new(number: RevisionId) -> Self {
        DeploymentId(number)
    }

    pub const fn number(self) -> RevisionId {
        self.0
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ecs-svc/{}", self.0)
    }
}

impl fmt::Debug for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A service deployment: 21 base64url characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceDeploymentId(String);

impl ServiceDeploymentId {
    const LENGTH: usize = 21;

    pub fn parse(value: &str) -> Result<Self, InvalidId> {
        if value.len() == Self::LENGTH && value.bytes().all(|b| BASE64URL.contains(&b)) {
            Ok(ServiceDeploymentId(value.to_owned()))
        } else {
            let value = value.chars().take(64).collect();
            Err(InvalidId { kind: "service deployment id", value, rule: "21 base64url characters" })
        }
    }

    /// Spells 126 of the given bits.
    pub fn from_bits(bits: u128) -> Self {
        ServiceDeploymentId(base64url(bits, Self::LENGTH).collect())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

text_identity!(ServiceDeploymentId);

/// One registered revision of a task definition: `family:revision`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskDefinitionRevision {
    pub family: Family,
    /// Counts from 1 within the family and is never used twice.
    pub revision: u32,
}

impl fmt::Display for TaskDefinitionRevision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.family, self.revision)
    }
}

impl fmt::Debug for TaskDefinitionRevision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

macro_rules! arn {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(String);

        impl $type {
            /// Takes an ARN as it is; whether what it names exists is for the caller to look up.
            pub fn new(arn: impl Into<String>) -> Self {
                $type(arn.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

arn!(
    /// The ARN of a target group, the identity by which services and rules name it.
    TargetGroupArn
);
arn!(
    /// The ARN of a listener rule whose weights a deployment moves.
    ListenerRuleArn
);

/// One invocation of a lifecycle hook: `ecs-pause-` or `ecs-lambda-` and 43 base64url characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HookId(String);

/// The kind of a hook, as its id tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookKind {
    Function,
    Pause,
}

impl HookKind {
    const fn prefix(self) -> &'static str {
        match self {
            HookKind::Function => "ecs-lambda-",
            HookKind::Pause => "ecs-pause-",
        }
    }
}

impl HookId {
    const LENGTH: usize = 43;

    /// Parses an id in ECS's form.
    pub fn parse(value: &str) -> Result<Self, InvalidId> {
        let digits = [HookKind::Function, HookKind::Pause].iter().find_map(|kind| value.strip_prefix(kind.prefix()));
        if digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| BASE64URL.contains(&b))) {
            Ok(HookId(value.to_owned()))
        } else {
            let value = value.chars().take(64).collect();
            Err(InvalidId { kind: "hook id", value, rule: "ecs-{hookType}-{id}" })
        }
    }

    /// Spells 252 of the given bits.
    pub fn from_bits(kind: HookKind, high: u128, low: u128) -> Self {
        let digits = base64url(high, 22).chain(base64url(low, Self::LENGTH - 22));
        HookId(kind.prefix().chars().chain(digits).collect())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

text_identity!(HookId);

/// A target of an `ip` target group: address and port.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TargetId {
    pub address: IpAddr,
    pub port: u16,
}

impl TargetId {
    pub const fn socket(self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }
}

impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.socket())
    }
}

impl fmt::Debug for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
