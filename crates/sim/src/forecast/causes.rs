//! Why a deployment took as long as it did: every input of the controller names the one that led to it and what was waited for in
//! between, so the path from the end back to the request is the critical one.

use std::time::Duration;

use seatrial_controller::WakeReason;
use seatrial_model::Timestamp;
use serde::Serialize;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    Scheduler,
    Provisioning,
    Pull,
    Start,
    Boot,
    HealthCheck,
    /// The scheduler's knowledge of a target's health.
    Notice,
    /// What nothing checks counts as healthy after a while.
    CountsAsHealthy,
    GracePeriod,
    StartThrottle,
    Draining,
    Stop,
    Deprovisioning,
    /// The time between the steps of a shift, and the bake time.
    Bake,
    /// An alarm that is about to fire.
    Alarm,
    /// The life of a task that crashes.
    Crash,
    Other,
}

impl Wait {
    pub const ALL: [Wait; 17] = [
        Wait::Scheduler,
        Wait::Provisioning,
        Wait::Pull,
        Wait::Start,
        Wait::Boot,
        Wait::HealthCheck,
        Wait::Notice,
        Wait::CountsAsHealthy,
        Wait::GracePeriod,
        Wait::StartThrottle,
        Wait::Draining,
        Wait::Stop,
        Wait::Deprovisioning,
        Wait::Bake,
        Wait::Alarm,
        Wait::Crash,
        Wait::Other,
    ];
}

impl From<WakeReason> for Wait {
    fn from(reason: WakeReason) -> Self {
        match reason {
            WakeReason::DeregistrationDelayEnds => Wait::Draining,
            WakeReason::GracePeriodEnds => Wait::GracePeriod,
            WakeReason::CountsAsHealthy => Wait::CountsAsHealthy,
            WakeReason::ThrottleEnds => Wait::StartThrottle,
            WakeReason::BakeTimeEnds => Wait::Bake,
            WakeReason::ProvesItself | WakeReason::StepBackIsDue | WakeReason::HookIsDue | WakeReason::LimitReached => {
                Wait::Other
            }
        }
    }
}

/// What led to an input: the number of the input before, and what was waited for since, each until an instant.
#[derive(Clone, Debug, Default)]
pub struct Cause {
    pub parent: Option<usize>,
    pub waits: Vec<(Wait, Timestamp)>,
}

impl Cause {
    pub fn of(parent: usize) -> Self {
        Cause { parent: Some(parent), waits: Vec::new() }
    }

    #[must_use]
    pub fn then(mut self, wait: Wait, until: Timestamp) -> Self {
        self.waits.push((wait, until));
        self
    }
}

/// A part of the critical path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Phase {
    pub wait: Wait,
    /// Since the request.
    #[serde(rename = "begin_ms", serialize_with = "super::as_milliseconds")]
    pub begin: Duration,
    #[serde(rename = "end_ms", serialize_with = "super::as_milliseconds")]
    pub end: Duration,
}

impl Phase {
    pub fn took(&self) -> Duration {
        self.end - self.begin
    }
}

/// The inputs of a life so far.
#[derive(Debug, Default)]
pub struct Causes(Vec<(Timestamp, Cause)>);

impl Causes {
    /// Takes note of an input; returns its number.
    pub fn note(&mut self, at: Timestamp, cause: Cause) -> usize {
        self.0.push((at, cause));
        self.0.len() - 1
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// When an input was given that was noted before.
    pub fn at(&self, number: usize) -> Timestamp {
        self.0[number].0
    }

    /// The last input at or before an instant.
    pub fn last_until(&self, at: Timestamp) -> Option<usize> {
        self.0.partition_point(|(noted, _)| *noted <= at).checked_sub(1)
    }

    /// What was waited for between `begin` and an input, without gaps; neighbours of one kind are one.
    pub fn path(&self, last: usize, begin: Timestamp) -> Vec<Phase> {
        let mut backwards: Vec<(Wait, Timestamp, Timestamp)> = Vec::new();
        let mut number = Some(last);
        while let Some(current) = number {
            let (at, cause) = &self.0[current];
            let since = cause.parent.map_or(begin, |parent| self.0[parent].0).max(begin);
            let mut from = since;
            let mut parts = Vec::new();
            for (wait, end) in cause.waits.iter().copied().chain([(Wait::Other, *at)]) {
                let until = end.clamp(from, (*at).max(from));
                parts.push((wait, from, until));
                from = until;
            }
            backwards.extend(parts.into_iter().rev());
            number = cause.parent.filter(|_| since > begin);
        }
        let mut phases: Vec<Phase> = Vec::new();
        for (wait, from, to) in backwards.into_iter().rev().filter(|(_, from, to)| from < to) {
            let (from, to) = (from.since(begin), to.since(begin));
            match phases.last_mut().filter(|phase| phase.wait == wait) {
                Some(phase) => phase.end = to,
                None => phases.push(Phase { wait, begin: from, end: to }),
            }
        }
        phases
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_without_gaps_and_leaves_out_what_did_not_matter() {
        let at = |millis| Timestamp::from_millis(millis);
        let mut causes = Causes::default();
        let first = causes.note(at(100), Cause::default());
        let request = causes.note(at(1_010), Cause { parent: None, waits: vec![(Wait::Scheduler, at(1_010))] });
        let quick = causes.note(at(1_500), Cause::of(request).then(Wait::Stop, at(1_500)));
        let slow = causes.note(at(3_000), Cause::of(request).then(Wait::Pull, at(2_000)).then(Wait::Start, at(3_000)));
        let end = causes.note(at(4_000), Cause::of(slow).then(Wait::Start, at(3_500)));
        let phase =
            |wait, begin, end| Phase { wait, begin: Duration::from_millis(begin), end: Duration::from_millis(end) };
        assert_eq!(
            causes.path(end, at(1_000)),
            [
                phase(Wait::Scheduler, 0, 10),
                phase(Wait::Pull, 10, 1_000),
                phase(Wait::Start, 1_000, 2_500),
                phase(Wait::Other, 2_500, 3_000),
            ]
        );
        assert_eq!(causes.last_until(at(2_999)), Some(quick));
        assert_eq!(causes.last_until(at(99)), None);
        assert_eq!(causes.last_until(at(100)), Some(first));
    }
}
