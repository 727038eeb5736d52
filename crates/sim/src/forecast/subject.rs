//! What is deployed: a service as the controller knows it, what checks it, and how its application behaves.

use std::time::Duration;

use seatrial_controller::Settings;
use seatrial_routing::CheckSettings;

/// A service whose deployment is to be foreseen.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    pub settings: Settings,
    /// None without a load balancer.
    pub balancing: Option<Balancing>,
    /// The health check of an essential container.
    pub container_check: Option<ContainerCheck>,
    pub application: Application,
    /// The alarm that notices errors first.
    pub alarm: Option<Alarm>,
    pub prior: Prior,
}

/// Whether the service is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prior {
    /// All its tasks run and are healthy.
    Steady,
    /// It is made by this deployment.
    None,
}

/// The target group of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balancing {
    pub check: CheckSettings,
    pub deregistration_delay: Duration,
    /// Whether the service has two target groups between which traffic can be moved.
    pub has_pair: bool,
}

/// A container's own health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContainerCheck {
    pub interval: Duration,
    pub retries: u32,
    pub start_period: Duration,
}

/// How an application behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Application {
    /// From the start of its process to the first request it answers.
    pub boot: Duration,
    /// From SIGTERM to its end.
    pub stops_in: Duration,
    /// The longest request that it is answering when it is taken out of rotation.
    pub slowest_request: Duration,
    /// The compressed size of its image, in megabytes.
    pub image_megabytes: f64,
}

/// What a deployment alarm takes to fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    pub period: Duration,
    pub periods: u32,
}

impl Alarm {
    /// The name under which it is known here.
    pub const NAME: &str = "alarm";
}

/// What becomes of the version that is deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Good,
    /// Its image cannot be pulled.
    CannotBePulled,
    /// Its process ends right after its start.
    EndsAtStart,
    /// It answers its health check with errors.
    FailsChecks,
    /// It passes its checks and ends this long after its start, again and again.
    Crashes(Duration),
    /// It passes its checks and answers production requests with errors.
    Errs,
}
