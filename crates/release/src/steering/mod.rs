//! Steering: what the coordinator itself does while ECS carries out a deployment. ECS pauses where it was told to; some of these pauses
//! are the coordinator's own, and it answers them when it has verified the new version, or when a share has been watched long enough.
//!
//! `decide` judges (pure), `pilot` carries it out, `marks` keeps what has to outlast this process, as tags of the service.

pub(crate) mod decide;
pub(crate) mod marks;
pub(crate) mod pilot;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::verify::Check;
use crate::watch::goal::Until;

/// Added to the limit of a pause of the coordinator's own: long enough for a slow answer or a restart of it, and short enough that a
/// deployment nobody steers any more is soon rolled back.
const MARGIN: Duration = Duration::from_secs(10 * 60);

/// What the coordinator does in a deployment of one service.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Steering {
    /// Shares of production traffic, growing. Empty: ECS moves traffic by itself.
    pub steps: Vec<ShiftStep>,
    /// Tried against the new version before it gets production traffic.
    pub checks: Vec<Check>,
    /// Whether a deployment is left to itself once the new version has all traffic and only the way back is kept open.
    pub handover: Handover,
    /// Where the new version can be asked; none without a listener.
    pub test_address: Option<TestAddress>,
}

/// Where a new version answers while nobody else asks it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TestAddress {
    /// The load balancer's name.
    pub load_balancer: String,
    /// The address, with [`TestAddress::HOST`] in the place of the load balancer's host name.
    pub pattern: String,
    /// The header that leads a request to the new version, where the address does not.
    pub header: Option<(String, String)>,
}

impl TestAddress {
    /// Stands for a host name that only the load balancer knows.
    pub const HOST: &str = "load-balancer";

    /// The address behind a load balancer of this host name.
    pub(crate) fn url(&self, host: &str) -> String {
        self.pattern.replacen(TestAddress::HOST, host, 1)
    }
}

/// When a command that deploys has nothing more to wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Handover {
    /// When the deployment is over.
    #[default]
    AtTheEnd,
    /// When the bake time begins: it is a rollback window, not a trial.
    AtBakeTime,
}

impl Handover {
    pub(crate) fn until(self) -> Until {
        match self {
            Handover::AtTheEnd => Until::Stable,
            Handover::AtBakeTime => Until::Deployed,
        }
    }
}

/// A share of production traffic and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ShiftStep {
    pub share: Tenths,
    pub then: Then,
}

/// What has to happen before the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// This time passes.
    Bake(Duration),
    /// Somebody decides, in this time.
    Ask { limit: Duration },
}

impl Steering {
    /// Whether ECS waits for this program somewhere.
    pub fn has_pauses(&self) -> bool {
        !self.steps.is_empty() || !self.checks.is_empty()
    }

    /// Makes the commands of its checks run beside the configuration file.
    pub(crate) fn run_commands_in(&mut self, directory: &Path) {
        for check in &mut self.checks {
            match check {
                Check::Command(command) => command.directory = directory.to_path_buf(),
                Check::Http(_) => {}
            }
        }
    }

    /// The same wherever it is carried out.
    pub(crate) fn without_places(mut self) -> Self {
        self.run_commands_in(Path::new(""));
        self
    }

    /// The time in which the coordinator answers a pause of its own at the latest.
    pub fn pause_limit(&self) -> Duration {
        let of_step = |step: &ShiftStep| match step.then {
            Then::Bake(bake) => bake + MARGIN,
            Then::Ask { limit } => limit,
        };
        self.steps.iter().map(of_step).max().unwrap_or_default().max(self.checking_time() + MARGIN)
    }

    /// The time the checks may take: of this machine, whatever the endpoint makes of durations.
    pub fn checking_time(&self) -> Duration {
        self.checks.iter().map(Check::longest).sum()
    }

    /// The time that passes by itself, before the bake time.
    pub fn passing_time(&self) -> Duration {
        let bake = |step: &ShiftStep| match step.then {
            Then::Bake(bake) => bake,
            Then::Ask { .. } => Duration::ZERO,
        };
        self.steps.iter().map(bake).sum()
    }
}

/// A share of traffic in tenths of a percent, from 0 to 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "f64")]
pub struct Tenths(u16);

impl Tenths {
    pub const NONE: Tenths = Tenths(0);
    pub const ALL: Tenths = Tenths(1000);

    /// That many tenths, at most all.
    pub const fn of(tenths: u16) -> Self {
        if tenths > 1000 { Tenths::ALL } else { Tenths(tenths) }
    }

    /// The nearest to a percentage.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped
    pub fn of_percent(percent: f64) -> Self {
        Tenths((percent * 10.0).round().clamp(0.0, 1000.0) as u16)
    }

    pub fn percent(self) -> f64 {
        f64::from(self.0) / 10.0
    }

    /// The largest share of which both are multiples.
    pub(crate) fn greatest_common_divisor(self, other: Self) -> Self {
        let (mut larger, mut smaller) = (self.0, other.0);
        while smaller > 0 {
            (larger, smaller) = (smaller, larger % smaller);
        }
        Tenths(larger)
    }
}

impl From<Tenths> for f64 {
    fn from(share: Tenths) -> f64 {
        share.percent()
    }
}

impl fmt::Display for Tenths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.percent())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_lasts_as_long_as_its_longest_reason_and_a_margin() {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let step = |tenths, then| ShiftStep { share: Tenths::of(tenths), then };
        let steering = |steps| Steering { steps, ..Steering::default() };
        assert_eq!(steering(vec![step(100, Then::Bake(minutes(5)))]).pause_limit(), minutes(15));
        let asks = steering(vec![step(100, Then::Bake(minutes(5))), step(500, Then::Ask { limit: minutes(60) })]);
        assert_eq!((asks.pause_limit(), asks.passing_time()), (minutes(60), minutes(5)));
        assert_eq!(Steering::default().pause_limit(), MARGIN);
    }
}
