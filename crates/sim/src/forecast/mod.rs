//! How long a deployment takes, and where the time goes: the unchanged controller lives through it many times, each time with other
//! delays of the platform, and what usually happens is told together with how far it varies.
//!
//! Reading order: [`subject`] (what is deployed), [`profile`] (what the platform takes for each thing), [`life`] (one deployment, and `tasks` what
//! its tasks do),
//! [`causes`] (its critical path), [`foresee`] (many lives).

pub mod causes;
pub mod life;
pub mod profile;
pub mod spread;
pub mod subject;
mod tasks;

use std::collections::BTreeMap;
use std::time::Duration;

use seatrial_controller::ServiceDeploymentStatus;
use serde::Serialize;

use crate::draw::Draw;
use causes::{Phase, Wait};
use life::{Life, Point};
pub use profile::Profile;
/// What a [`Subject`] is made of.
pub use seatrial_controller::{FailFast, Settings};
pub use seatrial_routing::{CheckSettings, health::Thresholds};
pub use spread::Spread;
pub use subject::{Alarm, Application, Balancing, ContainerCheck, Fate, Prior, Subject};

/// What is foreseen of a deployment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Forecast {
    /// The most frequent one.
    pub ending: Ending,
    /// From the request to the end; none when it never ends.
    pub total: Option<Range>,
    /// The critical path of the life whose duration is the median one: what was waited for, one after the other.
    pub phases: Vec<Phase>,
    /// The time on the critical path by what was waited for, over all lives.
    pub waits: BTreeMap<Wait, Range>,
    /// The fewest healthy tasks at any time, in the median life.
    pub fewest_healthy: u32,
    /// The most tasks at any time, those that are leaving included.
    pub most_tasks: u32,
    /// Seconds of all tasks together, from the order to start or the request to the end of the task or of the deployment.
    pub task_seconds: f64,
    /// Those above what the wanted number of tasks takes in the same time.
    pub extra_task_seconds: f64,
    /// In which part of the lives the deployment was given up, from 0 to 1.
    pub noticed: f64,
    /// When the deployment was given up, in those lives.
    pub given_up: Option<Range>,
    /// From when on no production request meets the version that was given up; zero when none ever did.
    pub traffic_back: Option<Range>,
    /// The median life in numbers.
    pub points: Vec<Point>,
}

/// How a deployment ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    Successful,
    RolledBack,
    RollbackFailed,
    /// It is stopped, and what it did stays.
    Stopped,
    /// It goes on until somebody ends it.
    Never,
}

/// What is usual, and between what nine of ten are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Range {
    #[serde(rename = "low_ms", serialize_with = "as_milliseconds")]
    pub low: Duration,
    #[serde(rename = "median_ms", serialize_with = "as_milliseconds")]
    pub median: Duration,
    #[serde(rename = "high_ms", serialize_with = "as_milliseconds")]
    pub high: Duration,
}

pub(crate) fn as_milliseconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

impl Range {
    /// Of at least one duration, in any order.
    fn of(mut durations: Vec<Duration>) -> Option<Self> {
        durations.sort_unstable();
        let at = |percent: usize| {
            durations.get((durations.len() * percent / 100).min(durations.len().checked_sub(1)?)).copied()
        };
        Some(Range { low: at(5)?, median: at(50)?, high: at(95)? })
    }
}

impl From<Option<ServiceDeploymentStatus>> for Ending {
    fn from(status: Option<ServiceDeploymentStatus>) -> Self {
        match status {
            Some(ServiceDeploymentStatus::Successful) => Ending::Successful,
            Some(ServiceDeploymentStatus::RollbackSuccessful) => Ending::RolledBack,
            Some(ServiceDeploymentStatus::RollbackFailed) => Ending::RollbackFailed,
            Some(ServiceDeploymentStatus::Stopped) => Ending::Stopped,
            Some(_) | None => Ending::Never,
        }
    }
}

/// Foresees the deployment of a version with this fate, from that many lives.
pub fn foresee(subject: &Subject, profile: &Profile, fate: Fate, lives: u32) -> Forecast {
    let seeds = 0..u64::from(lives.max(1));
    let mut all: Vec<Life> = seeds.map(|seed| Life::lived(subject, profile, fate, Draw::new(seed))).collect();
    all.sort_by_key(|life| life.took);
    let totals: Option<Vec<Duration>> = all.iter().map(|life| life.took).collect();
    let mut waits: BTreeMap<Wait, Vec<Duration>> = BTreeMap::new();
    for life in &all {
        let mut own: BTreeMap<Wait, Duration> = BTreeMap::new();
        for phase in &life.phases {
            *own.entry(phase.wait).or_default() += phase.took();
        }
        for wait in Wait::ALL {
            waits.entry(wait).or_default().push(own.get(&wait).copied().unwrap_or_default());
        }
    }
    let waits = waits.into_iter().filter_map(|(wait, durations)| Some((wait, Range::of(durations)?)));
    let mut endings: BTreeMap<Ending, usize> = BTreeMap::new();
    for life in &all {
        *endings.entry(life.ending).or_default() += 1;
    }
    let ending = endings.into_iter().max_by_key(|(_, count)| *count).map_or(Ending::Never, |(ending, _)| ending);
    let given_up: Vec<Duration> = all.iter().filter_map(|life| life.given_up).collect();
    let noticed = given_up.len() as f64 / all.len() as f64;
    let traffic_back = all.iter().filter_map(|life| life.traffic_back).collect();
    let middle = all.len() / 2;
    let (given_up, traffic_back) = (Range::of(given_up), Range::of(traffic_back));
    let waits = waits.filter(|(_, range)| !range.high.is_zero()).collect();
    let median = all.swap_remove(middle);
    let (task_seconds, extra_task_seconds) = median.task_seconds(subject.settings.desired_count);
    Forecast {
        ending,
        noticed,
        total: totals.and_then(Range::of),
        waits,
        fewest_healthy: median.points.iter().map(|point| point.healthy).min().unwrap_or(0),
        most_tasks: median.points.iter().map(|point| point.tasks).max().unwrap_or(0),
        task_seconds,
        extra_task_seconds,
        given_up,
        traffic_back,
        phases: median.phases,
        points: median.points,
    }
}
