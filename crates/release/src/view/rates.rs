//! Requests, errors and latency of a target group over the last seconds, out of CloudWatch's points. Pure.

use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;

/// How much of the past a figure is about where points are fine: long enough for a canary's few requests, short enough to follow it.
pub(super) const RECENT: Duration = Duration::from_secs(5);

/// How much of the past percentiles are about where points are fine: over fewer requests a p99 says nothing.
pub(super) const RECENT_LATENCY: Duration = Duration::from_secs(10);

/// Most points of the history: as many seconds as a column of a screen shows.
pub(super) const HISTORY_MAX: usize = 60;

/// How old the newest point may be before a group counts as idle: CloudWatch on AWS is up to three minutes late.
const STALE_AFTER_PERIODS: u32 = 5;

/// What went through a target group lately.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Rates {
    pub requests_per_second: f64,
    /// Answers of the targets by their first digit, 2 to 5, per second.
    pub answers_per_second: [f64; 4],
    /// The share of 5xx answers and failed connections; none without requests.
    pub error_percent: Option<f64>,
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    /// The seconds the figures are about.
    pub seconds: f64,
    /// Requests per second, the oldest first.
    pub history: Vec<f64>,
}

/// One metric's points in order of time: the beginnings of periods, and values.
pub(super) type Series = Vec<(OffsetDateTime, f64)>;

/// What CloudWatch told of one target group.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Points {
    pub requests: Series,
    /// 2xx to 5xx.
    pub answers: [Series; 4],
    pub connection_errors: Series,
    /// p50, p95, p99 in seconds, of periods of their own.
    pub latency: [Series; 3],
}

/// How points were asked for, in real time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spacing {
    pub period: Duration,
    pub latency_period: Duration,
}

/// The rates that points amount to.
pub(super) fn rates(points: &Points, spacing: Spacing, now: OffsetDateTime) -> Rates {
    let periods = (RECENT.as_secs_f64() / spacing.period.as_secs_f64()).ceil().max(1.0);
    let end = end(points, spacing, now);
    let window = spacing.period.mul_f64(periods);
    let seconds = window.as_secs_f64();
    let sum = |series: &Series| -> f64 {
        series.iter().filter(|(at, _)| *at >= end - window && *at < end).fold(0.0, |sum, (_, value)| sum + value)
    };
    let requests = sum(&points.requests);
    let failed = sum(&points.answers[3]) + sum(&points.connection_errors);
    let [p50_ms, p95_ms, p99_ms] = points.latency.each_ref().map(|series| newest(series, spacing.latency_period, now));
    // A connection that failed may not have become a request.
    let all = requests.max(failed);
    Rates {
        requests_per_second: requests / seconds,
        answers_per_second: points.answers.each_ref().map(|series| sum(series) / seconds),
        error_percent: (all > 0.0).then(|| 100.0 * failed / all),
        p50_ms: p50_ms.filter(|_| all > 0.0),
        p95_ms: p95_ms.filter(|_| all > 0.0),
        p99_ms: p99_ms.filter(|_| all > 0.0),
        seconds,
        history: history(&points.requests, spacing.period, end),
    }
}

/// The end of the newest whole period. Fine points come at once; coarse ones come late, and then the newest there is speaks.
fn end(points: &Points, spacing: Spacing, now: OffsetDateTime) -> OffsetDateTime {
    let newest = points.requests.iter().map(|(at, _)| *at).filter(|at| *at + spacing.period <= now).max();
    let is_fine = spacing.period < RECENT;
    match newest.filter(|at| !is_fine && *at + spacing.period * STALE_AFTER_PERIODS > now) {
        Some(newest) => newest + spacing.period,
        // What was counted in the last period may still be on its way.
        None => now - spacing.period,
    }
}

