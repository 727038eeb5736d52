//! The health of one container: when its check is run, and what the results add up to.
//!
//! ECS (Docker) runs the first check one interval after the start. Here the interval only says when failures *count*: until the first
//! success the check is also run in between, so that a container is HEALTHY moments after it can answer, while one that cannot has
//! exactly the time ECS gives it. Failures within `startPeriod` never count; the first success ends that grace.

use std::time::{Duration, Instant};

use seatrial_model::TimeScale;
use seatrial_model::task_definition::{HealthCheck, HealthStatus};

/// The shortest time between two checks at the configured cadence, whatever the time scale: below it checks would keep a machine busy.
pub(crate) const INTERVAL_MIN: Duration = Duration::from_millis(50);

/// Before the first success a check follows the last one after an eighth of the time since the start: the container is found HEALTHY
/// at most so much too late, at a cost that grows with the logarithm of its boot time.
const PROBE_SHARE: u32 = 8;

/// The shortest such time: a check costs a process.
const PROBE_DELAY_MIN: Duration = Duration::from_millis(50);

/// The longest, so that a slow start is still noticed within a second.
const PROBE_DELAY_MAX: Duration = Duration::from_secs(1);

/// What a run of the check said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    /// With what the check wrote, or why it could not be run.
    Failed(String),
}

