//! How long a deployment of a service will take, and how long its failures: the configuration turned into what `sim::forecast` lives
//! through.

mod advice;
mod subject;

use std::time::Duration;

pub use advice::{Advice, Advised, advise};
pub use seatrial_sim::forecast::causes::{Phase, Wait};
pub use seatrial_sim::forecast::life::Point;
use seatrial_sim::forecast::{self, Alarm, Fate, Profile};
pub use seatrial_sim::forecast::{Application, Ending, Forecast, Prior, Range};
use serde::Serialize;

use crate::config::ServiceName;
use crate::plan::{ServicePlan, Target};

/// Lives behind a forecast of Fargate, whose delays vary by tens of seconds.
const LIVES_FARGATE: u32 = 201;
/// Lives behind a forecast of the engine, whose delays vary by milliseconds.
const LIVES_EMBEDDED: u32 = 21;
/// When a version that crashes does so: late enough to pass a check before.
const CRASHES_AFTER: Duration = Duration::from_secs(10);

/// What a deployment runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Platform {
    Embedded,
    Fargate,
}

impl Platform {
    /// The platform of a target.
    pub fn of(target: &Target) -> Self {
        match target {
            Target::Embedded => Platform::Embedded,
            Target::Aws { .. } => Platform::Fargate,
        }
    }

    pub fn profile(self) -> Profile {
        match self {
            Platform::Embedded => Profile::embedded(),
            Platform::Fargate => Profile::fargate(),
        }
    }

    fn lives(self) -> u32 {
        match self {
            Platform::Embedded => LIVES_EMBEDDED,
            Platform::Fargate => LIVES_FARGATE,
        }
    }
}

/// What is foreseen for one service.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timeline {
    pub service: ServiceName,
    pub platform: Platform,
    pub strategy: String,
    /// The tasks wanted.
    pub desired: u32,
    /// A good version.
    pub success: Forecast,
    pub failures: Vec<Failure>,
    /// What is not counted.
    pub notes: Vec<String>,
}

/// What is foreseen for a version that fails.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failure {
    pub mishap: Mishap,
    #[serde(flatten)]
    pub forecast: Forecast,
}

/// What may be wrong with a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mishap {
    CannotBePulled,
    EndsAtStart,
    FailsChecks,
    Crashes,
    Errs,
}

impl Mishap {
    pub const ALL: [Mishap; 5] =
        [Mishap::CannotBePulled, Mishap::EndsAtStart, Mishap::FailsChecks, Mishap::Crashes, Mishap::Errs];

    /// Completes the sentence "the new version …".
    pub fn in_words(self) -> &'static str {
        match self {
            Mishap::CannotBePulled => "cannot be pulled",
            Mishap::EndsAtStart => "ends at its start",
            Mishap::FailsChecks => "fails its checks",
            Mishap::Crashes => "crashes after 10 s",
            Mishap::Errs => "answers with errors",
        }
    }

    fn fate(self) -> Fate {
        match self {
            Mishap::CannotBePulled => Fate::CannotBePulled,
            Mishap::EndsAtStart => Fate::EndsAtStart,
            Mishap::FailsChecks => Fate::FailsChecks,
            Mishap::Crashes => Fate::Crashes(CRASHES_AFTER),
            Mishap::Errs => Fate::Errs,
        }
    }
}

/// What of an application is known, and not only assumed: advice that could harm it rests on nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    pub boot: bool,
    pub slowest_request: bool,
}

/// What a deployment finds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Circumstances {
    pub platform: Platform,
    pub application: Application,
    pub known: Known,
    pub prior: Prior,
    /// How many tasks are wanted; none for what the configuration says.
    pub desired: Option<u32>,
}

/// Foresees a deployment.
pub fn timeline(plan: &ServicePlan, circumstances: &Circumstances) -> Timeline {
    let platform = circumstances.platform;
    let (subject, notes) = subject::subject(plan, circumstances);
    let (profile, lives) = (platform.profile(), platform.lives());
    let success = forecast::foresee(&subject, &profile, Fate::Good, lives);
    let possible = |mishap: &Mishap| match mishap {
        Mishap::FailsChecks => subject.balancing.is_some() || subject.container_check.is_some(),
        Mishap::Errs => subject.balancing.is_some(),
        Mishap::CannotBePulled | Mishap::EndsAtStart | Mishap::Crashes => true,
    };
    let failure =
        |mishap: Mishap| Failure { mishap, forecast: forecast::foresee(&subject, &profile, mishap.fate(), lives) };
    // A new service has nothing to go back to.
    let is_there = circumstances.prior == Prior::Steady;
    let failures = Mishap::ALL.into_iter().filter(|mishap| is_there && possible(mishap)).map(failure).collect();
    Timeline {
        service: plan.name.clone(),
        platform,
        strategy: subject.settings.deployment.strategy.as_str().to_owned(),
        desired: subject.settings.desired_count,
        success,
        failures,
        notes,
    }
}

/// The soonest that an alarm of a service fires.
fn quickest(plan: &ServicePlan) -> Option<Alarm> {
    let alarm = |period: i32, periods: i32| Alarm {
        period: Duration::from_secs(u64::from(period.unsigned_abs())),
        periods: periods.unsigned_abs(),
    };
    let own = plan.alarms.iter().map(|made| alarm(made.period, made.periods));
    own.min_by_key(|alarm| alarm.period * alarm.periods)
}