/// The value of the newest period that is over, else of the one going on.
fn newest(series: &Series, period: Duration, now: OffsetDateTime) -> Option<f64> {
    let recent = || series.iter().filter(|(at, _)| *at + period * STALE_AFTER_PERIODS > now);
    let over = recent().filter(|(at, _)| *at + period <= now).max_by_key(|(at, _)| *at);
    over.or_else(|| recent().max_by_key(|(at, _)| *at)).map(|(_, seconds)| seconds * 1000.0)
}

/// Requests per second of each period before `end`; a period without a point had none.
fn history(requests: &Series, period: Duration, end: OffsetDateTime) -> Vec<f64> {
    let mut counts = vec![0.0; HISTORY_MAX];
    for (at, value) in requests {
        let Ok(age) = Duration::try_from(end - *at) else { continue };
        // A period that began before `end` ended at or before it, when both are on the same grid.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // within the history, or beyond it
        let back = (age.as_secs_f64() / period.as_secs_f64()).ceil() as usize;
        if (1..=HISTORY_MAX).contains(&back) {
            counts[HISTORY_MAX - back] += value / period.as_secs_f64();
        }
    }
    let first = counts.iter().position(|count| *count > 0.0).unwrap_or(HISTORY_MAX);
    counts.split_off(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const FINE: Spacing = Spacing { period: SECOND, latency_period: Duration::from_secs(10) };
    const COARSE: Spacing = Spacing { period: Duration::from_secs(60), latency_period: Duration::from_secs(60) };

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(seconds).expect("a time")
    }

    fn every(range: std::ops::Range<i64>, step: usize, value: f64) -> Series {
        range.step_by(step).map(|second| (at(second), value)).collect()
    }

    #[test]
    fn fine_points_tell_of_the_last_five_seconds_without_the_one_still_going_on() {
        let points = Points {
            requests: every(900..1000, 1, 20.0),
            answers: [every(900..1000, 1, 15.0), vec![], vec![], every(900..1000, 1, 4.0)],
            connection_errors: every(900..1000, 1, 1.0),
            latency: [vec![(at(980), 0.002), (at(990), 0.004)], vec![(at(990), 0.008)], vec![]],
        };
        let rates = rates(&points, FINE, at(1000));
        assert_eq!((rates.requests_per_second, rates.seconds), (20.0, 5.0));
        assert_eq!(rates.answers_per_second, [15.0, 0.0, 0.0, 4.0]);
        assert_eq!(rates.error_percent, Some(25.0));
        assert_eq!((rates.p50_ms, rates.p95_ms, rates.p99_ms), (Some(4.0), Some(8.0), None));
        assert_eq!(rates.history, vec![20.0; HISTORY_MAX]);
    }

    #[test]
    fn a_group_without_requests_has_no_share_of_errors() {
        let old = Points { requests: every(900..950, 1, 20.0), ..Points::default() };
        for (points, history) in [(Points::default(), 0), (old, 60)] {
            let rates = rates(&points, FINE, at(1000));
            assert_eq!((rates.requests_per_second, rates.error_percent), (0.0, None));
            assert_eq!(rates.history.len(), history);
        }
    }

    #[test]
    fn connections_that_fail_before_they_are_requests_are_errors_all_the_same() {
        let points = Points { connection_errors: every(990..1000, 1, 2.0), ..Points::default() };
        assert_eq!(rates(&points, FINE, at(1000)).error_percent, Some(100.0));
    }

    #[test]
    fn coarse_points_that_come_late_still_count_until_they_are_stale() {
        let points = Points { requests: every(600..780, 60, 120.0), ..Points::default() };
        assert_eq!(
            rates(&points, COARSE, at(900)).requests_per_second,
            2.0,
            "the newest whole minute is two minutes old"
        );
        assert_eq!(rates(&points, COARSE, at(1300)).requests_per_second, 0.0, "too old");
        let partial = Points { requests: vec![(at(840), 120.0), (at(900), 3.0)], ..Points::default() };
        assert_eq!(rates(&partial, COARSE, at(910)).requests_per_second, 2.0, "a minute going on is not counted");
    }
}