/// What the monitor wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Begin,
    /// The running check has used up its timeout, which is a failure.
    GiveUp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WasChecking {
    Yes,
    No,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Activity {
    /// The container is not running.
    Idle,
    Waiting {
        until: Instant,
    },
    Checking {
        since: Instant,
    },
}

/// The checks of one container.
#[derive(Debug)]
pub(super) struct HealthMonitor {
    interval: Duration,
    timeout: Duration,
    start_period: Duration,
    retries: u32,
    activity: Activity,
    status: HealthStatus,
    /// Consecutive failures that count.
    failures: u32,
    /// What the last failing check at the configured cadence wrote.
    output: Option<String>,
    started: Option<Instant>,
    /// A failure counts when its check began at or after this.
    counts_from: Option<Instant>,
}

impl HealthMonitor {
    pub fn new(check: &HealthCheck, scale: TimeScale) -> Self {
        HealthMonitor {
            interval: scale.apply(check.interval).max(INTERVAL_MIN),
            timeout: check.timeout,
            start_period: scale.apply(check.start_period),
            retries: check.retries,
            activity: Activity::Idle,
            status: HealthStatus::Unknown,
            failures: 0,
            output: None,
            started: None,
            counts_from: None,
        }
    }

    pub fn status(&self) -> HealthStatus {
        self.status
    }

    pub fn output(&self) -> Option<&str> {
        self.output.as_deref()
    }

    /// Begins with a container that has just been started, anew when it was restarted.
    pub fn begin(&mut self, now: Instant) {
        self.status = HealthStatus::Unknown;
        self.failures = 0;
        self.output = None;
        self.started = Some(now);
        self.counts_from = Some(now + self.interval);
        self.activity = Activity::Waiting { until: now + PROBE_DELAY_MIN };
    }

    /// Ends all checking; the status stays what it was.
    pub fn cease(&mut self) -> WasChecking {
        let was_checking = matches!(self.activity, Activity::Checking { .. });
        self.activity = Activity::Idle;
        if was_checking { WasChecking::Yes } else { WasChecking::No }
    }

    pub fn wake_at(&self) -> Option<Instant> {
        match self.activity {
            Activity::Idle => None,
            Activity::Waiting { until } => Some(until),
            Activity::Checking { since } => Some(since + self.timeout),
        }
    }

    /// Tells what is to be done now, and takes it as done.
    pub fn due(&mut self, now: Instant) -> Option<Due> {
        match self.activity {
            Activity::Waiting { until } if now >= until => {
                self.activity = Activity::Checking { since: now };
                Some(Due::Begin)
            }
            Activity::Checking { since } if now >= since + self.timeout => {
                let seconds = self.timeout.as_secs();
                self.conclude(now, Verdict::Failed(format!("Health check exceeded timeout ({seconds}s)")));
                Some(Due::GiveUp)
            }
            Activity::Idle | Activity::Waiting { .. } | Activity::Checking { .. } => None,
        }
    }

    /// Takes the result of the running check; that of one given up is ignored.
    pub fn conclude(&mut self, now: Instant, verdict: Verdict) {
        let Activity::Checking { since } = self.activity else { return };
        match verdict {
            Verdict::Passed => {
                self.status = HealthStatus::Healthy;
                self.failures = 0;
                self.output = None;
                self.counts_from = None;
                self.activity = Activity::Waiting { until: now + self.interval };
            }
            Verdict::Failed(output) => {
                if self.counts_from.is_none_or(|from| since >= from) {
                    self.count_failure(since, output);
                    self.counts_from = Some(now + self.interval);
                }
                self.activity = Activity::Waiting { until: self.next_after_failure(now) };
            }
        }
    }

    fn count_failure(&mut self, began: Instant, output: String) {
        self.output = Some(output);
        let in_grace = self.started.is_some_and(|started| began < started + self.start_period);
        if self.status == HealthStatus::Unknown && in_grace {
            return;
        }
        self.failures += 1;
        if self.failures >= self.retries {
            self.status = HealthStatus::Unhealthy;
        }
    }

    fn next_after_failure(&self, now: Instant) -> Instant {
        let regular = self.counts_from.unwrap_or(now + self.interval);
        match (self.status, self.started) {
            (HealthStatus::Unknown, Some(started)) => {
                let delay = ((now - started) / PROBE_SHARE).clamp(PROBE_DELAY_MIN, PROBE_DELAY_MAX);
                regular.min(now + delay).max(now)
            }
            (HealthStatus::Unknown | HealthStatus::Healthy | HealthStatus::Unhealthy, _) => regular.max(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use seatrial_model::task_definition::HealthCheckCommand;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn check(start_period: u64) -> HealthCheck {
        HealthCheck {
            command: HealthCheckCommand::CmdShell("true".to_owned()),
            interval: 10 * SECOND,
            timeout: 5 * SECOND,
            retries: 3,
            start_period: Duration::from_secs(start_period),
        }
    }

    /// Runs a monitor in virtual time; `answer` says what a check begun so long after the start finds. Returns when which status came.
    fn history(
        check: &HealthCheck,
        until: Duration,
        answer: impl Fn(Duration) -> Verdict,
    ) -> Vec<(u128, HealthStatus)> {
        let start = Instant::now();
        let mut monitor = HealthMonitor::new(check, TimeScale::REAL);
        monitor.begin(start);
        let mut changes = Vec::new();
        let mut status = monitor.status();
        while let Some(now) = monitor.wake_at().filter(|now| *now <= start + until) {
            if monitor.due(now) == Some(Due::Begin) {
                monitor.conclude(now, answer(now - start));
            }
            if monitor.status() != status {
                status = monitor.status();
                changes.push(((now - start).as_millis(), status));
            }
        }
        changes
    }

    fn failing() -> Verdict {
        Verdict::Failed("no".to_owned())
    }

    #[test]
    fn a_container_that_answers_at_once_is_healthy_at_once() {
        let changes = history(&check(0), 60 * SECOND, |_| Verdict::Passed);
        assert_eq!(changes, [(50, HealthStatus::Healthy)]);
    }

    #[test]
    fn a_container_that_boots_for_three_seconds_is_healthy_an_eighth_later_at_most() {
        let answer = |at: Duration| if at >= 3 * SECOND { Verdict::Passed } else { failing() };
        let changes = history(&check(0), 60 * SECOND, answer);
        assert_eq!(changes.len(), 1);
        assert!((3000..=3375).contains(&changes[0].0), "{changes:?}");
    }

    #[test]
    fn failures_count_once_an_interval_however_often_the_check_is_run() {
        let changes = history(&check(0), 60 * SECOND, |_| failing());
        assert_eq!(changes, [(30_000, HealthStatus::Unhealthy)]);
    }

    #[test]
    fn failures_within_the_start_period_do_not_count() {
        let changes = history(&check(25), 120 * SECOND, |_| failing());
        assert_eq!(changes, [(50_000, HealthStatus::Unhealthy)]);
    }

    #[test]
    fn a_success_within_the_start_period_ends_the_grace() {
        let answer = |at: Duration| if at < SECOND { Verdict::Passed } else { failing() };
        let changes = history(&check(300), 60 * SECOND, answer);
        assert_eq!(changes, [(50, HealthStatus::Healthy), (30_050, HealthStatus::Unhealthy)]);
    }

    #[test]
    fn a_success_forgets_former_failures_and_heals() {
        let answer = |at: Duration| match at.as_secs() {
            0 | 30 | 65.. => Verdict::Passed,
            _ => failing(),
        };
        let changes = history(&check(0), 100 * SECOND, answer);
        let expected =
            [(50, HealthStatus::Healthy), (60_050, HealthStatus::Unhealthy), (70_050, HealthStatus::Healthy)];
        assert_eq!(changes, expected);
    }

    #[test]
    fn a_check_that_hangs_is_given_up_and_its_late_answer_ignored() {
        let start = Instant::now();
        let mut monitor = HealthMonitor::new(&HealthCheck { retries: 1, ..check(0) }, TimeScale::REAL);
        monitor.begin(start);
        assert_eq!(monitor.due(start + 10 * SECOND), Some(Due::Begin));
        assert_eq!(monitor.due(start + 14 * SECOND), None);
        assert_eq!(monitor.due(start + 15 * SECOND), Some(Due::GiveUp));
        assert_eq!(monitor.status(), HealthStatus::Unhealthy);
        assert_eq!(monitor.output(), Some("Health check exceeded timeout (5s)"));
        monitor.conclude(start + 16 * SECOND, Verdict::Passed);
        assert_eq!(monitor.status(), HealthStatus::Unhealthy);
    }

    #[test]
    fn the_time_scale_shortens_the_interval_and_not_the_timeout() {
        let scale = TimeScale::try_from(1000).expect("a valid scale");
        let monitor = HealthMonitor::new(&check(300), scale);
        assert_eq!(monitor.interval, INTERVAL_MIN);
        assert_eq!(monitor.timeout, 5 * SECOND);
        assert_eq!(monitor.start_period, Duration::from_millis(300));
    }
}
