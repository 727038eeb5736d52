//! What a new file says.

use clap::ValueEnum;
use seatrial_release::config::{AppName, AppType, ServiceName};

/// The environment on AWS.
pub const AWS_ENVIRONMENT: &str = "prod";

/// The answers to every question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    pub app: AppName,
    pub service: ServiceName,
    pub program: Program,
    pub port: u16,
    pub health_path: String,
    pub stage: StageWord,
    /// The region and profile of an environment on AWS.
    pub aws: Option<Aws>,
    pub scaling: Scaling,
}

/// What runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// A process of this machine.
    Command(String),
    /// An image that is built from a Dockerfile.
    Dockerfile(String),
    /// An image that is in a registry.
    Image(String),
    /// What is usual for a type of application: its tests, its build, its Dockerfile where there is none.
    Usual(AppType),
}

/// An account and region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aws {
    pub region: String,
    pub profile: Option<String>,
}

/// A stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StageWord {
    /// Fast: one task, quick checks, a gap between two versions.
    Dev,
    /// Safe: two tasks or more, and never fewer than wanted.
    Prod,
    /// No preset: ECS's and Elastic Load Balancing's own defaults.
    Custom,
}

impl StageWord {
    pub fn as_str(self) -> &'static str {
        match self {
            StageWord::Dev => "dev",
            StageWord::Prod => "prod",
            StageWord::Custom => "custom",
        }
    }
}

/// Whether the number of tasks changes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scaling {
    /// A fixed number of tasks.
    None,
    /// As the stage has it: in `prod` 2 to 10 tasks by CPU and memory, elsewhere none.
    Preset,
}

impl Answers {
    /// The environment on this machine: called after its stage, where AWS does not have that name.
    pub fn local_environment(&self) -> &'static str {
        match (self.stage, &self.aws) {
            (StageWord::Prod, Some(_)) => "local",
            (stage, _) => stage.as_str(),
        }
    }
}
