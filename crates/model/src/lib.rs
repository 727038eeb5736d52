//! The vocabulary every other crate speaks: Amazon ECS's and Elastic Load Balancing's own words as types.
//!
//! Values are parsed at the edge and cannot be wrong afterwards. Nothing here reads a clock, draws a random number or does I/O.

pub mod arn;
pub mod deployment_configuration;
pub mod id;
pub mod image;
pub mod lifecycle;
pub mod load_balancing;
pub mod percent;
pub mod secret_text;
pub mod shift_back;
pub mod skip_bake;
pub mod strategy;
pub mod task_definition;
pub mod time;

pub use arn::{AccountId, Arn, Partition, Region};
pub use deployment_configuration::{
    CircuitBreaker, DeploymentAlarms, DeploymentConfiguration, EarlySuccess, Threshold,
};
pub use id::{
    ClusterName, ContainerName, DeploymentId, Family, HookId, HookKind, ListenerRuleArn, RevisionId,
    ServiceDeploymentId, ServiceName, TargetGroupArn, TargetId, TaskDefinitionRevision, TaskId,
};
pub use lifecycle::{HookTarget, LifecycleHook, LifecycleStage, TimeoutAction};
pub use percent::Percent;
pub use secret_text::SecretText;
pub use shift_back::{ReturnSteps, SHIFT_BACK_TAG};
pub use strategy::{Strategy, TrafficPercent};
pub use time::{TIME_SCALE_MAX, TimeScale, Timestamp};
