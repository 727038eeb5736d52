//! What the library tells while it works, as data: the caller decides how to show it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::ser::SerializeStruct;
use time::OffsetDateTime;

use crate::config::ServiceName;
use crate::difference::Difference;
pub use crate::watch::traffic::{Pause, Traffic};

/// Something that happened, or the state of something that goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A resource was looked at and is now as it should be.
    Ensured { resource: Resource, name: String, service: Option<ServiceName>, change: Change },
    /// A deployment of a service is running and being watched.
    Watching { service: ServiceName, deployment: String, task_definition: String },
    /// The state of a watched service; comes at every look.
    Progress(Progress),
    /// ECS wrote a service event.
    ServiceEvent { service: ServiceName, at: Option<OffsetDateTime>, message: String },
    /// A task of the deployment stopped by itself or failed its checks.
    TaskStopped { service: ServiceName, task: String, why: String },
    /// The endpoint does not answer for the moment; the deployment goes on without being watched.
    ContactLost { problem: String, patience: Duration },
    /// The endpoint answers again.
    ContactRegained,
    /// Time is up; the deployment is being rolled back.
    TimedOut { service: ServiceName, limit: Duration },
    /// Infrastructure is being made.
    Infra(InfraEvent),
    /// A step of a release begins or ends.
    Step(StepEvent),
    /// A line that a program wrote which a step runs, such as a compiler.
    Output { source: String, line: String },
    /// Something worth knowing that changes nothing.
    Note(String),
}

/// Something that happens while infrastructure is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InfraEvent {
    Began {
        address: String,
        deed: Deed,
    },
    Done {
        address: String,
        deed: Deed,
    },
    Failed {
        address: String,
        why: String,
    },
    /// It goes on; what it waits for.
    Waiting(String),
}

/// What is done to a resource of an infrastructure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Create,
    Change,
    Destroy,
}

impl Deed {
    /// As it goes on.
    pub fn going_on(self) -> &'static str {
        match self {
            Deed::Create => "creating",
            Deed::Change => "changing",
            Deed::Destroy => "destroying",
        }
    }

    /// Once it is over.
    pub fn done(self) -> &'static str {
        match self {
            Deed::Create => "created",
            Deed::Change => "changed",
            Deed::Destroy => "destroyed",
        }
    }
}

/// A step of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepEvent {
    Began {
        name: String,
        /// What tells whether there is anything to do, where that is known: a digest of what goes in.
        inputs: Option<String>,
    },
    Ended {
        name: String,
        /// In a word, such as `done` or `rolled_back`.
        outcome: String,
        /// A line each.
        details: Vec<String>,
    },
}

/// A kind of thing that a deployment needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    Cluster,
    LogGroup,
    LoadBalancer,
    TargetGroup,
    Listener,
    ListenerRule,
    TaskDefinition,
    Service,
    Alarm,
    Repository,
    Image,
    ScalableTarget,
    ScalingPolicy,
    Parameters,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Resource::Cluster => "cluster",
            Resource::LogGroup => "log group",
            Resource::LoadBalancer => "load balancer",
            Resource::TargetGroup => "target group",
            Resource::Listener => "listener",
            Resource::ListenerRule => "listener rule",
            Resource::TaskDefinition => "task definition",
            Resource::Service => "service",
            Resource::Alarm => "alarm",
            Resource::Repository => "repository",
            Resource::Image => "image",
            Resource::ScalableTarget => "scalable target",
            Resource::ScalingPolicy => "scaling policy",
            Resource::Parameters => "parameters",
        })
    }
}

/// What was done to a resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It was missing, and has these settings now.
    Created(Vec<Difference>),
    /// These of its settings differed.
    Updated(Vec<Difference>),
    /// It was there and right.
    Unchanged,
    /// It was there and is gone.
    Deleted,
}

impl Change {
    /// The settings that came or differed.
    pub fn differences(&self) -> &[Difference] {
        match self {
            Change::Created(differences) | Change::Updated(differences) => differences,
            Change::Unchanged | Change::Deleted => &[],
        }
    }
}

impl Serialize for Change {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let action = match self {
            Change::Created(_) => "created",
            Change::Updated(_) => "updated",
            Change::Unchanged => "unchanged",
            Change::Deleted => "deleted",
        };
        let mut members = serializer.serialize_struct("Change", 2)?;
        members.serialize_field("action", action)?;
        members.serialize_field("differences", self.differences())?;
        members.end()
    }
}

/// The state of one watched service.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Progress {
    pub service: ServiceName,
    /// ECS's word for the state of the service deployment, such as `IN_PROGRESS`.
    pub status: String,
    /// How far traffic has come; none where the deployment moves none.
    pub traffic: Option<Traffic>,
    /// Tasks of the version being deployed.
    pub new: TaskCounts,
    /// Tasks of every other version.
    pub old: TaskCounts,
    /// Failures the circuit breaker has counted, and how many it allows; none when it is off.
    pub failures: Option<(i32, i32)>,
    pub activity: Activity,
    /// Since the deployment, or whatever else is watched, began.
    #[serde(serialize_with = "as_milliseconds")]
    pub elapsed: Duration,
}

/// What something that is watched does at the moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// It waits for this, such as "1 task to become healthy".
    WaitingFor(String),
    /// It is over: what was done, such as "deployed hello-dev-web:2", and how long it took.
    Over { what: String, after: Duration },
}

/// How many tasks are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TaskCounts {
    pub desired: usize,
    /// Not yet running.
    pub pending: usize,
    /// Running, healthy or not.
    pub running: usize,
    /// Running and healthy, as far as ECS counts it.
    pub healthy: usize,
    /// Told to stop, not yet stopped.
    pub leaving: usize,
}

/// Where events go. Cheap to clone.
#[derive(Clone)]
pub struct Reporter(Arc<dyn Fn(Event) + Send + Sync>);

impl Reporter {
    /// Sends every event to `listen`, which must not block.
    pub fn new(listen: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(listen))
    }

    /// Drops every event.
    pub fn silent() -> Self {
        Self::new(|_| ())
    }

    pub(crate) fn send(&self, event: Event) {
        (self.0)(event);
    }

    pub(crate) fn ensured(&self, resource: Resource, name: &str, service: Option<&ServiceName>, change: Change) {
        self.send(Event::Ensured { resource, name: name.to_owned(), service: service.cloned(), change });
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reporter")
    }
}

pub(crate) fn as_milliseconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}
