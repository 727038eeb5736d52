//! What the controller's tests share: short ways to say what a service is like, and a deterministic world, held
//! against the checkers of the simulator.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod happenings;
pub mod life;
pub mod names;
pub mod routed;
pub mod world;

use std::time::Duration;

use seatrial_controller::{
    Command, Controller, FailFast, Input, NewDeployment, Policy, Revision, Seed, Settings, TargetGroupAttachment,
    Update,
};
use seatrial_model::{
    CircuitBreaker, DeploymentConfiguration, Percent, ServiceDeploymentId, ServiceName, TargetGroupArn, Threshold,
};

pub use seatrial_sim::behaviour::unhealthy;
pub use seatrial_sim::routed::DELAY;
pub use seatrial_sim::world::START;

pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What decides whether a task is healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checks {
    Nothing,
    Balancer,
    Container,
    Both,
    TwoBalancers,
}

pub fn target_group(index: usize) -> TargetGroupArn {
    TargetGroupArn::new(["tg-web", "tg-admin"][index])
}

/// The `number`th revision of the service, with the deregistration delay `DELAY`.
pub fn revision(number: u64, checks: Checks) -> Revision {
    let groups = match checks {
        Checks::Nothing | Checks::Container => 0,
        Checks::Balancer | Checks::Both => 1,
        Checks::TwoBalancers => 2,
    };
    let attached = |index| TargetGroupAttachment { arn: target_group(index), deregistration_delay: DELAY, route: None };
    let has_health_check = matches!(checks, Checks::Container | Checks::Both);
    Revision { has_health_check, ..seatrial_sim::routed::revision(number, (0..groups).map(attached).collect()) }
}

pub fn settings(desired_count: u32, minimum: u32, maximum: u32) -> Settings {
    Settings {
        desired_count,
        deployment: DeploymentConfiguration {
            minimum_healthy_percent: Percent::new(minimum),
            maximum_percent: Percent::new(maximum),
            ..DeploymentConfiguration::default()
        },
        health_check_grace_period: Duration::ZERO,
        fail_fast: FailFast::Off,
        shift_back: None,
    }
}

/// The same settings with a circuit breaker that rolls back.
pub fn guarded(mut settings: Settings, threshold: Threshold) -> Settings {
    settings.deployment.circuit_breaker =
        CircuitBreaker { enable: true, rollback: true, reset_on_healthy_task: true, threshold };
    settings
}

pub fn controller() -> Controller {
    let service = ServiceName::parse("web").expect("a service name");
    Controller::new(service, Seed::from_bits(7), Policy::engine(), settings(0, 100, 200))
}

pub fn deployment_id(number: u64) -> ServiceDeploymentId {
    ServiceDeploymentId::from_bits(u128::from(number))
}

pub fn deploy(settings: Settings, number: u64, checks: Checks) -> Input {
    deploy_revision(settings, number, revision(number, checks))
}

pub fn deploy_revision(settings: Settings, number: u64, revision: Revision) -> Input {
    let id = deployment_id(number);
    let new = NewDeployment { id, revision, rules: Vec::new(), firing_alarms: Vec::new() };
    let deploy = Some(Box::new(new));
    Input::Command(Command::Update(Update { settings, deploy }))
}

pub fn change(settings: Settings) -> Input {
    Input::Command(Command::Update(Update { settings, deploy: None }))
}

/// Reads a number that raises the budget of a test from the environment.
#[allow(clippy::disallowed_methods, reason = "the budget of a test is no input of the controller")]
pub fn from_environment(name: &str) -> Option<u32> {
    std::env::var(name).ok()?.parse().ok()
}
