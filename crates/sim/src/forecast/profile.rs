//! What a platform takes for each thing. The figures and where they are from: docs/decisions/0013-timelines.md.

use std::time::Duration;

use seatrial_controller::Policy;

use super::spread::Spread;

/// A platform.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    pub name: &'static str,
    /// The time between two looks of the scheduler; none when it acts at once.
    pub tick: Option<Duration>,
    pub policy: Policy,
    /// From the order to start a task to the machine that runs it.
    pub provisioning: Spread,
    /// A pull without its bytes.
    pub pull: Spread,
    pub pull_per_megabyte: Duration,
    /// From the image to the process.
    pub start: Spread,
    /// What each further task that starts at the same time adds: one machine starts them one after the other.
    pub start_each: Duration,
    /// From the order to the failure of a pull.
    pub failed_pull: Spread,
    pub probing: Probing,
    /// From a target's health to the scheduler's knowledge of it.
    pub notice: Spread,
    /// From the decision that a task leaves to the end of its registration.
    pub deregistration: Spread,
    pub draining: Draining,
    /// From the end of its processes to the end of a task.
    pub deprovisioning: Spread,
    /// From the end of the last period that counts to the alarm.
    pub alarm: Spread,
}

/// When a new target is probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probing {
    /// Once an interval, from any moment of it on.
    EveryInterval,
    /// As the engine's balancer does it: often, until the first pass.
    Eagerly,
}

/// How long a leaving target drains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draining {
    /// The deregistration delay, whatever it does.
    WholeDelay,
    /// Until its last request is answered, at most the delay.
    UntilIdle,
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

impl Profile {
    /// Amazon ECS on Fargate with an Application Load Balancer.
    pub fn fargate() -> Self {
        Profile {
            name: "fargate",
            tick: Some(Duration::from_secs(10)),
            policy: Policy {
                start_throttle_base: Duration::from_secs(30),
                // A crash is not throttled: what a start takes is enough.
                crash_throttle_cap: Duration::ZERO,
                ..Policy::engine()
            },
            provisioning: Spread::Around { median: millis(17_700), high: millis(26_000) },
            pull: Spread::Around { median: millis(2_000), high: millis(4_000) },
            pull_per_megabyte: millis(25),
            start: Spread::Around { median: millis(3_500), high: millis(9_000) },
            start_each: Duration::ZERO,
            failed_pull: Spread::between_seconds(80, 100),
            probing: Probing::EveryInterval,
            notice: Spread::between_seconds(5, 25),
            deregistration: Spread::between_seconds(1, 10),
            draining: Draining::WholeDelay,
            deprovisioning: Spread::between_seconds(17, 23),
            alarm: Spread::between_seconds(60, 120),
        }
    }

    /// The embedded engine on this machine.
    pub fn embedded() -> Self {
        Profile {
            name: "embedded",
            tick: None,
            policy: Policy::engine(),
            provisioning: Spread::NONE,
            pull: Spread::NONE,
            pull_per_megabyte: Duration::ZERO,
            start: Spread::Between(millis(4), millis(8)),
            start_each: millis(7),
            failed_pull: Spread::Between(millis(4), millis(8)),
            probing: Probing::Eagerly,
            notice: Spread::Between(millis(1), millis(3)),
            deregistration: Spread::NONE,
            draining: Draining::UntilIdle,
            deprovisioning: Spread::Between(millis(2), millis(8)),
            alarm: Spread::Between(millis(200), millis(1_200)),
        }
    }
}
